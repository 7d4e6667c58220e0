"""Which encoding a text is in, found from a bounded piece of it; the text as UTF-8 from then on.

Pure ASCII is passed through; the encoding is decided at the first byte that is none, so that a file
whose first accent comes late is read right. Unicode proves itself; other encodings are guessed.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from leftopen.files.item import Item
from leftopen.files.stream import Stream

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
# What tables of the world were written in before UTF-8; each superset stands for its subsets.
_LEGACY = [
    "gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1251", "koi8_r", "cp866", "cp1252", "cp1250",
    "cp1254", "cp1253", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp437", "cp850",
    "mac_roman",
]  # fmt: skip
# The Windows code pages of Latin letters share most of them; these bytes are letters of one alone.
_LATIN = frozenset({"cp1250", "cp1252", "cp1254", "cp1257", "cp1258"})
_TELLING = {
    "cp1252": bytes([0xE0, 0xE3, 0xE5, 0xE6, 0xE8, 0xEA, 0xF1, 0xF5, 0xF8]),
    "cp1250": bytes.fromhex("b3a3bfaf9c8c9f8fb9a5ecf2f99d9a8a9e8ee6eaf8e8"),
    "cp1254": bytes([0xD0, 0xDD, 0xDE, 0xF0, 0xFD, 0xFE]),
}
_GUESSED = 32 << 10  # bytes that are guessed from
_LINE = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*")
_CHUNK = 1 << 20


def by_mark(head: bytes) -> str | None:
    """The encoding that a byte order mark tells, or the zeros that UTF-16 and 32 are full of."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\x00" not in head[:4_096]:
        return None
    shares = {name: _plain_share(head[:4_096], name) for name in _WIDE}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.05 else None


def _plain_share(data: bytes, encoding: str) -> float:
    """The share of ASCII in the text that the bytes would be; 0 where they would be none."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return 0.0
    if not text or any(char < "\t" for char in text):
        return 0.0
    odd = sum(not (char.isprintable() or char in "\t\r\n\f\v") for char in text)
    return sum(map(str.isascii, text)) / len(text) if odd * 50 <= len(text) else 0.0


def guess(data: bytes) -> str:
    """The encoding of a piece of text that is not ASCII; the piece may be cut in a character."""
    decoder = codecs.getincrementaldecoder("utf-8")
    try:
        decoder().decode(data)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    replaced = decoder("replace").decode(data)
    bad = replaced.count("\ufffd")
    good = sum(not char.isascii() for char in replaced) - bad
    if good > 10 * bad:  # UTF-8 with some broken places
        return "utf-8"
    lines = b"\n".join(match[0] for match in _LINE.finditer(data))
    if len(lines) > _GUESSED and (end := lines.rfind(b"\n", 0, _GUESSED)) > 0:
        lines = lines[:end]  # a character cut in two would speak against its encoding
    found = from_bytes(lines, cp_isolation=_LEGACY, steps=8, chunk_size=1_024).best()
    name = found.encoding if found else "cp1252"
    return _latin(lines) if name in _LATIN else name


def _latin(data: bytes) -> str:
    """Which of the Latin code pages; the western one where nothing speaks for another."""
    met = {name: sum(data.count(bytes([b])) for b in own) for name, own in _TELLING.items()}
    return max(met, key=lambda name: met[name])


class Utf8:
    """The text of a stream as UTF-8 without a mark, whatever it is in. A file for pyarrow.

    Bytes that the encoding does not know become U+FFFD and are counted.
    """

    closed = False

    def __init__(self, stream: Stream, item: Item) -> None:
        self._stream, self._item = stream, item
        self._ahead = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._name = by_mark(stream.head)
        self._replaced = 0
        if self._name:
            self._begin(self._name)
        else:
            item.encoding = "utf-8"  # of which ASCII is a part

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def peek(self, size: int) -> bytes:
        """The first bytes of what comes, which stays to be read."""
        if len(self._ahead) < size:
            pieces, held = [self._ahead], len(self._ahead)
            while held < size and (piece := self._next()):
                pieces.append(piece)
                held += len(piece)
            self._ahead = b"".join(pieces)
        return self._ahead[:size]

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        self.peek(size)  # whole blocks: the larger a batch, the less it costs to count
        piece, self._ahead = self._ahead[:size], self._ahead[size:]
        return piece

    def _begin(self, name: str) -> None:
        self._name = name
        self._item.encoding = name.removesuffix("-sig")
        self._decoder = codecs.getincrementaldecoder(name)("replace")

    def _next(self) -> bytes:
        while True:
            raw = self._stream.read(_CHUNK)
            if self._decoder is None:
                if raw.isascii():
                    return raw
                self._begin(guess(raw))
            assert self._decoder is not None
            text = self._decoder.decode(raw, final=not raw)
            if "\ufffd" in text:
                self._count(text, raw)
            if text or not raw:
                return text.encode("utf-8", "replace")

    def _count(self, text: str, raw: bytes) -> None:
        own = raw.count(b"\xef\xbf\xbd") if str(self._name).startswith("utf-8") else 0
        self._replaced += max(0, text.count("\ufffd") - own)

    def finish(self) -> None:
        """Says in the item how many places the encoding does not know."""
        if self._replaced:
            count = f"{self._replaced:,} {'place is' if self._replaced == 1 else 'places are'}"
            self._item.remark(f"{count} not valid {self._item.encoding}; read as U+FFFD")
