"""Bookings: from a hold to a booking, its payment, its cancellation, and its entry in a calendar."""
