"""Files that an owner has, read as batches: one reader a format, nothing written, nothing unpacked
to disk.

Whatever a file holds, what is held in memory is bounded; a fault names the place and never a value.
"""

from leftopen.files.item import Item, Options
from leftopen.files.opening import items
from leftopen.files.walk import Found, Skipped, find

__all__ = ["Found", "Item", "Options", "Skipped", "find", "items"]
