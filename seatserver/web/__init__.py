"""The pages a browser sees: front page, seat map, API documentation. They speak the public wire only."""
