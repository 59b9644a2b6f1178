"""What several kinds of tests need, and the load tests with them."""
