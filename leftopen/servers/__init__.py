"""Launchers of real servers on loopback, for the demo and the tests: one file per server.

Each runs as a separate process of its own, on a free port of a 127.0.0.x address, in a folder that
goes when it stops, and is stopped by its process id.
"""
