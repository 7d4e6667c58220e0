"""The countries of the world as outlines: offline, from vendored files."""
