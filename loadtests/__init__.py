"""The load lab: run by hand, never as timed tests. ``python -m loadtests`` lists what there is."""
