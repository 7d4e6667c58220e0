"""The stores of `bench.seed_scale`: who is in them, how they are filled, how a scan is watched."""
