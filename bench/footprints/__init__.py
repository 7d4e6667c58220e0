"""The stores of `bench.footprint`: how each is filled with records, and what it counts itself."""
