"""Pictures, sound and templates, by their first bytes or by the name of a file.

The first bytes of a binary value, or of base64 in a text, say what format it is of. What stands in
the picture is faces.py's business, not told here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leftopen.classifier import templates, vectors
from leftopen.classifier.catalogue import KINDS
from leftopen.classifier.text import Gate, Text, bits

Mask = NDArray[np.bool_]

_HEAD = 16  # bytes of a value that formats are told by
_SHORTEST = 24  # bytes under which a value is a number, a key or a UUID, and no picture
# Template formats of firms have no header in common: this many bytes, and not of another format.
_BODY = 96

# First four bytes of what is neither picture nor sound nor template: archives, documents, programs.
_OTHER = (
    b"PK\x03\x04", b"%PDF", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"\x7fELF", b"\xfd7zX",
    b"PAR1", b"SQLi", b"\x04\x22\x4d\x18", b"Rar!", b"\xd0\xcf\x11\xe0", b"ORC\x03", b"Obj\x01",
)  # fmt: skip
_PACKED = (0x1F8B, 0x7801, 0x785E, 0x789C, 0x78DA, 0x425A)  # gzip, zlib, bzip2
_HEIF = (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
_MPEG = (0xFFFB, 0xFFFA, 0xFFF3, 0xFFF2, 0xFFE3, 0xFFF1, 0xFFF9)  # MP3 and AAC frames

_FILE = Gate(5, 4096, needs=(bits("letter"), bits("dot slash")))
_CODED = Gate(120, 1 << 30, bits("digit letter slash dash"), (bits("digit"), bits("letter")))
_ENCODED = Gate(32, 1 << 30, needs=(bits("letter"), bits("slash digit")))
_IMAGE_NAME = (
    r"(?i)^[^\n<>{}]*[^\s/\\]\.(?:jpe?g|jpe|jfif|png|webp|heic|heif|avif|gif|bmp|tiff?|jp2|j2k)"
    r"(?:[?#][^\s]*)?$"
)
# Photographs of persons are often served without the name of a file.
_IMAGE_LINK = r"(?i)^(?:[a-z][a-z0-9+.\-]{1,9}://|/)\S+$"
_SOUND_NAME = (
    r"(?i)^[^\n<>{}]*[^\s/\\]\.(?:wav|mp3|ogg|oga|opus|m4a|flac|amr|awb|aac|3gpp?|wma|aiff?|caf|silk"
    r"|gsm|spx)(?:[?#][^\s]*)?$"
)
_IMAGE_CODED = r"^(?:data:image/|/9j/|iVBORw0KGgo|R0lGOD[dl]h|AAAADGpQICAN|AAAA..Z0eXBoZWlj)"
_SOUND_CODED = (
    r"^(?:data:audio/|T2dnU|SUQz[AB]|ZkxhQ|IyFBTV|IyFTSU|UklGR.{6}XQVZF|//[vsN][A-Za-z0-9])"
)
_WEBP_CODED = r"^UklGR.{6}XRUJQ"
_OTHER_CODED = r"^(?:JVBERi|UEsDB|H4sI|eJ[wx]|KLUv|f0VMR|LS0tLS1|ey[JI]|eyA|MI[IGH])"
# Long strings of one class of letters, or with a run of points and lines, are no encoded bytes.
_PLAIN = r"^[^A-Z]*[g-z][^A-Z]*$|^[^a-z]*[G-Z][^a-z]*$|[_\-/+.]{4}"
_NOT_CODED = "|".join((_OTHER_CODED, _IMAGE_CODED, _SOUND_CODED, _WEBP_CODED, _PLAIN))
_MEASURES = frozenset({"picture", "picture.link", "audio", "template.body"})
_NAMED = frozenset(kind.id for kind in KINDS if kind.measure in _MEASURES)


@dataclass(frozen=True, slots=True)
class Heads:
    """The first bytes of binary values, as words of four, most significant byte first."""

    words: NDArray[np.uint32]  # (n, 4); missing bytes are zero
    lengths: NDArray[np.int64]
    printable: Mask  # nothing but ASCII text so far

    def starts(self, at: int, *wanted: bytes) -> Mask:
        """Whether word `at` is one of those wanted."""
        return np.isin(self.words[:, at], [int.from_bytes(word, "big") for word in wanted])

    def opens(self, *wanted: int) -> Mask:
        """Whether the first two bytes are one of those wanted."""
        return np.isin(self.words[:, 0] >> 16, wanted)


def heads(values: pa.Array) -> Heads:
    """Of large_binary values without nulls. Memory: 150 bytes a value."""
    raw = np.frombuffer(values.buffers()[1], dtype=np.int64)
    offsets = raw[values.offset : values.offset + len(values) + 1]
    buffer = values.buffers()[2]
    data = np.frombuffer(buffer, dtype=np.uint8) if buffer else np.zeros(1, dtype=np.uint8)
    lengths = np.diff(offsets)
    at = np.arange(_HEAD)
    first = data[np.minimum(offsets[:-1, None] + at, max(data.size - 1, 0))]
    inside = at < lengths[:, None]
    first = np.where(inside, first, np.uint8(0))
    printable: Mask = np.all((first >= 0x20) & (first < 0x7F) | ~inside, axis=1)
    words = np.ascontiguousarray(first).view(">u4").astype(np.uint32)
    return Heads(words, lengths, printable)


def pictures(head: Heads) -> Mask:
    """JPEG, PNG, GIF, WebP, JPEG 2000, HEIF, AVIF, BMP and TIFF."""
    words = head.words
    found: Mask = (words[:, 0] >> 8) == 0xFFD8FF
    found |= head.starts(0, b"\x89PNG", b"GIF8", b"\xff\x4f\xff\x51", b"II*\0", b"MM\0*")
    found |= head.starts(0, b"RIFF") & head.starts(2, b"WEBP")
    found |= head.starts(0, b"\0\0\0\x0c") & head.starts(1, b"jP  ")
    found |= head.starts(1, b"ftyp") & head.starts(2, *_HEIF)
    found |= _bitmaps(head)
    return found


def _bitmaps(head: Heads) -> Mask:
    """BMP: `BM`, four bytes of size, four of zero, and where the pixels begin."""
    low = head.words[:, 2] & 0xFFFF  # bytes 10 and 11: the start, low byte first
    start = ((low & 0xFF) << 8) | (low >> 8)
    zero = ((head.words[:, 1] & 0xFFFF) == 0) & ((head.words[:, 2] >> 16) == 0)
    found: Mask = head.opens(0x424D) & zero & (start >= 26) & (start <= 2048)
    return found


def sounds(head: Heads) -> Mask:
    """WAVE, Ogg, MP3, FLAC, AMR, SILK, AAC, M4A, AIFF, CAF, AU and WebM."""
    found = head.starts(0, b"OggS", b"fLaC", b"#!AM", b"#!SI", b"\x02#!S", b"caff", b".snd")
    found |= head.starts(0, b"\x1a\x45\xdf\xa3") | ((head.words[:, 0] >> 8) == 0x494433)
    found |= head.starts(0, b"RIFF") & head.starts(2, b"WAVE")
    found |= head.starts(0, b"FORM") & head.starts(2, b"AIFF", b"AIFC")
    found |= head.starts(1, b"ftyp") & head.starts(2, b"M4A ", b"M4B ", b"3gp4", b"3gp5")
    return found | head.opens(*_MPEG)


def count_bytes(values: pa.Array, hits: Counter[str]) -> None:
    """Counts over large_binary values without nulls."""
    raw = np.frombuffer(values.buffers()[1], dtype=np.int64)
    long = np.diff(raw[values.offset : values.offset + len(values) + 1]) >= _SHORTEST
    if long.any():
        _count_long(values if long.all() else values.filter(pa.array(long)), hits)


def _count_long(values: pa.Array, hits: Counter[str]) -> None:
    head = heads(values)
    image, sound = pictures(head), sounds(head)
    vector = vectors.in_bytes(values, head.lengths)
    known = image | sound | vector | head.opens(*_PACKED) | head.starts(0, *_OTHER)
    body = (head.lengths >= _BODY) & ~known & ~head.printable
    for name, found in (
        ("picture", image),
        ("audio", sound),
        ("vector.model", vector),
        ("template.body", body),
    ):
        hits[name] += int(np.count_nonzero(found))
    for name, found in templates.records(head.words, head.lengths):
        hits[name] += int(np.count_nonzero(found))


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Counts over strings: names of files, base64, hexadecimal digits and number lists.

    Names of files are looked for only where the field's name speaks of pictures or of sound.
    """
    if wanted & _NAMED:
        files = text.select(_FILE)
        coded = text.select(_ENCODED)
        image = coded.count(_IMAGE_CODED) + coded.count(_WEBP_CODED)
        hits["picture"] += image + files.count(_IMAGE_NAME)
        hits["picture.link"] += files.count(_IMAGE_LINK)
        hits["audio"] += files.count(_SOUND_NAME) + coded.count(_SOUND_CODED)
        body = text.select(_CODED)
        hits["template.body"] += body.total - body.count(_NOT_CODED)
    templates.count(text, hits)
    vectors.count(text, hits)
