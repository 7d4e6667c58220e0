"""JSON and JSON lines, a document at a time; an array in a JSON document is read as it comes.

`[{…}, …]` is a table. In `{"users": [{…}, …], "version": 1}` each array of the outermost object is
a table of its own, `users`; what is left is one document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from leftopen.files.encoding import Utf8
from leftopen.files.item import BATCH_BYTES, BATCH_ROWS, LARGEST, Batches, Fault, Item, Options
from leftopen.files.rows import as_batch, batched
from leftopen.sample import MAX_DEPTH, MAX_ELEMENTS

_CHUNK = 1 << 20
_SPACE = re.compile(r"[ \t\r\n\ufeff\x1e]*")
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')
_MONGO = ('"$oid"', '"$date"', '"$number', '"$binary"', '"$uuid"')
_MARKS = frozenset(
    {"$oid", "$date", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal", "$uuid"}
)
Documents = Iterator[tuple[Mapping[str, Any], int]]


def read_lines(text: Utf8, item: Item, options: Options) -> Batches:
    """One document a line; a line that is none is counted and passed over."""
    item.format = "jsonl"
    for batch in batched(_lines(text, item), item, BATCH_ROWS, BATCH_BYTES):
        yield "", batch
    text.finish()


def _lines(text: Utf8, item: Item) -> Documents:
    decode = _decoder(text).decode
    number, left, bad, first = 0, b"", 0, 0
    while True:
        piece = text.read(_CHUNK)
        lines = (left + piece).split(b"\n")
        left = lines.pop() if piece else b""
        for line in lines:
            number += 1
            bare = line.strip(b"\xef\xbb\xbf \t\r\x1e")
            if not bare:
                continue
            try:
                value = decode(bare.decode("utf-8", "replace"))
            except (ValueError, RecursionError):
                bad += 1
                first = first or number
                continue
            _check_depth(bare, item)
            yield _document(value), len(line)
        if len(left) > LARGEST:
            raise Fault(
                f"line {number + 1:,} is over {LARGEST >> 20} MiB long; the rest was not read"
            )
        if not piece:
            break
    if bad:
        lines_are = "1 line is" if bad == 1 else f"{bad:,} lines are"
        item.fault(f"{lines_are} no JSON, the first is line {first:,}; left out")


def read(text: Utf8, item: Item, options: Options) -> Batches:
    """Arrays and objects, also several of them in a row."""
    item.format = "json"
    scan = _Scan(text, item)
    while (start := scan.peek()) is not None:
        if start == "[":
            for batch in batched(_elements(scan), item, BATCH_ROWS, BATCH_BYTES):
                yield "", batch
        elif start == "{":
            yield from _members(scan, item)
        else:
            raise Fault(
                f"character {scan.place:,}: neither object nor array; the rest was not read"
            )
    text.finish()


def _elements(scan: _Scan) -> Documents:
    """The elements of the array that begins here."""
    scan.skip("[")
    while (char := scan.peek()) != "]":
        if char is None:
            raise Fault(f"it ends at character {scan.place:,}, inside an array")
        value, length = scan.value()
        yield _document(value), length
        if scan.peek() == ",":
            scan.skip(",")
        elif scan.peek() != "]":
            raise scan.wrong()
    scan.skip("]")


def _members(scan: _Scan, item: Item) -> Batches:
    """The object that begins here: its arrays and large maps as tables, the rest as a document."""
    rest: dict[str, Any] = {}
    failure: Fault | None = None
    try:
        yield from _parts(scan, item, rest)
    except Fault as fault:  # what stood before it counts
        failure = fault
    if rest:
        yield "", as_batch([rest], item)
    if failure:
        raise failure


def _parts(scan: _Scan, item: Item, rest: dict[str, Any]) -> Batches:
    """The tables of the object that begins here; its other values go into `rest`."""
    scan.skip("{")
    while (char := scan.peek()) != "}":
        if char != '"':
            raise scan.wrong()
        key = str(scan.value()[0])
        scan.skip(":")
        if scan.peek() == "[" and scan.peek_second() in ("{", "["):
            for batch in batched(_elements(scan), item, BATCH_ROWS, BATCH_BYTES):
                yield key, batch
        else:
            value, _ = scan.value()
            if isinstance(value, dict) and len(value) > MAX_ELEMENTS:
                entries = (({"*": entry}, 1_024) for entry in value.values())
                for batch in batched(entries, item, BATCH_ROWS, BATCH_BYTES):
                    yield key, batch
            else:
                rest[key] = value
        if scan.peek() == ",":
            scan.skip(",")
        elif scan.peek() != "}":
            raise scan.wrong()
    scan.skip("}")


class _Scan:
    """Text that is decoded value by value, of which no more is held than one value needs."""

    def __init__(self, text: Utf8, item: Item) -> None:
        self._text, self._item = text, item
        self._decoder = _decoder(text)
        self._held, self._at, self._before = "", 0, 0
        self._tail = b""
        self._ended = False

    @property
    def place(self) -> int:
        """How many characters came before, from 1."""
        return self._before + self._at + 1

    def _wrong_at(self, at: int) -> Fault:
        place = self._before + at + 1
        return Fault(f"character {place:,}: no valid JSON; the rest was not read")

    def wrong(self) -> Fault:
        if self.peek() is None:
            return Fault(f"it ends at character {self.place:,}, in the middle of a value")
        return self._wrong_at(self._at)

    def peek(self) -> str | None:
        """The next character that is no space; None at the end."""
        while True:
            found = _SPACE.match(self._held, self._at)
            assert found is not None  # it matches nothing, too
            self._at = found.end()
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more(_CHUNK):
                return None

    def peek_second(self) -> str | None:
        """The character after the next one, spaces left out."""
        while True:
            found = _SPACE.match(self._held, self._at + 1)
            if found and found.end() < len(self._held):
                return self._held[found.end()]
            if not self._more(_CHUNK):
                return None

    def skip(self, char: str) -> None:
        if self.peek() != char:
            raise self.wrong()
        self._at += 1

    def value(self) -> tuple[Any, int]:
        """The value that begins here, and its length in characters."""
        self.peek()
        want = _CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._held, self._at)
            except RecursionError:
                raise Fault(
                    f"character {self.place:,}: nested too deep; the rest was not read"
                ) from None
            except json.JSONDecodeError as error:
                at_end = error.pos >= len(self._held.rstrip()) or "Unterminated" in error.msg
                near = at_end or error.pos >= len(self._held) - 12  # a word cut in two
                if self._ended or not near:
                    raise self._cut() if at_end else self._wrong_at(error.pos) from None
            else:
                # a number at the very end may go on in what was not read yet
                if end < len(self._held) or self._ended:
                    length = end - self._at
                    _check_depth(self._held[self._at : end], self._item)
                    self._at = end
                    return value, length
            if len(self._held) - self._at > LARGEST:
                raise Fault(
                    f"character {self.place:,}: a value over {LARGEST >> 20} MiB long; "
                    "the rest was not read"
                )
            self._more(want)
            want *= 2

    def _cut(self) -> Fault:
        return Fault(f"character {self.place:,}: the value that begins here has no end")

    def _more(self, size: int) -> bool:
        """Reads on; what was decoded already is let go."""
        if self._ended:
            return False
        self._before += self._at
        pieces = [self._held[self._at :]]
        self._at = 0
        got = 0
        while got < size:
            raw = self._text.read(_CHUNK)
            if not raw:
                self._ended = True
                pieces.append(self._tail.decode("utf-8", "replace"))
                self._tail = b""
                break
            raw = self._tail + raw
            cut = _whole_characters(raw)
            pieces.append(raw[:cut].decode("utf-8", "replace"))
            self._tail = raw[cut:]
            got += len(raw)
        self._held = "".join(pieces)
        return len(self._held) > 0


def _whole_characters(raw: bytes) -> int:
    """Where to cut so that no character of UTF-8 is cut."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte >= 0xC0:
            need = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(raw) - back if need > back else len(raw)
        if byte < 0x80:
            break
    return len(raw)


def _decoder(text: Utf8) -> json.JSONDecoder:
    """Opens MongoDB's extended JSON where the beginning has any."""
    begin = text.peek(64 << 10).decode("utf-8", "replace")
    return json.JSONDecoder(
        object_hook=_unwrapped if any(mark in begin for mark in _MONGO) else None,
        parse_int=_number,
    )


def _number(digits: str) -> int | str:
    """Python refuses to read numbers of thousands of digits."""
    return int(digits) if len(digits) <= 400 else digits


def _unwrapped(document: dict[str, Any]) -> Any:
    if len(document) == 1:
        ((key, value),) = document.items()
        if key in _MARKS:
            return value
    return document


def _document(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {"value": value}


def _check_depth(text: bytes | str, item: Item) -> None:
    """Says that levels beyond those of a sample are left out, where there are any."""
    opening = (
        text.count(b"{") + text.count(b"[")
        if isinstance(text, bytes)
        else text.count("{") + text.count("[")
    )
    if opening <= MAX_DEPTH or not item.complete:
        return
    depth = 0
    whole = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    for match in _BRACKET.finditer(whole):
        if match[0] in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                item.fault(f"levels deeper than {MAX_DEPTH} were not looked at")
                return
        elif match[0] in "]}":
            depth -= 1
