"""Bytes of a file, packed or not, as a stream that never fails in the middle of a reader.

A stream that breaks (a truncated gzip, a disk error, a bomb) ends instead, and says so in `broken`:
what was read before the break is still of use, and no library meets an error it does not expect.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol, cast

import pyarrow as pa

from leftopen.files.item import Fault

HEAD = 256 << 10  # bytes that a format is known by
IN_MEMORY = 128 << 20  # bytes of a packed file whose format needs going back and forth
_RATIO = 200  # bytes out for each byte of the file; honest tables stay below a hundred
_FREE = 64 << 20  # bytes out before the ratio counts
_PIECE = 64 << 10

_DAMAGED = (
    EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, pa.ArrowException, tarfile.TarError,
    zipfile.BadZipFile,
)  # fmt: skip


class Readable(Protocol):
    """What a stream is made of."""

    def read(self, size: int = -1, /) -> bytes: ...


class Bound:
    """How much may come out of one packed file in all, however often it is packed."""

    def __init__(self, packed: int) -> None:
        self._left = max(_FREE, packed * _RATIO)

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise Fault(
                f"it unpacks to more than {_RATIO} times its size, as a zip bomb does; "
                "unpack it yourself if you trust it",
                code="bomb",
            )


class Counted(io.RawIOBase):
    """A file on disk that tells how many bytes were read from it."""

    def __init__(self, file: BinaryIO, watch: Callable[[int], None]) -> None:
        self._file, self._watch = file, watch

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # any writable buffer
        count = self._file.readinto(view) or 0  # type: ignore[attr-defined]  # a raw file has it
        self._watch(count)
        return int(count)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


class Stream(io.RawIOBase):
    """A stream with a head that is looked at beforehand; `file` where it can be gone back in."""

    def __init__(self, source: Readable, *, file: BinaryIO | None = None) -> None:
        self._source, self.file = source, file
        self.broken: Fault | None = None
        self.head = b""
        while len(self.head) < HEAD and (piece := self._next(HEAD - len(self.head))):
            self.head += piece
        self._ahead = self.head
        self.ended = len(self.head) < HEAD

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, fewer where fewer are at hand; b"" at the end."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if self._ahead:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            return piece
        return self._next(size)

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # any writable buffer
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def _next(self, size: int) -> bytes:
        if self.broken:
            return b""
        try:
            return self._source.read(size) or b""
        except Fault as fault:
            self.broken = fault
        except _DAMAGED as error:
            place = "ends too early" if isinstance(error, EOFError) else "cannot be read to its end"
            self.broken = Fault(f"it {place}; what came before that was read")
        return b""

    def whole(self) -> BinaryIO:
        """The same as a file that can be gone back and forth in."""
        if self.file is not None:
            self.file.seek(0)
            return self.file
        kept = io.BytesIO()
        while piece := self.read(1 << 20):
            if kept.tell() + len(piece) > IN_MEMORY:
                raise Fault(
                    f"inside an archive only {IN_MEMORY >> 20} MiB of this format can be read; "
                    "unpack it first"
                )
            kept.write(piece)
        kept.seek(0)
        return kept


class _Unpacked:
    """What a decompressor gives, piece by piece, within the bound."""

    def __init__(self, read: Callable[[int], bytes], bound: Bound) -> None:
        self._read, self._bound = read, bound

    def read(self, size: int = -1, /) -> bytes:
        piece = self._read(min(size, _PIECE) if size > 0 else _PIECE)
        self._bound.spend(len(piece))
        return piece


def unpacked(kind: str, stream: Stream, bound: Bound) -> Readable:
    """The stream without its compression: gzip, bz2, xz or zstd."""
    if kind == "gzip":
        return _Unpacked(gzip.GzipFile(fileobj=stream).read1, bound)
    if kind == "bz2":
        return _Unpacked(bz2.BZ2File(stream).read1, bound)
    if kind == "xz":
        return _Unpacked(lzma.LZMAFile(cast(BinaryIO, stream)).read1, bound)
    return _Unpacked(pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd").read, bound)


def bounded(source: Readable, bound: Bound) -> Readable:
    """A member of an archive within the archive's bound."""
    return _Unpacked(source.read, bound)
