"""The public contract of the socket, version 1.

A message is one JSON text (`seatmap.v1+json`) or one MessagePack map (`seatmap.v1+msgpack`) with a ``type``. Each is
declared once, in `from_client` or `from_server`, with what answers it and an example; `/asyncapi.json`, the server's
dispatch and what both clients know of the messages are made from that. Seats and general-admission areas are indexes
into the layout that `Welcome.layout` names; states are the numbers of `seatserver.seats.states.SeatState`. Every
command has a ``ref`` chosen by the client, which the reply repeats. Times are milliseconds since the epoch on the
server's clock; ``server_ms`` lets a client work out how far off its own clock is.
"""
