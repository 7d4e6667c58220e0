"""Face, finger, iris and voice data in the forms that stores keep them, and look-alikes."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import struct
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pytest

from leftopen.classifier import classify, media
from leftopen.classifier.text import Text
from tests.classifier import make
from tests.classifier.make import Maker, column, float_in, unit_vector, whole_in

ROWS = 40


def raw(form: str, width: int, length: float = 1.0) -> Callable[[random.Random], bytes]:
    """The bytes of a vector of some length."""

    def made(r: random.Random) -> bytes:
        return (np.array(unit_vector(width)(r)) * length).astype(form).tobytes()

    return made


def saved(r: random.Random) -> bytes:
    """What numpy.save writes."""
    file = io.BytesIO()
    np.save(file, np.frombuffer(raw("<f8", 128, 1.4)(r), "<f8"))
    return file.getvalue()


def record(magic: bytes, version: bytes = b" 20\0", size: int = 300) -> Maker:
    """An ISO/IEC 19794 record that says its length in four bytes."""

    def made(r: random.Random) -> bytes:
        length = size + r.randrange(50)
        return magic + version + struct.pack(">I", length) + r.randbytes(length - 12)

    return made


def ansi_378(r: random.Random) -> bytes:
    length = 200 + r.randrange(90)
    return b"FMR\0 20\0" + struct.pack(">H", length) + r.randbytes(length - 10)


def finger_image(r: random.Random) -> bytes:
    """ISO/IEC 19794-4:2005 says its length in six bytes."""
    length = 500 + r.randrange(90)
    return b"FIR\0" + b"010\0" + length.to_bytes(6, "big") + r.randbytes(length - 14)


def der(tag: int) -> Maker:
    """ISO/IEC 39794: an application tag, two bytes of length, the version block."""

    def made(r: random.Random) -> bytes:
        body = b"\xa0\x06" + r.randbytes(300 + r.randrange(50))
        return bytes([tag, 0x82]) + struct.pack(">H", len(body)) + body

    return made


def wsq(r: random.Random) -> bytes:
    return b"\xff\xa0\xff\xa8\x00\x7a" + r.randbytes(300) + b"\xff\xa1"


def reader(r: random.Random) -> bytes:
    """A template of an attendance terminal."""
    return r.randbytes(2) + b"SS21" + r.randbytes(400)


def b64(of: Maker) -> Maker:
    return lambda r: base64.b64encode(_raw(of, r)).decode()


def hexed(of: Maker, front: str = "") -> Maker:
    return lambda r: front + _raw(of, r).hex()


def _raw(of: Maker, r: random.Random) -> bytes:
    value = of(r)
    assert isinstance(value, bytes)
    return value


def as_json(of: Maker) -> Maker:
    return lambda r: json.dumps(of(r))


def comma(of: Maker, by: str = ",") -> Maker:
    def made(r: random.Random) -> str:
        value = of(r)
        assert isinstance(value, list)
        return by.join(f"{v:.6f}" for v in value)

    return made


def _numbers(of: Maker, r: random.Random) -> list[float]:
    value = of(r)
    assert isinstance(value, list)
    return value


def scaled(width: int, by: float) -> Maker:
    return lambda r: [n * by for n in _numbers(unit_vector(width), r)]


def sound(magic: bytes, form: bytes = b"") -> Maker:
    return lambda r: magic + r.randbytes(4 if form else 0) + form + r.randbytes(300)


def blob(size: int) -> Maker:
    return lambda r: r.randbytes(size + r.randrange(80))


def path(pattern: str) -> Maker:
    return lambda r: pattern.format(r.randrange(99999))


def pickled(r: random.Random) -> bytes:
    return b"\x80\x04\x95" + r.randbytes(700)


# (collection, field, values, family); the columns beside it are numbers.
FOUND: list[tuple[str, str, Maker, str]] = [
    # vectors
    ("", "face_vec", unit_vector(128), "face_embedding"),
    ("", "faceEncoding", scaled(128, 1.37), "face_embedding"),
    ("", "faceDescriptor", as_json(unit_vector(512)), "face_embedding"),
    ("", "arcface", comma(unit_vector(512)), "face_embedding"),
    ("", "gesichtsvektor", comma(unit_vector(256), " "), "face_embedding"),
    ("", "face_encoding", raw("<f8", 128, 1.4), "face_embedding"),
    ("", "face_feature", raw("<f4", 512), "face_embedding"),
    ("", "known_face_encodings", saved, "face_embedding"),
    ("", "faceEmbedding", b64(raw("<f4", 512)), "face_embedding"),
    ("", "face_embedding", hexed(raw("<f4", 128), "\\x"), "face_embedding"),
    ("", "人脸特征值", b64(raw("<f4", 256)), "face_embedding"),
    ("", "rltz", b64(blob(500)), "face_embedding"),
    ("", "vector_facial", unit_vector(192), "face_embedding"),
    ("", "gabarit_facial", unit_vector(160), "face_embedding"),
    ("", "вектор_лица", unit_vector(512), "face_embedding"),
    ("", "vektor_wajah", as_json(unit_vector(128)), "face_embedding"),
    ("", "yuz_vektoru", unit_vector(100), "face_embedding"),
    ("", "顔特徴量", unit_vector(512), "face_embedding"),
    ("", "얼굴벡터", unit_vector(512), "face_embedding"),
    ("", "face.embedding", unit_vector(128), "face_embedding"),
    ("", "face_encoding", pickled, "face_embedding"),
    ("", "voice_embedding", scaled(192, 14), "voice"),
    ("", "xvector", scaled(512, 9), "voice"),
    ("", "声纹特征", as_json(unit_vector(256)), "voice"),
    ("", "speaker_embedding", b64(raw("<f4", 192)), "voice"),
    # templates with a header, whatever the name
    ("", "c17", record(b"FMR\0"), "fingerprint"),
    ("", "c17", record(b"FMR\0", b"030\0"), "fingerprint"),
    ("", "c17", ansi_378, "fingerprint"),
    ("", "c17", finger_image, "fingerprint"),
    ("", "c17", b64(record(b"FMR\0")), "fingerprint"),
    ("", "c17", hexed(record(b"FMR\0")), "fingerprint"),
    ("", "c17", hexed(record(b"FIR\0", b"020\0"), "\\x"), "fingerprint"),
    ("", "c17", wsq, "fingerprint"),
    ("", "c17", b64(wsq), "fingerprint"),
    ("", "c17", b64(reader), "fingerprint"),
    ("", "c17", reader, "fingerprint"),
    ("", "c17", der(0x64), "fingerprint"),
    ("", "c17", der(0x66), "iris"),
    ("", "c17", record(b"IIR\0", b"010\0"), "iris"),
    ("", "c17", b64(record(b"IIR\0", b"020\0")), "iris"),
    ("", "c17", record(b"FAC\0", b"010\0", 9000), "face_image"),
    ("", "c17", b64(record(b"FAC\0", b"030\0")), "face_image"),
    ("", "c17", record(b"VIR\0", b"010\0"), "fingerprint"),
    # templates that only their name tells
    ("", "huella_dactilar", blob(400), "fingerprint"),
    ("", "parmak_izi", b64(blob(400)), "fingerprint"),
    ("", "отпечаток_пальца", blob(300), "fingerprint"),
    ("", "left_thumb", hexed(blob(300)), "fingerprint"),
    ("", "zhiwen", b64(blob(512)), "fingerprint"),
    ("", "sidik_jari", blob(800), "fingerprint"),
    ("", "बायाँ अंगूठा", blob(300), "fingerprint"),
    ("", "بصمة", blob(300), "fingerprint"),
    ("", "fingerprint_image", make.image, "fingerprint"),
    ("", "palm_vein", blob(900), "fingerprint"),
    ("", "iris_code", blob(512), "iris"),
    ("", "虹膜特征", b64(blob(512)), "iris"),
    ("", "iride_sinistra", blob(600), "iris"),
    ("", "raduzhka", blob(600), "iris"),
    ("", "right_iris", make.image, "iris"),
    # sound
    ("", "voice_sample", sound(b"RIFF", b"WAVE"), "voice"),
    ("", "stimmprobe", sound(b"OggS"), "voice"),
    ("calls", "call_recording", path("/rec/2023/{}.mp3"), "voice"),
    ("", "录音文件", path("http://10.0.0.1/luyin/{}.amr"), "voice"),
    ("", "grabacion_voz", b64(sound(b"ID3\x04")), "voice"),
    ("", "voice_note", path("msg-{}.opus"), "voice"),
    ("", "ses_kaydi", sound(b"#!AMR\n"), "voice"),
    ("", "empreinte_vocale", blob(400), "voice"),
    # pictures
    ("people", "photo", path("https://img.example.org/p/{}.jpg?w=90"), "face_image"),
    ("users", "avatar_url", path("https://cdn.example.org/avatar/{}"), "face_image"),
    ("", "mugshot", path("{}_front.png"), "face_image"),
    ("", "头像", path("/upload/tx/{}.webp"), "face_image"),
    ("", "证件照", make.image, "face_image"),
    ("students", "pas_foto", path("foto/{}.jpeg"), "face_image"),
    ("employees", "passbild", path("\\\\srv\\bilder\\{}.JPG"), "face_image"),
    ("people", "фото", b64(make.image), "face_image"),
    ("", "selfie_path", path("kyc/{}/selfie.heic"), "face_image"),
    ("patients", "fotografia", lambda r: b"\x89PNG\r\n\x1a\n" + r.randbytes(90), "face_image"),
    ("", "顔写真", path("kao/{}.jpg"), "face_image"),
    ("users", "profile_pic", lambda r: "data:image/png;base64,iVBORw0KGgo" + r.randbytes(90).hex(),
     "face_image"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("collection", "field", "values", "family"), FOUND,
    ids=[f"{i}-{f}" for i, (_, f, _, _) in enumerate(FOUND)],
)  # fmt: skip
def test_found(collection: str, field: str, values: Maker, family: str) -> None:
    made = column(values, rows=ROWS)
    if isinstance(made[0], list):
        table = pa.table({field: pa.array(made, pa.list_(pa.float32()))})
    else:
        table = pa.table({field: made})
    table = table.append_column("n", [list(range(ROWS))])
    fields = classify(table, collection).fields
    found = fields.get(field) or fields[f"{field}[]"]
    assert found.family == family, found
    assert found.special
    assert found.evidence
    assert fields["n"].kind == "none"


def histogram(r: random.Random) -> list[float]:
    return [float(r.randrange(900)) for _ in range(256)]


def spectrum(r: random.Random) -> list[float]:
    return [r.uniform(0, 5) for _ in range(512)]


def reading(r: random.Random) -> list[float]:
    return [20 + r.gauss(0, 1) for _ in range(128)]


def protobuf(r: random.Random) -> bytes:
    return b"\x0a\x12\x08" + r.randbytes(2) + b"\x10\x01\x1a\x20" + r.randbytes(120)


# (collection, field, values): none of it is a person's body.
NONE: list[tuple[str, str, Maker]] = [
    ("products", "embedding", unit_vector(512)),
    ("products", "image_embedding", unit_vector(512)),
    ("documents", "embedding", unit_vector(1536)),
    ("documents", "embedding", as_json(unit_vector(384))),
    ("documents", "embedding", b64(raw("<f4", 384))),
    ("articles", "title_vector", unit_vector(768)),
    ("", "text_embedding", unit_vector(768)),
    ("", "embedding", unit_vector(128)),
    ("", "vector", raw("<f4", 512)),
    ("", "c17", unit_vector(512)),
    ("", "c17", raw("<f8", 128)),
    ("songs", "features", scaled(128, 7)),
    ("sensors", "spectrum", spectrum),
    ("sensors", "samples", reading),
    ("images", "histogram", histogram),
    ("meshes", "face", lambda r: [r.randrange(999) for _ in range(3)]),
    ("meshes", "faces", lambda r: [float(r.randrange(999)) for _ in range(12)]),
    ("colors", "rgb", lambda r: [r.random() for _ in range(3)]),
    ("", "surface_vector", unit_vector(3)),
    ("bonds", "face_value", float_in(100, 1000)),
    ("fonts", "typeface", make.any_of("Serif", "Mono")),
    ("", "interface", make.any_of("eth0", "lo")),
    ("", "facebook_pixel", make.digits(15)),
    ("products", "image", path("/img/p/{}.jpg")),
    ("products", "thumbnail", make.image),
    ("products", "photo", path("/shop/{}.jpg")),
    ("shops", "logo", lambda r: b"\x89PNG\r\n\x1a\n" + r.randbytes(200)),
    ("articles", "cover_image", path("covers/{}.png")),
    ("pages", "banner_photo", path("b/{}.webp")),
    ("", "screenshot", make.image),
    ("", "chart_image", path("charts/{}.png")),
    ("tiles", "satellite_image", make.image),
    ("", "c17", make.image),
    ("", "c17", path("https://example.org/a/{}.jpg")),
    ("sessions", "browser_fingerprint", make.hexadecimal(32)),
    ("certs", "fingerprint", make.hexadecimal(64)),
    ("certs", "fingerprint", lambda r: r.randbytes(32)),
    ("", "ssh_fingerprint", lambda r: "SHA256:" + base64.b64encode(r.randbytes(32)).decode()),
    ("errors", "fingerprint", make.hexadecimal(40)),
    ("flowers", "iris_species", make.any_of("setosa", "virginica")),
    ("files", "body", lambda r: b"%PDF-1.7\n" + r.randbytes(300)),
    ("files", "body", lambda r: gzip.compress(r.randbytes(200))),
    ("", "payload", protobuf),
    ("", "c17", blob(300)),
    ("", "c17", b64(blob(300))),
    ("", "uuid", lambda r: r.randbytes(16)),
    ("", "digest", lambda r: r.randbytes(32)),
    ("", "c17", lambda r: b"FM" + r.randbytes(200)),
    ("songs", "file", path("music/{}.mp3")),
    ("songs", "audio", path("music/{}.flac")),
    ("", "c17", sound(b"ID3\x03")),
    ("tracks", "preview_audio", sound(b"OggS")),
    ("calls", "voice_minutes", whole_in(0, 90)),
    ("", "tts_voice", make.any_of("en-US-A", "de-DE-B")),
    ("users", "face_verified", make.any_of(True, False)),
    ("users", "photo_count", whole_in(0, 9)),
    ("users", "has_fingerprint", make.any_of(True, False)),
    ("users", "c5", comma(lambda r: [r.uniform(0, 9) for _ in range(40)])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("collection", "field", "values"), NONE,
    ids=[f"{i}-{c}.{f}" for i, (c, f, _) in enumerate(NONE)],
)  # fmt: skip
def test_not_biometric(collection: str, field: str, values: Maker) -> None:
    table = pa.table({field: column(values, rows=ROWS), "n": list(range(ROWS))})
    for found in classify(table, collection).fields.values():
        assert not found.special, found
        assert found.family not in ("face_image", "face_embedding", "fingerprint", "iris", "voice")


def counted(values: Sequence[object], wanted: frozenset[str] = frozenset()) -> Counter[str]:
    hits: Counter[str] = Counter()
    if isinstance(values[0], str):
        media.count(Text.of(pa.array(values)), wanted, hits)
    else:
        media.count_bytes(pa.array(values, pa.large_binary()), hits)
    return +hits


def test_a_record_as_long_as_its_header_says_is_told_from_one_that_only_begins_like_one() -> None:
    good = column(record(b"FMR\0"), rows=5)
    assert counted(good)["record.finger.whole"] == 5
    assert counted([base64.b64encode(v).decode() for v in good if isinstance(v, bytes)]) == {
        "record.finger": 5, "record.finger.whole": 5,
    }  # fmt: skip
    short = [v[:-9] for v in good if isinstance(v, bytes)]
    assert counted(short)["record.finger"] == 5
    assert counted(short)["record.finger.whole"] == 0
    cut = [
        v[:8192] for v in column(record(b"IIR\0", b"010\0", 20_000), rows=3) if isinstance(v, bytes)
    ]
    assert counted(cut)["record.iris.whole"] == 3


@pytest.mark.parametrize("width", [64, 128, 512, 1024])
@pytest.mark.parametrize("form", ["<f4", "<f8"])
def test_every_writing_of_a_vector_is_counted(width: int, form: str) -> None:
    of = raw(form, width)
    for writing in (of, b64(of), hexed(of), hexed(of, "0x"), as_json(unit_vector(width))):
        assert counted(column(writing, rows=6))["vector.model"] == 6
    noise = lambda r: r.randbytes(width * int(form[2]))  # noqa: E731 - beside its kin
    for writing in (noise, b64(noise), hexed(noise)):
        assert counted(column(writing, rows=6))["vector.model"] == 0


def test_distinct_values_count_with_their_weight() -> None:
    values = [base64.b64encode(_raw(record(b"FMR\0"), random.Random(i))).decode() for i in range(3)]
    values += [_text(as_json(unit_vector(128)), i) for i in range(3)]
    hits: Counter[str] = Counter()
    weights = np.array([1, 2, 3, 10, 20, 30])
    media.count(Text(pa.array(values, pa.large_string()), weights), frozenset(), hits)
    assert (hits["record.finger.whole"], hits["vector.model"]) == (6, 60)


def _text(of: Maker, seed: int) -> str:
    return str(of(random.Random(seed)))


def test_parts_add_up_and_slices_are_read_in_their_place() -> None:
    values = column(record(b"FMR\0"), rows=9) + column(raw("<f4", 128), rows=9)
    whole = pa.array([b"x", *values, b"y"], pa.large_binary())
    one, two, all_of_it = Counter[str](), Counter[str](), Counter[str]()
    media.count_bytes(whole.slice(0, 7), one)
    media.count_bytes(whole.slice(7), two)
    media.count_bytes(whole, all_of_it)
    assert one + two == +all_of_it
    assert all_of_it["vector.model"] == 9


def test_odd_bytes_do_no_harm() -> None:
    odd = [b"", b"F", b"FMR\0", b"\xff\xd8\xff", b"BM" * 40, b"\x93NUMPY" * 40, b"\0" * 5000]
    assert counted(odd)["record.finger"] == 0
    assert counted(["[" + "1e99," * 200, "," * 200, "9" * 500, "=" * 700, "\\x" + "0" * 512]) == {}
