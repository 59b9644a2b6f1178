"""Seats that a theatre keeps back: blocked for everybody, or allocated to a sales channel. And the log of that."""
