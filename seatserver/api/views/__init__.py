"""What several resources show: seats, counts, showtimes, bookings."""
