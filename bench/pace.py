"""How fast `leftopen.classify` is and how much memory it takes, on a table of 90 mixed columns.

Every figure is of one core. Memory is that of fresh processes that run `bench.resident`.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from stdnum import verhoeff
from stdnum.bg import egn
from stdnum.cn import ric
from stdnum.es import dni
from stdnum.pl import pesel
from stdnum.ro import cnp

from bench.labelled import people as p
from bench.labelled import things as t
from bench.labelled.official import Maker, shaped
from leftopen.classifier import classify

COLUMNS = 90
ROWS = 50_000
BATCH = 16_384
ROUNDS = 5


def mixed(rows: int = ROWS, seed: int = 5) -> pa.Table:
    """90 columns of short values as dumps have them: most are texts, most values differ."""
    makers = list(_columns())
    if len(makers) != COLUMNS:
        raise AssertionError(f"{len(makers)} columns")
    return pa.table({name: _values(make, pool, rows, seed) for name, make, pool in makers})


def _values(make: Maker, pool: int, rows: int, seed: int) -> pa.Array:
    """`rows` values; drawn from a pool of different ones where making them all takes too long."""
    chance = random.Random(seed)
    made = pa.array([make(chance) for _ in range(min(rows, pool or rows))])
    if len(made) == rows:
        return made
    return made.take(pa.array(np.random.default_rng(seed).integers(0, len(made), rows)))


def _columns() -> Iterator[tuple[str, Maker, int]]:
    few = 5_000  # names, streets and jobs repeat in any table
    for locale in ("en_US", "de_DE", "fr_FR", "pl_PL", "zh_CN", "ru_RU"):
        for what in ("name", "address", "phone_number", "city"):
            yield f"{what}_{locale}", p.faked(locale, what), few
        yield f"company_{locale}", p.faked(locale, "company"), few
    for name, (shape, check) in _CHECKED.items():
        yield f"valid_{name}", _checked(shape, check), 0
        yield f"like_{name}", _shaped(shape + "9"), 0
    for name, make in {
        "email": p.email, "work_mail": p.email, "login": p.login, "dob": p.born_as("%d.%m.%Y"),
        "dob_iso": p.born_as("%Y-%m-%d"), "ip": p.ip4, "ip6": p.ip6, "mac": p.mac, "card": p.card,
        "imei": p.imei, "iban": p.iban("DE", 18), "vin": p.vin, "icd": p.icd10, "pwd": p.password,
        "point": p.point, "uuid": t.a_uuid, "md5": t.hexadecimal(32), "ean": t.ean, "isbn": t.isbn,
        "order_no": t.digits(9), "ref": t.failing(11), "sku": t.pattern("AB-####-??"),
        "product": t.product, "version": t.version, "seen_at": t.moment_text, "slug": t.slug,
        "host": t.host, "vat": t.vat, "lot": t.pattern("LOT####?"), "short_text": t.product,
    }.items():  # fmt: skip
        yield name, make, 0
    for name, words in {
        "gender": ("male", "female"), "status": ("open", "paid", "sent"),
        "currency": ("EUR", "USD"),
        "country": ("DE", "FR", "PL"), "level": ("INFO", "WARN"), "flag_text": ("yes", "no"),
    }.items():  # fmt: skip
        yield name, t.any_of(*words), 0
    for name, make in {
        "id": t.whole(1, 10**6), "qty": t.whole(0, 99), "age": t.whole(0, 99),
        "epoch": t.epoch, "epoch_ms": t.epoch_ms, "price": t.real(1, 999), "temp": t.real(-20, 40),
        "lat": t.real(47, 55, 6), "lon": t.real(6, 15, 6), "ratio": t.real(0, 1, 4),
        "active": t.any_of(True, False), "created": t.moment,
    }.items():  # fmt: skip
        yield name, make, 0


# National numbers: the shape of the body, and python-stdnum's function for what follows it.
_CHECKED: dict[str, tuple[str, Callable[[str], str]]] = {
    "pesel": ("yymmdd9999", pesel.calc_check_digit),
    "dni": ("99999999", dni.calc_check_digit),
    "ric": ("110101yyyymmdd999", ric.calc_check_digit),
    "aadhaar": ("29999999999", verhoeff.calc_check_digit),
    "egn": ("yymmdd999", egn.calc_check_digit),
    "cnp": ("1yymmdd12999", cnp.calc_check_digit),
}


def _shaped(shape: str) -> Maker:
    return lambda r: shaped(r, shape)


def _checked(shape: str, check: Callable[[str], str]) -> Maker:
    def make(r: random.Random) -> str:
        body = shaped(r, shape)
        return body + check(body)

    return make


def is_text(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(column.type))


def mean_bytes(table: pa.Table) -> float:
    """Mean length of a value in bytes as text."""
    texts = [column.cast(pa.string()) for column in table.columns]
    held = sum(int(pc.sum(pc.binary_length(c)).as_py()) for c in texts)
    return held / values_of(table)


def values_of(table: pa.Table) -> int:
    return int(table.num_rows * table.num_columns)


def rate(work: Callable[[], object], values: int, rounds: int = ROUNDS) -> float:
    """Values a second of processor time, which other work on the machine does not take from: the
    median of some rounds after one that is not counted.
    """
    work()
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return values / statistics.median(taken)


def classify_rate(table: pa.Table) -> float:
    """End to end through `classify`; makes sure that every value was looked at."""
    profile = classify(table, "dump")
    looked = sum(field.values for field in profile.fields.values())
    held = sum(len(c) - c.null_count for c in table.columns)
    if looked != held:
        raise SystemExit(f"{looked:,} of {held:,} values were looked at")
    return rate(lambda: classify(table, "dump"), values_of(table))


_CLASSES = np.frombuffer(
    bytes(
        ord("9") if chr(b).isdigit() and b < 128
        else ord("a") if 97 <= b <= 122
        else ord("A") if 65 <= b <= 90
        else ord("w") if b > 127
        else b
        for b in range(256)
    ),
    dtype=np.uint8,
)  # fmt: skip


def mask_ceiling(table: pa.Table) -> float:
    """The least that looks at every byte: each byte mapped to a class with numpy, the distinct
    masks counted with pyarrow. Over the text columns, values a second."""
    columns = [column.combine_chunks() for column in table.columns if is_text(column)]

    def work() -> None:
        for column in columns:
            _, offsets, data = column.buffers()
            masks = _CLASSES[np.frombuffer(data, dtype=np.uint8)]
            made = pa.Array.from_buffers(
                pa.binary(), len(column), [None, offsets, pa.py_buffer(masks)]
            )
            pc.value_counts(made)

    return rate(work, sum(map(len, columns)))


# ------------------------------------------------------------------------------------- memory


def write(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=BATCH)


def peaks(table: pa.Table) -> dict[str, tuple[float, float]]:
    """MiB at most resident, and before any data, for each way and size; a fresh process each."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.arrow"
        write(table, path)
        for name, way, times in (
            ("batches, 1x", "batches", 1), ("batches, 4x", "batches", 4),
            ("batches, 16x", "batches", 16), ("one table", "table", 1),
        ):  # fmt: skip
            command = [sys.executable, "-m", "bench.resident", way, str(times), str(path)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)
            before, peak = map(float, ran.stdout.split())
            found[name] = (before, peak)
    return found
