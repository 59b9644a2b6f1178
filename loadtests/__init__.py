"""Load tests, run by hand and never as part of the tests. ``python -m loadtests --help`` lists them."""
