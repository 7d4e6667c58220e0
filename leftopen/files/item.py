"""One file, or member of an archive, while it is read: what it is, what went wrong, its batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from leftopen.errors import LeftopenError

BATCH_BYTES = 4 << 20  # of text or documents that become one batch
BATCH_ROWS = 4_096  # documents or rows of them
LARGEST = 64 << 20  # bytes of one document, one row, one statement
_TOLD = 3  # faults of one file that are told in full

Batches = Iterator[tuple[str, pa.RecordBatch]]


class Fault(LeftopenError):
    """What is wrong with a file, where, and what to do: leftopen's own words and numbers only."""

    code = "file"


def _nothing_known(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Options:
    """`rows` is how many of each table are wanted (None: all); `known` says whether a word is one
    that fields are called by, which tells a header from a row.
    """

    rows: int | None = None
    known: Callable[[str], bool] = _nothing_known


@dataclass(slots=True)
class Item:
    """What is known of the file so far. `path` is safe to show; `stem` is what it is about.

    `format` None: nothing that leftopen reads. `complete` False: something in it was not read.
    """

    path: str
    stem: str = ""
    format: str | None = None
    compression: list[str] = field(default_factory=list)
    encoding: str | None = None
    delimiter: str | None = None
    complete: bool = True
    unread: bool = False
    faults: list[str] = field(default_factory=list)
    more: int = 0
    reader: Callable[[], Batches] | None = None

    def fault(self, text: str) -> None:
        """Something was not read."""
        self.complete = False
        self.remark(text)

    def remark(self, text: str) -> None:
        """Something to know, though everything was read."""
        if text in self.faults:
            return
        if len(self.faults) < _TOLD:
            self.faults.append(text)
        else:
            self.more += 1

    @property
    def error(self) -> str | None:
        """All that went wrong, in one line."""
        if not self.faults:
            return None
        more = f"; and {self.more} more of such" if self.more else ""
        return "; ".join(self.faults) + more

    def batches(self) -> Batches:
        """Every table's batches, with the table's name ("" where the file is one table).

        Raises nothing but KeyboardInterrupt: what fails is a fault of the file, and what came
        before it counts.
        """
        if self.reader is None:
            return
        try:
            yield from self.reader()
        except Fault as fault:
            self.fault(str(fault))
        except MemoryError:
            self.fault("a part of it is too large for the memory; split it")
        except Exception as error:  # whatever a damaged file leads a library to
            self.fault(f"it is damaged or not what it seems ({type(error).__name__})")
