"""Other classifiers, each run in an environment of its own by its runner script."""
