"""The pages a browser sees: films and showtimes, the seat map, a booking's ticket, the API. They speak the public wire."""
