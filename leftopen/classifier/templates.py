"""Biometric records that say what they are: interchange formats with a header.

ISO/IEC 19794 records, and those of ANSI INCITS 378, 379 and 381 before them, begin with four
letters, four bytes of version and their own length: FMR (finger minutiae, part 2), FIR (finger
image, part 4), FSK (finger skeleton, part 8), FAC (face image, part 5), IIR (iris image, part 6),
VIR (vascular image, part 9). ISO/IEC 39794 records are DER with the application tag of their part.
WSQ is the compression of the FBI for finger images; `SS21` marks templates of ZKTeco's readers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier.text import Gate, Text, bits

Mask = NDArray[np.bool_]

_MAGIC = {
    "record.finger": (b"FMR\0", b"FIR\0", b"FSK\0"),
    "record.face": (b"FAC\0",),
    "record.iris": (b"IIR\0",),
    "record.hand": (b"VIR\0",),
}
# ISO/IEC 39794: the application tag is the number of the part.
_DER = {"record.finger": (0x62, 0x64), "record.face": (0x65,), "record.iris": (0x66,)}
_CUT = 4096  # a value this long may have been cut when it was read: its record is longer

_CODED = Gate(72, 1 << 30, bits("digit letter slash dash"), (bits("upper hexupper"),))
_HEX = Gate(130, 1 << 30, bits("hex punct") | bits("lower"), (bits("digit"),))
_XML = Gate(120, 1 << 30, needs=(bits("punct"), bits("slash"), bits("colon")))
_IN_BASE64 = r"^(?:Rk1S|RklS|RlNL|RkFD|SUlS|VklS)A[A-P]|^[A-Za-z0-9+/]{3}TUzIx|^/6D/[opq]"
_IN_HEX = r"^(?:\\x|0x)?(?i:46(?:4d52|4952|534b|4143)00|49495200|56495200|ffa0ffa|.{4}53533231)"
_IN_XML = {
    "record.finger": r"^[^\n]*<[^>]{0,400}iso-iec/39794/-[24]\b",
    "record.face": r"^[^\n]*<[^>]{0,400}iso-iec/39794/-5\b",
    "record.iris": r"^[^\n]*<[^>]{0,400}iso-iec/39794/-6\b",
}
_ANY_XML = r"iso-iec/39794/-"


def records(
    words: NDArray[np.uint32], lengths: NDArray[np.int64], slack: int = 0
) -> Iterator[tuple[str, Mask]]:
    """Which values are records of which kind, and as `…whole` those whose length is what they say.

    `words` are the first sixteen bytes as four words, most significant byte first; `slack` is how
    many bytes the lengths may be off.
    """
    sound = _version(words[:, 1]) & _says_its_length(words, lengths, slack)
    der = _der_lengths(words, lengths, slack)
    tag = words[:, 0] >> 24
    for name, magic in _MAGIC.items():
        found = np.isin(words[:, 0], [int.from_bytes(word, "big") for word in magic])
        whole = found & sound
        if name in _DER:
            der_found = der & np.isin(tag, _DER[name])
            found, whole = found | der_found, whole | der_found
        if name == "record.finger":
            found |= _wsq(words) | _zk(words, lengths)
        yield name, found
        yield f"{name}.whole", whole


def _version(word: NDArray[np.uint32]) -> Mask:
    """` 20`, `010`, `020`, `030` … and a zero."""
    first, second, third = word >> 24, (word >> 16) & 0xFF, (word >> 8) & 0xFF
    digits = (second >= 0x30) & (second <= 0x39) & (third >= 0x30) & (third <= 0x39)
    found: Mask = ((first == 0x20) | (first == 0x30)) & digits & ((word & 0xFF) == 0)
    return found


def _says_its_length(words: NDArray[np.uint32], lengths: NDArray[np.int64], slack: int) -> Mask:
    """Four bytes after the version; two in ANSI 378:2004, six in ANSI 381 and 19794-4:2005."""
    four = words[:, 2].astype(np.int64)
    two = four >> 16
    six = ((four & 0xFFFF) << 16) | (words[:, 3].astype(np.int64) >> 16)
    found = np.zeros(lengths.shape, dtype=np.bool_)
    for said, right in ((four, True), (two, two > 0), (six, two == 0)):
        same = np.abs(said - lengths) <= slack
        cut = (lengths >= _CUT) & (said > lengths) & (said < 1 << 26)
        found |= (same | cut) & right
    return found


def _der_lengths(words: NDArray[np.uint32], lengths: NDArray[np.int64], slack: int) -> Mask:
    """DER of two or three bytes of length, an [0] behind it, and nothing after its end."""
    first = words[:, 0].astype(np.int64)
    form = (first >> 16) & 0xFF
    second = words[:, 1].astype(np.int64)
    short = (form == 0x82) & (second >> 24 == 0xA0)
    short &= np.abs((first & 0xFFFF) + 4 - lengths) <= slack
    long = (form == 0x83) & ((second >> 16) & 0xFF == 0xA0)
    long &= np.abs((((first & 0xFFFF) << 8) | (second >> 24)) + 5 - lengths) <= slack
    found: Mask = short | long
    return found


def _wsq(words: NDArray[np.uint32]) -> Mask:
    """Start of image, then a table, a frame header or a comment."""
    found: Mask = (words[:, 0] >= 0xFFA0FFA2) & (words[:, 0] <= 0xFFA0FFA8)
    return found


def _zk(words: NDArray[np.uint32], lengths: NDArray[np.int64]) -> Mask:
    marked = ((words[:, 0] & 0xFFFF) == 0x5353) & ((words[:, 1] >> 16) == 0x3231)
    found: Mask = marked & (lengths >= 64)
    return found


def count(text: Text, hits: Counter[str]) -> None:
    """Counts over strings: the same records in base64, in hexadecimal digits and in XML."""
    for candidates, pattern, decode in (
        (text.select(_CODED), _IN_BASE64, _from_base64),
        (text.select(_HEX), _IN_HEX, _from_hex),
    ):
        found = candidates.matching(pattern)
        if len(found):
            words, lengths = decode(found)
            for name, mask in records(words, lengths, slack=2):
                hits[name] += found.weigh(mask)
    markup = text.select(_XML)
    if len(markup) and markup.count(_ANY_XML):
        for name, pattern in _IN_XML.items():
            hits[name] += markup.count(pattern)


def _from_base64(text: Text) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The first sixteen bytes as words, and how many bytes there are, within two."""
    codes = SIXTY_FOUR[_first(text.values, 22)].astype(np.uint32) & 63
    bits_ = np.unpackbits(codes.astype(np.uint8)[:, :, None], axis=2)[:, :, 2:]
    packed = np.packbits(bits_.reshape(len(text), -1)[:, :128], axis=1)
    return packed.view(">u4").astype(np.uint32), text.lengths * 3 // 4


