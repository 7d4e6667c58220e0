"""The parts of bench/discover.py: stores, decoys, silent hosts, and the two that are measured."""
