"""The one door to the network: nothing outside this package opens a socket."""
