"""An engine's own note of how to read a collection, taken back from it."""

from __future__ import annotations

from typing import TypeVar

from leftopen.engine import Collection

T = TypeVar("T")


def handle_of(collection: Collection, kind: type[T]) -> T:
    """The collection's handle; raises TypeError where another engine has made it."""
    handle = collection.handle
    if not isinstance(handle, kind):
        raise TypeError("the collection is not one of this engine")
    return handle
