"""A real-time seat-map server for cinemas.

One live room per showtime: every viewer sees the same seats, exactly one of them gets a seat, and a booking is
never lost and never doubled. Start reading at ``server.py``, where everything is wired together.
"""

__version__ = "0.1.0"
