"""Whether faces are seen in the pictures of a column. Nobody is recognised, nothing is measured.

A face is detected, not described: OpenCV's cascade says whether there is one, and that yes or no is
all that is kept, under a number that stands for the picture. Which pictures are looked at depends
on those numbers alone, so neither the order of the rows nor their parting changes the outcome.

Pictures come from strangers' servers. Size in bytes and in pixels is bounded before a decoder sees
them, only common formats are decoded, at a reduced scale, on one thread.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier import media

if TYPE_CHECKING:
    import cv2

LOOKED_AT: Final = 32  # pictures of a column that are looked at
MAX_BYTES: Final = 8 << 20
MAX_PIXELS: Final = 25_000_000  # of a JPEG, which is decoded at a reduced scale
_MAX_WHOLE = 12_000_000  # of the others, which are decoded whole first: at most 200 MiB
_SIDE = 256  # pixels of the longer side when a face is looked for
_SMALLEST = 24  # pixels of the shorter side under which nothing can be seen
_NEIGHBOURS = 4  # overlapping windows that must agree

FACE, NO_FACE, UNREAD = 1, 0, -1

_BASE64 = r"^(?:data:image/[a-z0-9.+\-]{1,20};base64,|/9j/|iVBORw0KGgo|R0lGOD[dl]h|UklGR.{6}XRUJQ)"
_HEADER = r"^data:[^,]{0,40},"


class Faces:
    """A sample of a column's pictures, by smallest hash, and whether a face is in each.

    Holds at most LOOKED_AT pairs of a 64-bit number and an outcome; it may be pickled and merged:
    two halves merged are the whole. The same picture counts once however often it stands there.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Faces) and self._seen == other._seen

    __hash__ = None  # type: ignore[assignment]  # it changes; Python's own way to say so

    def __repr__(self) -> str:
        return f"Faces({self.found} of {self.looked})"

    @property
    def looked(self) -> int:
        """Pictures that could be looked at."""
        return sum(outcome != UNREAD for outcome in self._seen.values())

    @property
    def found(self) -> int:
        """Pictures in which a face was seen."""
        return sum(outcome == FACE for outcome in self._seen.values())

    @property
    def share(self) -> float:
        """The part of the pictures looked at that show a face; 0 where none was looked at."""
        return self.found / self.looked if self.looked else 0.0

    @property
    def seen(self) -> bool:
        """Whether more faces were seen than the cascade's mistakes explain.

        Measured on textures, drawings and photographs without persons: in 2 of 1,000 it saw one.
        """
        return self.found >= (1 if self.looked <= 4 else 3) and self.share >= 0.25

    @property
    def absent(self) -> bool:
        """Whether enough pictures were looked at to say that they do not show faces."""
        return self.looked >= 5 and self.share < 0.1

    @property
    def evidence(self) -> str:
        """In words."""
        unread = len(self._seen) - self.looked
        rest = f" ({unread} more could not be read)" if unread else ""
        if not self.found:
            return f"no face was found in {self.looked} images looked at{rest}"
        return f"a face was found in {self.found} of {self.looked} images looked at{rest}"

    def add(self, values: pa.Array) -> None:
        """Looks at pictures among binary or string values; a batch of a column at a time."""
        images = _images(values)
        if not len(images):
            return
        numbers, first = np.unique(_hashes(images), return_index=True)
        for number, row in zip(numbers[:LOOKED_AT].tolist(), first[:LOOKED_AT], strict=True):
            if number not in self._seen and number < self._limit():
                self._keep(number, look(_bytes(images[int(row)].as_buffer().to_pybytes())))

    def merge(self, other: Faces) -> None:
        """Adds what was seen in another part of the column."""
        for number, outcome in other._seen.items():
            self._keep(number, outcome)

    def _limit(self) -> int:
        return max(self._seen) if len(self._seen) >= LOOKED_AT else 1 << 64

    def _keep(self, number: int, outcome: int) -> None:
        self._seen[number] = outcome
        if len(self._seen) > LOOKED_AT:
            del self._seen[max(self._seen)]


def _images(values: pa.Array) -> pa.Array:
    """The values that are pictures, as bytes: raw, or base64 text."""
    kept = values.drop_null()
    if pa.types.is_string(kept.type) or pa.types.is_large_string(kept.type):
        kept = kept.filter(pc.greater_equal(pc.binary_length(kept), 200))
        if len(kept):
            kept = kept.filter(pc.match_substring_regex(kept, _BASE64))
        return kept.cast(pa.large_binary())
    if not (pa.types.is_binary(kept.type) or pa.types.is_large_binary(kept.type)):
        return pa.array([], pa.large_binary())
    whole = kept.cast(pa.large_binary())
    whole = whole.filter(pc.greater_equal(pc.binary_length(whole), 100))
    return whole.filter(pa.array(media.pictures(media.heads(whole)))) if len(whole) else whole


