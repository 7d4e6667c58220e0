"""Faces are seen in photographs and not in other pictures; what is kept adds up, picture-free."""

from __future__ import annotations

import base64
import pickle
import random
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from leftopen.classifier import faces
from leftopen.classifier.faces import FACE, LOOKED_AT, NO_FACE, UNREAD, Faces, dimensions, look

PHOTOS = Path(__file__).parent.parent / "data" / "faces"
Picture = NDArray[np.uint8]


def photo(name: str) -> Picture:
    picture = cv2.imread(str(PHOTOS / f"{name}.jpg"))
    assert picture is not None
    return picture.astype(np.uint8)


def encode(picture: Picture, form: str = ".jpg", quality: int = 85) -> bytes:
    done, data = cv2.imencode(form, picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return bytes(data.tobytes())


def variant(name: str, number: int) -> bytes:
    """The photograph cropped, mirrored, and in another light."""
    chance = random.Random(number)
    picture = photo(name)
    top, left = chance.randrange(20), chance.randrange(20)
    picture = picture[top:, left:]
    if number % 2:
        picture = picture[:, ::-1]
    light = np.clip(picture * chance.uniform(0.6, 1.2) + chance.uniform(-10, 30), 0, 255)
    side = chance.choice((90, 160, 256, 700))
    return encode(
        cv2.resize(light.astype(np.uint8), (side, side * len(picture) // picture.shape[1])).astype(
            np.uint8
        )
    )


def drawing(number: int) -> bytes:
    """Noise, gradients, clouds as from a satellite, logos, pages of text, charts, stripes."""
    rng = np.random.default_rng(number)
    height, width = (int(n) for n in rng.integers(100, 420, 2))
    kind = number % 7
    page = np.full((height, width), 245.0)
    if kind == 0:
        page = rng.normal(128, 60, (height, width))
    elif kind == 1:
        page = np.outer(np.linspace(0, 255, height), np.linspace(0.2, 1, width))
    elif kind == 2:
        layers = [
            cv2.resize(rng.normal(0, 1, (2**o, 2**o)), (width, height)) * 0.65**o
            for o in range(1, 8)
        ]
        clouds = np.sum(layers, axis=0)
        page = (clouds - clouds.min()) / np.ptp(clouds) * 255
    elif kind == 3:
        for _ in range(8):
            middle = (int(rng.integers(width)), int(rng.integers(height)))
            cv2.circle(page, middle, int(rng.integers(5, 70)), float(rng.integers(256)), -1)
    elif kind == 4:
        for line in range(14, height, 16):
            word = "".join(chr(c) for c in rng.integers(97, 123, 30))
            cv2.putText(page, word, (4, line), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0.0, 1)
    elif kind == 5:
        for bar in range(9):
            left = bar * width // 9
            cv2.rectangle(page, (left, int(rng.integers(height))), (left + 12, height), 70.0, -1)
    else:
        across = np.arange(width)[None, :] * rng.uniform(0.02, 0.5)
        down = np.arange(height)[:, None] * rng.uniform(0.02, 0.5)
        page = 127 + 60 * np.sin(across) + 60 * np.cos(down)
    return encode(np.clip(page, 0, 255).astype(np.uint8))


def test_photographs_of_persons_show_faces_and_the_rocket_none() -> None:
    seen = [look(variant(n, i)) for n in ("astronaut", "admiral") for i in range(30)]
    assert seen.count(FACE) >= 54  # of 60
    assert [look(variant("rocket", i)) for i in range(20)].count(FACE) == 0


def test_in_drawings_and_textures_hardly_a_face_is_seen() -> None:
    outcomes = [look(drawing(i)) for i in range(280)]
    assert outcomes.count(UNREAD) == 0
    assert outcomes.count(FACE) <= 2  # under one in a hundred


@pytest.mark.parametrize("form", [".jpg", ".png", ".webp", ".gif", ".bmp"])
def test_formats_and_their_size(form: str) -> None:
    data = encode(photo("astronaut"), form)
    assert dimensions(data) == (256, 256)
    assert look(data) == FACE
    wide = encode(np.zeros((40, 90, 3), np.uint8), form)
    assert dimensions(wide) == (90, 40)
    assert look(wide) == NO_FACE


def test_losless_webp_and_a_cut_photograph() -> None:
    done, data = cv2.imencode(".webp", photo("astronaut"), [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert done
    assert dimensions(data.tobytes()) == (256, 256)
    whole = encode(photo("astronaut"))
    assert look(whole[: len(whole) * 3 // 4]) == FACE


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(9999))), (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(name + body))
        parts.append(struct.pack(">I", len(body)) + name + body + checksum)
    return b"".join(parts)


def test_what_is_too_large_is_refused_before_a_decoder_sees_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object) -> int:
        raise AssertionError("decoded")

    monkeypatch.setattr(faces, "_detect", never)
    for data in (
        bomb(60_000, 60_000), bomb(2**31 - 1, 1000), bomb(5, 5), bomb(0, 0),
        encode(photo("rocket")) + bytes(faces.MAX_BYTES), b"", b"\xff\xd8\xff", b"GIF89a",
        b"II*\0" + bytes(300), b"\0\0\0\x0cjP  " + bytes(300),
    ):  # fmt: skip
        assert look(data) == UNREAD


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([".jpg", ".png", ".webp", ".gif", ".bmp"]), st.data())
def test_broken_pictures_do_no_harm(form: str, data: st.DataObject) -> None:
    whole = bytearray(encode(photo("rocket")[::2, ::2], form))
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert look(bytes(whole[: data.draw(st.integers(0, len(whole)))])) in (FACE, NO_FACE, UNREAD)


def test_decoders_write_nothing_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    for form in (".jpg", ".png", ".webp", ".gif", ".bmp"):
        whole = bytearray(encode(photo("astronaut"), form))
        look(bytes(whole[: len(whole) // 2]))
        whole[len(whole) // 2 : len(whole) // 2 + 40] = b"\xff\xd3" * 20
        look(bytes(whole))
    assert capfd.readouterr() == ("", "")


def pictures() -> list[bytes]:
    made = [variant("astronaut", i) for i in range(26)]
    return (
        made
        + [drawing(i) for i in range(26)]
        + [b"\xff\xd8\xff" + bytes(200 + i) for i in range(8)]
    )


def looked(*parts: list[bytes]) -> Faces:
    made = Faces()
    for part in parts:
        made.add(pa.array(part, pa.binary()))
    return made


def test_halves_merged_are_the_whole_in_any_order() -> None:
    values = pictures()
    whole = looked(values)
    assert (len(values), whole.looked + whole.evidence.count("more")) > (LOOKED_AT, 0)
    for seed in range(3):
        random.Random(seed).shuffle(values)
        cut = 10 * seed + 7
        one, two = looked(values[:cut]), looked(values[cut:])
        two.merge(one)
        assert two == whole == looked(values[cut:], values[:cut], values[:5])
    assert whole != looked(values[:9])


def test_what_is_kept_is_small_and_no_picture() -> None:
    whole = looked(pictures())
    kept = pickle.dumps(whole)
    assert pickle.loads(kept) == whole
    assert len(kept) < 1_000
    assert len(whole._seen) == LOOKED_AT
    assert {*whole._seen.values()} <= {FACE, NO_FACE, UNREAD}


def test_a_column_of_faces_is_told_from_one_without() -> None:
    people = looked([variant("admiral", i) for i in range(20)])
    assert people.seen
    assert not people.absent
    assert people.evidence == f"a face was found in {people.found} of 20 images looked at"
    things = looked([drawing(i) for i in range(20)])
    assert things.absent
    assert not things.seen
    assert "no face was found in 20 images looked at" in things.evidence or things.found == 1
    nothing = looked([b"\xff\xd8\xff" + bytes(300)])
    assert not nothing.seen
    assert not nothing.absent
    assert nothing.evidence == "no face was found in 0 images looked at (1 more could not be read)"


def test_pictures_in_text_are_looked_at() -> None:
    whole = encode(photo("astronaut"))
    coded = base64.b64encode(whole).decode()
    cells = [coded, f"data:image/jpeg;base64,{coded}", coded[: len(coded) * 4 // 5 + 1], "x" * 300]
    made = Faces()
    made.add(pa.array([*cells, None]))
    assert (made.looked, made.found) == (3, 3)


def test_other_columns_are_not_looked_at() -> None:
    made = Faces()
    for column in (pa.array([1, 2]), pa.array(["a"]), pa.array([b"BM is not it"]), pa.nulls(3)):
        made.add(column)
    made.add(pa.array([], pa.binary()))
    assert made == Faces()
    assert made.share == 0.0
