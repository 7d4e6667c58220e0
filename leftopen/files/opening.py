"""A file on disk as items to read: its format found, its packing taken off, archives opened."""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from leftopen.files import bson_dump, columnar, delimited, detect, json_text, sql_dump, sqlite
from leftopen.files.encoding import Utf8
from leftopen.files.item import Batches, Fault, Item, Options
from leftopen.files.stream import Bound, Counted, Stream, bounded, unpacked
from leftopen.files.walk import Found

_DEEPEST = 2  # archives in one another, and compressions on one another
_ENDINGS = re.compile(
    r"(?i)\.(?:gz|gzip|bz2|xz|zst|zstd|tgz|tbz|txz|csv|tsv|tab|txt|json|jsonl|ndjson|bson|parquet|"
    r"arrow|feather|ipc|sqlite3?|db|sql|dump|tar|zip|dat)$"
)
_BINARY = {
    "parquet": columnar.parquet,
    "arrow": columnar.arrow_file,
    "arrow stream": columnar.arrow_stream,
    "bson": bson_dump.read,
}
_TEXT = {
    "delimited": delimited.read,
    "json": json_text.read,
    "jsonl": json_text.read_lines,
    "sql": sql_dump.read,
}


def items(found: Found, options: Options, watch: Callable[[int], None]) -> Iterator[Item]:
    """The file, or the members of the archive that it is; each to be read before the next is asked
    for. `watch` is told the bytes read from the disk.

    Members' names are the archive's own: they come after `!` in `path`, and the caller must make
    them safe to show.
    """
    try:
        raw = found.path.open("rb", buffering=0)
    except OSError as error:
        item = Item(found.name, unread=True)
        item.fault(f"it cannot be opened ({error.strerror}); ask for the right to read it")
        yield item
        return
    with Counted(raw, watch) as file:
        opener = _Opener(found, options)
        yield from opener.open(
            Stream(file, file=cast(BinaryIO, file)), found.name, stem_of(found.name), 0
        )


def stem_of(name: str) -> str:
    """What a file is about: its name without folders and endings of formats."""
    stem = PurePosixPath(name).name
    while (shorter := _ENDINGS.sub("", stem)) != stem and shorter:
        stem = shorter
    return stem


class _Opener:
    """One file on disk being opened, with the bound on all that comes out of it."""

    def __init__(self, found: Found, options: Options) -> None:
        self._found, self._options = found, options
        self._bound = Bound(found.size)

    def open(self, stream: Stream, path: str, stem: str, deep: int) -> Iterator[Item]:
        item = Item(path, stem)
        name = PurePosixPath(path.rpartition("!")[2]).name
        kind = detect.magic(stream.head, name)
        packed: list[Stream] = [stream]
        while kind in detect.COMPRESSIONS.values():
            assert kind is not None
            if len(item.compression) == _DEEPEST:
                item.unread = True
                item.fault("it is compressed more than twice; unpack it first")
                yield item
                return
            item.compression.append(kind)
            stream = Stream(unpacked(kind, stream, self._bound))
            packed.append(stream)
            name = _ENDINGS.sub("", name)
            kind = detect.magic(stream.head, name)
        item.format = kind
        if kind in ("zip", "tar"):
            yield from self._archive(kind, stream, item, deep)
        else:
            self._choose(kind, stream, item, name)
            if item.reader:
                item.reader = partial(_then_say_breaks, item.reader, packed, item)
            yield item
        if item.reader is None:
            _say_breaks(packed, item)

    def _choose(self, kind: str | None, stream: Stream, item: Item, name: str) -> None:
        head = stream.head
        if not head:
            if stream.broken:
                item.unread = True
            else:
                item.format = "empty"
            _say_breaks([stream], item)
        elif kind == "sqlite":
            on_disk = self._found.path if stream.file is not None else None
            item.reader = lambda: sqlite.read(stream, item, self._options, on_disk)
        elif kind is not None:
            reader = _BINARY[kind]
            item.reader = lambda: reader(stream, item)
        elif reason := detect.unread(head):
            item.unread = True
            item.fault(f"not read: {reason}")
        elif not detect.is_text(head):
            item.unread = True
            item.fault("not read: no format that leftopen knows")
        else:
            self._choose_text(Utf8(stream, item), item, name)

    def _choose_text(self, text: Utf8, item: Item, name: str) -> None:
        begin = text.peek(64 << 10).decode("utf-8", "replace")
        kind = detect.text_format(begin, name)
        if kind == "delimited" and not detect.expects_table(name) and not delimited.is_table(begin):
            item.unread = True
            item.encoding = None
            item.fault("not read: text without a table in it")
            return
        item.format = kind
        reader = _TEXT[kind]
        item.reader = lambda: reader(text, item, self._options)

    def _archive(self, kind: str, stream: Stream, item: Item, deep: int) -> Iterator[Item]:
        """The archive itself comes last, when it is known whether all of it could be read."""
        if deep == _DEEPEST:
            item.unread = True
            item.fault("it is packed more than twice; unpack it first")
            yield item
            return
        inside = self._zip(stream, item, deep) if kind == "zip" else self._tar(stream, item, deep)
        try:
            yield from inside
        except Fault as fault:
            item.fault(str(fault))
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError):
            item.fault("the archive is damaged or ends too early; what came before that was read")
        except NotImplementedError:
            item.fault(
                "the archive is packed in a way that leftopen does not know; unpack it first"
            )
        _say_breaks([stream], item)
        yield item

    def _zip(self, stream: Stream, item: Item, deep: int) -> Iterator[Item]:
        with zipfile.ZipFile(stream.whole()) as archive:
            if "[Content_Types].xml" in archive.namelist():
                raise Fault("not read: an Office document; save its tables as CSV")
            for member in sorted(archive.infolist(), key=lambda member: member.filename):
                if member.is_dir() or _is_hidden(member.filename):
                    continue
                path = f"{item.path}!{member.filename}"
                if member.flag_bits & 1:
                    locked = Item(path, unread=True)
                    locked.fault("it needs a password; leftopen tries none")
                    yield locked
                    continue
                try:
                    source = archive.open(member)
                except (zipfile.BadZipFile, NotImplementedError, OSError):
                    bad = Item(path, unread=True)
                    bad.fault("it cannot be unpacked; unpack it yourself")
                    yield bad
                    continue
                with source:
                    inner = Stream(bounded(source, self._bound))
                    yield from self.open(inner, path, stem_of(member.filename), deep + 1)
                if inner.broken and inner.broken.code == "bomb":
                    raise inner.broken

    def _tar(self, stream: Stream, item: Item, deep: int) -> Iterator[Item]:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if not member.isreg() or _is_hidden(member.name):
                    continue
                source = archive.extractfile(member)
                assert source is not None  # it is a regular file
                inner = Stream(bounded(source, self._bound))
                name = member.name.removeprefix("./")
                yield from self.open(inner, f"{item.path}!{name}", stem_of(name), deep + 1)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) and part != "." for part in name.split("/"))


def _say_breaks(streams: list[Stream], item: Item) -> None:
    for stream in streams:
        if stream.broken:
            item.fault(str(stream.broken))
            return


def _then_say_breaks(reader: Callable[[], Batches], packed: list[Stream], item: Item) -> Batches:
    try:
        yield from reader()
    finally:
        _say_breaks(packed, item)
