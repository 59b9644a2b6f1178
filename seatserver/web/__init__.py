"""The pages a browser sees: showtimes, seat map, ticket, API documentation … They speak the public wire only."""
