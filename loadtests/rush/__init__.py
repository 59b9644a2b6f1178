"""The rush: an opening with many people against any installation, and a verdict that refuses to lie.

A `scenario` file says who comes. `schedule` makes a `Plan` for each person of it, the same for the same seed. A
`generator` lets the `people` live by their plans, each with a `line` into a showtime and a map on the screen (`maps`).
Latencies count from when a request was due (`latency`). What happened is in the `notes`. The `oracle` compares them
with what the server and Postgres say afterwards, and `verdict` makes an exit code of it.
"""