def _from_hex(text: Text) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    bare = Text(pc.replace_substring_regex(text.values, r"^(?:\\x|0x)", ""))
    nibbles = SIXTEEN[_first(bare.values, 32)] & 15
    packed = np.ascontiguousarray((nibbles[:, 0::2] << 4) | nibbles[:, 1::2])
    return packed.view(">u4").astype(np.uint32), bare.lengths // 2


def _first(values: pa.Array, size: int) -> NDArray[np.uint8]:
    """The first bytes of strings that are at least so long."""
    raw = np.frombuffer(values.buffers()[1], dtype=np.int64)
    starts = raw[values.offset : values.offset + len(values)]
    data = np.frombuffer(values.buffers()[2], dtype=np.uint8)
    found: NDArray[np.uint8] = data[starts[:, None] + np.arange(size)]
    return found


def _table(*alphabets: bytes) -> NDArray[np.uint8]:
    """What each byte stands for; 255 for those outside the alphabets."""
    table = np.full(256, 255, dtype=np.uint8)
    for alphabet in alphabets:
        table[np.frombuffer(alphabet, dtype=np.uint8)] = np.arange(len(alphabet))
    return table


_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SIXTY_FOUR = _table(_LETTERS + b"+/", _LETTERS + b"-_")
SIXTEEN = _table(b"0123456789abcdef", b"0123456789ABCDEF")