def _hashes(values: pa.Array) -> NDArray[np.uint64]:
    """A number for each value, from its length and 32 places of eight bytes all over it."""
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int64)
    offsets = offsets[values.offset : values.offset + len(values) + 1]
    data = np.frombuffer(values.buffers()[2], dtype=np.uint8)
    lengths = np.diff(offsets)
    found = lengths.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for place in range(32):
        at = offsets[:-1] + (lengths - 8) * place // 31
        word = np.ascontiguousarray(data[at[:, None] + np.arange(8)]).view(np.uint64)[:, 0]
        found = (found ^ word) * np.uint64(0xBF58476D1CE4E5B9)
        found ^= found >> np.uint64(29)
    return found


def _bytes(value: bytes) -> bytes:
    """A picture's bytes out of base64, if that is what the value is."""
    if value[:5] == b"data:":
        value = value.partition(b",")[2]
    elif not value[:12].isascii():
        return value
    elif value[:4] not in (b"/9j/", b"iVBO", b"R0lG", b"UklG"):
        return value  # GIF8, RIFF and BM are letters, too
    try:
        return base64.b64decode(value[: MAX_BYTES * 4 // 3 // 4 * 4 + 4])
    except (binascii.Error, ValueError):
        whole = len(value) // 4 * 4  # a value that was cut
        with contextlib.suppress(binascii.Error, ValueError):
            return base64.b64decode(value[:whole])
        return b""


def look(data: bytes) -> int:
    """FACE or NO_FACE; UNREAD where the picture is too large, broken or of a rare format."""
    if len(data) > MAX_BYTES:
        return UNREAD
    size = dimensions(data)
    jpeg = data[:2] == b"\xff\xd8"
    most = MAX_PIXELS if jpeg else _MAX_WHOLE
    if size is None or min(size) < _SMALLEST or size[0] * size[1] > most:
        return UNREAD
    if jpeg and data[-2:] != b"\xff\xd9":
        data += b"\xff\xd9"  # a cut photograph is shown as far as it goes
    return _detect(data, max(size))


def _detect(data: bytes, side: int) -> int:
    import cv2  # a third of a second and 20 MiB that few columns need

    reduced = {
        8: cv2.IMREAD_REDUCED_GRAYSCALE_8, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
        2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 1: cv2.IMREAD_GRAYSCALE,
    }  # fmt: skip
    scale = next(by for by in reduced if side // by >= _SIDE or by == 1)
    detector = _detector()
    try:
        with _quiet():
            picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), reduced[scale])
        if picture is None or min(picture.shape) < 8:
            return UNREAD
        by = _SIDE / max(picture.shape)
        height, width = (max(8, round(n * by)) for n in picture.shape)
        how = cv2.INTER_AREA if by < 1 else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (width, height), interpolation=how)
        least = max(20, min(width, height) // 8)
        found = detector.detectMultiScale(
            picture, scaleFactor=1.1, minNeighbors=_NEIGHBOURS, minSize=(least, least)
        )
    except cv2.error:
        return UNREAD
    return FACE if len(found) else NO_FACE


@cache
def _detector() -> cv2.CascadeClassifier:
    import cv2

    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    folder = Path(cv2.__file__).parent / "data"
    return cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_alt.xml"))


_STDERR = threading.Lock()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """libjpeg and libpng write about broken pictures to descriptor 2 by themselves."""
    with _STDERR:
        try:
            kept = os.dup(2)
        except OSError:  # the process has no standard error: nothing to keep quiet
            yield
            return
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 2)
            os.close(null)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# -------------------------------------------------------------------------------- size in pixels


def dimensions(data: bytes) -> tuple[int, int] | None:
    """Width and height from the header of a JPEG, PNG, GIF, WebP or BMP; None for anything else."""
    size: tuple[int, int] | None = None
    if data[:3] == b"\xff\xd8\xff":
        size = _jpeg(data)
    elif data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        size = _number(data[16:20], "big"), _number(data[20:24], "big")
    elif data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        size = _number(data[6:8]), _number(data[8:10])
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        size = _webp(data)
    elif data[:2] == b"BM" and len(data) >= 26 and _number(data[14:18]) >= 40:
        high = int.from_bytes(data[22:26], "little", signed=True)  # below zero: top row first
        size = _number(data[18:22]), abs(high)
    return size if size and min(size) > 0 else None


def _number(data: bytes, order: str = "little") -> int:
    return int.from_bytes(data, "big" if order == "big" else "little")


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """The frame header is the first of the markers C0 to CF that is no table."""
    at = 2
    for _ in range(1_000):
        if at + 9 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _number(data[at + 7 : at + 9], "big"), _number(data[at + 5 : at + 7], "big")
        elif marker == 0xDA:  # the picture begins, and no frame was declared
            return None
        else:
            at += 2 + _number(data[at + 2 : at + 4], "big")
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[12:16] == b"VP8X":
        return _number(data[24:27]) + 1, _number(data[27:30]) + 1
    if data[12:16] == b"VP8L":
        packed = _number(data[21:25])
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if data[12:16] == b"VP8 ":
        return _number(data[26:28]) & 0x3FFF, _number(data[28:30]) & 0x3FFF
    return None
