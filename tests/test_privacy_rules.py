"""The privacy rules, each under its number: what its own text in `privacy_rules.json` asks for.

Two real stores are filled with invented people and read by the `leftopen` command, as a user runs
it: once with and again after one more person. What that leaves is searched. Rules that `tests/live/
test_canary.py` holds for every engine are held here for these two; what can only be held of all
inputs is a property test.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import json
import pickle
import re
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from leftopen import model, report
from leftopen.assess import assess
from leftopen.config import Measuring
from leftopen.engines import all_engines
from leftopen.engines._postgresql_sql import request_name as statement_name
from leftopen.errors import UsageError
from leftopen.measure import disclosure
from leftopen.measure.interval import Interval
from leftopen.measure.people import Together
from leftopen.measure.sketch import Sketcher
from leftopen.model import (
    CollectionProfile,
    Exposure,
    FieldProfile,
    People,
    Profile,
    Run,
    Service,
    Vantage,
    Verdict,
)
from leftopen.progress import ExposureRated
from leftopen.report import as_json
from leftopen.servers import postgresql, redis
from leftopen.servers.base import Server
from leftopen.servers.postgresql import PostgresServer
from leftopen.store import EPSILON, Store
from leftopen.testing import Ran, leftopen, need, peer, start
from tests.live.canaries import Plant, hits
from tests.live.test_canary import EXPLAINERS
from tests.live.test_private_network import namespaces
from tests.measure.test_disclosure import exact, possible, unions

RULES = json.loads((Path(__file__).parent / "data" / "privacy_rules.json").read_text())
LATER = {
    "R14": "logs of who else was there are read by no part of leftopen yet",
    "R15": "notices and forms for authorities are not written yet",
    "R18": "cases, whose closing begins the retention, are not kept yet",
}


def test_every_rule_is_tested_here_or_named_as_later() -> None:
    ids = [rule["id"] for rule in RULES]
    assert ids == [f"R{number}" for number in range(1, 21)]
    tested = {f"R{int(name[6:8])}" for name in globals() if re.match(r"test_r\d\d_", name)}
    assert tested | set(LATER) == set(ids)
    assert not tested & set(LATER)


# --- what is planted ------------------------------------------------------------------------------

TOKEN = "qx7vhzjkw0r2m9d5t8y3bnl6c4s1gpfe"  # in a text: rule 11
NOTE = "All your data is backed up. Pay 0.0043 BTC to bc1qleftopencanary or it is made public"
EXTREMES = {"weight": "987654.25", "born": "1897-03-14", "earliest year": "1897"}
FAITHS = ("Hindu", "Sikh", "Jain", "Cult of Quibcanary")
PEOPLE, FEW = 80, 7


def _planted_rows(plant: Plant) -> list[tuple[str, ...]]:
    """e-mail, name, phone, faith, text, weight and birth of each person, canaries in the first."""
    rows: list[tuple[str, ...]] = [
        (
            f"maria.schneider{n}@example.org",
            f"Maria {('Schneider', 'Rossi', 'Garcia')[n % 3]}",
            f"+4989123400{n:03}",
            FAITHS[n % 2],
            "was not there",
            f"{60 + n % 30}.5",
            f"19{60 + n % 30}-03-{n % 28 + 1:02}",
        )
        for n in range(PEOPLE)
    ]
    kinds = ("email", "name", "phone")
    hidden = tuple(plant.cell(kind) for kind in kinds)
    text = f"{plant.cell('text')} {TOKEN}"
    rows[0] = (*hidden, FAITHS[3], text, EXTREMES["weight"], EXTREMES["born"])
    return rows


def _sql(rows: Sequence[Sequence[str]]) -> str:
    return ", ".join("(" + ", ".join(f"'{cell}'" for cell in row) + ")" for row in rows)


def _fill_postgresql(server: PostgresServer, plant: Plant) -> None:
    rows = _planted_rows(plant)
    table, column = plant.name("email", "table"), plant.name("number", "column")
    postgresql.fill(
        server,
        f"""CREATE TABLE people (email text PRIMARY KEY, name text, phone text, religion text,
            notes text, weight double precision, birth_date date);
        INSERT INTO people VALUES {_sql(rows)};
        CREATE TABLE staff AS SELECT * FROM people LIMIT {FEW};
        CREATE TABLE "{table}" (email text, "{column}" text);
        INSERT INTO "{table}" SELECT email, name FROM people;
        CREATE INDEX "{plant.name("email", "index")}" ON people (name);
        ANALYZE;""",
    )


def _fill_redis(server: Server, plant: Plant) -> None:
    commands: list[tuple[redis.Argument, ...]] = [
        ("HSET", f"user:{n}", "email", row[0], "name", row[1], "notes", row[4])
        for n, row in enumerate(_planted_rows(plant))
    ]
    commands += [
        ("SET", plant.name("email", "key"), plant.cell("token")),
        ("SET", f"sess:{plant.name('token', 'key')}", plant.cell("id")),
        ("HSET", "user:0", plant.name("email", "field"), "1"),
        ("SET", "READ_ME_TO_RECOVER_YOUR_DATA", NOTE),
    ]
    redis.fill(server, commands)


# --- one run, one more after a person came, and all that they leave -------------------------------

# Put on the path of the command and of its sampling process: tells each file that is opened to be
# written and each address that is connected to, and lets the sampling process write to no file.
WATCH = """
import os, resource, sys
_log = os.environ.get("WATCH_LOG")
_worker = "leftopen.worker" in sys.orig_argv
if _worker and os.environ.get("WATCH_BOUND"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # then it can write to no log either
elif _log:
    _fd = os.open(_log, os.O_WRONLY | os.O_APPEND)
    def _hook(event, args):
        if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
            told = "write " + os.fsdecode(args[0] if isinstance(args[0], (str, bytes)) else b"fd")
        elif event in ("socket.connect", "socket.sendto", "socket.bind"):
            told = f"{event} {args[1]}"
        elif event == "socket.getaddrinfo":
            told = f"{event} {args[0]}"
        else:
            return
        os.write(_fd, (("worker " if _worker else "main ") + told + chr(10)).encode())
    sys.addaudithook(_hook)
"""


def watching(folder: Path) -> dict[str, str]:
    """What to put into the environment of a command to have it watched; its log is `watch.log`."""
    place = folder / "watch"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(WATCH)
    (place / "watch.log").touch()
    path = f"{place}:{Path(__file__).parents[1]}"
    log = str(place / "watch.log")
    return {"PYTHONPATH": path, "WATCH_LOG": log, "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass
class Left:
    """What the runs left: each by name the documents, and everything said or written."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, bytes] = field(default_factory=dict)
    plants: dict[str, Plant] = field(default_factory=dict)
    watched: list[str] = field(default_factory=list)
    core: set[str] = field(default_factory=set)
    statements: list[str] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)
    where: dict[str, str] = field(default_factory=dict)
    database: Path = Path()
    files: set[str] = field(default_factory=set)

    def exposure(self, engine: str, run: str = "first") -> dict[str, Any]:
        place = self.where[engine]
        (found,) = (
            e for e in self.documents[run]["exposures"] if f"{e['address']}:{e['port']}" == place
        )
        assert isinstance(found, dict)
        return found

    def collection(self, name: str, run: str = "first") -> dict[str, Any]:
        (found,) = (
            c
            for e in self.documents[run]["exposures"]
            for c in e["collections"]
            if c["name"] == name
        )
        assert isinstance(found, dict)
        return found


def _core_limits(process: subprocess.Popen[bytes], found: dict[int, str]) -> None:
    """The last limit on core dumps that each sampling process of the command was seen with."""
    while process.poll() is None:
        try:
            for child in psutil.Process(process.pid).children(recursive=True):
                if "leftopen.worker" in child.cmdline():
                    limits = Path(f"/proc/{child.pid}/limits").read_text()
                    found[child.pid] = re.findall(r"Max core file size +(\S+)", limits)[0]
        except (psutil.Error, OSError, IndexError):
            pass
        time.sleep(0.05)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("rules")
    made = Left(database=folder / "record" / "r.db")
    names = ("home", "tmp", "cwd")
    home, temp, cwd = (folder / name for name in names)
    for each in (home, temp, cwd):
        each.mkdir()
    outside = tmp_path_factory.mktemp("watched")
    env = {
        **watching(outside),
        "HOME": str(home),
        "TMPDIR": str(temp),
        "XDG_CACHE_HOME": str(home / "cache"),
        "WATCH_BOUND": "1",
    }
    limits: dict[int, str] = {}

    def meanwhile(process: subprocess.Popen[bytes]) -> None:
        threading.Thread(target=_core_limits, args=(process, limits), daemon=True).start()

    with ExitStack() as stack:
        base = stack.enter_context(start(postgresql.postgres, log_statements=True))
        cache = stack.enter_context(start(redis.redis))
        made.where = {"postgresql": base.where, "redis": cache.where}
        plants = made.plants = {name: Plant(name) for name in ("postgresql", "redis", "refusing")}
        _fill_postgresql(base, plants["postgresql"])
        _fill_redis(cache, plants["redis"])
        word = plants["refusing"].told("error")
        refusing = [
            str(stack.enter_context(peer(EXPLAINERS[name](word))))
            for name in ("postgresql", "redis", "HTTP 500")
        ]

        def scan(name: str, *options: str) -> None:
            ran = leftopen(
                "scan", base.where, cache.where, *refusing, "--format", "json", *options,
                store=made.database, cwd=cwd, env=env, meanwhile=meanwhile,
            )  # fmt: skip
            assert ran.code in (11, 12, 13, 14), ran
            made.documents[name] = json.loads(ran.out)
            made.places[f"{name} json"] = ran.out.encode()
            made.places[f"{name} stderr"] = ran.err.encode()

        log_from = base.log.stat().st_size
        scan("first", "--composition")
        time.sleep(0.3)  # its log is written by other processes
        log = base.log.read_bytes()[log_from:].decode(errors="replace")
        made.statements = re.findall(r"LOG:  (?:statement|execute [^:]+): (.*)", log)
        made.connections = re.findall(r"\[(\d+)\].*connection authorized", log)
        postgresql.fill(
            base,
            "INSERT INTO people VALUES ('ola.new@example.org', 'Ola New', '+4989123400999',"
            " 'Hindu', 'is new', 71.5, '1980-05-05')",
        )
        scan("second", "--composition")
    for format_ in report.formats():
        told = ["report", "last", "--format", format_, "-o", str(cwd / f"report.{format_}")]
        shown = leftopen(*told, store=made.database, cwd=cwd, env=env)
        assert shown.code == 0, shown
        made.places[f"report {format_}"] = (shown.out + shown.err).encode()
    for path in folder.rglob("*"):
        if path.is_file():
            made.places[str(path.relative_to(folder))] = path.read_bytes()
            made.files.add(str(path.relative_to(folder)))
    made.watched = (outside / "watch" / "watch.log").read_text().splitlines()
    made.core = set(limits.values())
    return made


def test_the_run_read_what_was_planted(left: Left) -> None:
    """The searches below would find nothing in an empty run."""
    assert left.documents["first"]["errors"] == []
    found = {f["kind"] for f in left.collection("postgres.public.people")["fields"]}
    assert {"email", "religion"} <= found
    assert left.collection("user:*")["sampled"] == PEOPLE
    assert left.collection("postgres.public.people", "second")["sampled"]
    for place in ("first json", "record/r.db", "cwd/report.html"):
        assert b"postgres.public.people" in left.places[place]


def test_r01_no_value_leaves_the_sampling_process(left: Left) -> None:
    """For all engines, in more places: tests/live/test_canary.py."""
    for plant in left.plants.values():
        assert hits(plant.values, left.places) == []


# --- R2: no samples, no masks, no hashes ----------------------------------------------------------

_FORBIDDEN = re.compile(r"(?i)sample$|samples|example|mask|hash|digest|preview|excerpt|snippet")


def _names(schema: Any) -> Iterator[str]:
    """Every name that a document of this JSON Schema can have."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in ("properties", "$defs", "patternProperties") and isinstance(value, Mapping):
                yield from value
            yield from _names(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _names(each)


def test_r02_nothing_that_is_told_is_a_sample_a_mask_or_a_hash() -> None:
    schema = json.loads((Path(report.__file__).parent / "report-1.schema.json").read_text())
    names = set(_names(schema))
    assert {"people", "sampled", "kind"} <= names
    assert [name for name in names if _FORBIDDEN.search(name)] == []
    for type_ in vars(model).values():
        if dataclasses.is_dataclass(type_):
            assert isinstance(type_, type)
            for name, told in typing.get_type_hints(type_).items():
                assert not _FORBIDDEN.search(name), (type_, name)
                assert "bytes" not in re.findall(r"\w+", str(told).replace("<class", "")), name


# --- R3: bounded, in memory only ------------------------------------------------------------------


def test_r03_only_the_record_is_written_and_no_core_is_dumped(left: Left) -> None:
    assert {name for name in left.files if not name.startswith("cwd/report.")} <= {
        "record/r.db", "record/r.db-wal", "record/r.db-shm"
    }  # fmt: skip
    written = {line.split(" ", 2)[2] for line in left.watched if line.split(" ")[1] == "write"}
    # the sampling process could write to no file at all, and read the stores to their end
    assert all(e["complete"] for e in left.documents["first"]["exposures"])
    own = {str(left.database), "/dev/null", "fd"}
    reports = {str(left.database.parents[1] / "cwd" / f"report.{f}") for f in report.formats()}
    assert written <= own | reports
    assert left.core == {"0"}


def test_r03_a_table_is_sampled_not_copied(left: Left) -> None:
    assert all(
        c["sampled"] <= 200 for e in left.documents["first"]["exposures"] for c in e["collections"]
    )


# --- R4: fewer than the threshold -----------------------------------------------------------------


def test_r04_a_table_of_few_people_is_only_few(left: Left) -> None:
    staff = left.collection("postgres.public.staff")
    assert (staff["few"], staff["records"], staff["sampled"], staff["bytes"]) == (
        True,
        10,
        10,
        None,
    )
    assert {field["share"] for field in staff["fields"]} <= {0.0, 0.5, 1.0}
    told = staff["people"]
    assert told is None or told["few"] or told["estimate"] == 0


def test_r04_the_threshold_is_a_setting_and_never_below_five() -> None:
    assert Measuring().threshold == 10
    for wrong in (4, 21):
        with pytest.raises(UsageError):
            Measuring(threshold=wrong)


SERVICE = Service("127.0.0.2", 27017, Verdict.OPEN, Vantage.LOOPBACK, "reads", engine="mongodb")


def run_of(profile: Profile, people: People | None = None) -> Run:
    exposure = Exposure(SERVICE, profile, assess(SERVICE, profile))
    return Run(
        id="0a", started=datetime(2026, 11, 21, tzinfo=UTC), finished=None, version="0", host="h",
        scope={}, complete=True, services=(SERVICE,), exposures=(exposure,), people=people,
    )  # fmt: skip


def profile_of(
    counts: Sequence[int], total: int, threshold: int, *, spread: float = 0.0
) -> Profile:
    """Tables of people, each with a row for each person, as a run would show them."""

    def shown(count: int) -> People:
        low, high = count * (1 - spread), count * (1 + spread)
        counted = Interval(count, low, high, f"a unique index of its {count:,} records")
        return disclosure.people(Together(counted, ("a", "b")), threshold)

    whole, parts = disclosure.beside(shown(total), [shown(n) for n in counts], threshold)
    collections = []
    for at, (count, part) in enumerate(zip(counts, parts, strict=True)):
        rows = min(count, 200)
        evidence = (f"100 % of {rows:,} values are e-mail addresses",)
        fields = (FieldProfile("mail", "email", "email", False, 0.98, 1.0, rows, evidence),)
        one = CollectionProfile(f"table{'abcdefgh'[at]}", count, 40 * count, rows, fields)
        collections.append(replace(disclosure.collection(one, threshold), people=part))
    return Profile(tuple(collections), True, ("find",), 900, people=whole)


def _figures(document: Any, of: frozenset[str]) -> Iterator[int | float]:
    """The numbers under these names, however deep."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in of and isinstance(value, int | float) and not isinstance(value, bool):
                yield value
            yield from _figures(value, of)
    elif isinstance(document, list):
        for each in document:
            yield from _figures(each, of)


COUNTS = frozenset({"estimate", "low", "high", "records", "sampled"})


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.integers(5, 20), st.data())
def test_r04_no_export_tells_a_number_below_the_threshold(
    counts: list[int], threshold: int, data: st.DataObject
) -> None:
    total = data.draw(st.integers(max(counts), sum(counts)))
    profile = profile_of(counts, total, threshold, spread=data.draw(st.sampled_from([0.0, 0.4])))
    run = run_of(profile, profile.people)
    told = as_json.document(run)
    for figure in _figures([told["run"], told["exposures"]], COUNTS):
        assert figure == 0 or figure >= threshold
    text = as_json.render(run) + repr(profile)
    for found in re.findall(r"(\d[\d,]*) (?:values|records|people)", text):
        assert not 0 < int(found.replace(",", "")) < threshold


# --- R5: nothing to subtract ----------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(unions())
def test_r05_no_hidden_count_can_be_computed_from_an_export(
    given_: tuple[int, list[int], int],
) -> None:
    """A solver that knows the rounding and every figure of the document; see also
    tests/measure/test_disclosure.py."""
    total, counts, threshold = given_
    told = as_json.document(run_of(profile_of(counts, total, threshold)))["exposures"][0]

    def people(told: dict[str, Any] | None) -> People | None:
        if told is None:
            return None
        same = [n for n in (total, *counts) if exact(n, threshold).estimate == told["estimate"]]
        return next(
            p
            for n in same
            if (p := exact(n, threshold)).few == told["few"] and p.low == told["low"]
        )

    whole = people(told["people"])
    assert whole is not None
    parts = [people(c["people"]) for c in told["collections"]]
    for part, (least, most) in zip(
        parts, possible(whole, parts, threshold, sum(counts) + 60), strict=True
    ):
        if part is None:
            assert most - least >= threshold
        elif part.few:
            assert (least, most) == (1, threshold - 1)
            assert part.high - part.low >= threshold


# --- R6: rounded, with an interval, and kept so ---------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(st.integers(10, 10**9))
def test_r06_a_rounded_count_makes_the_round_trip(count: int) -> None:
    store = Store("sqlite://")
    run = run_of(profile_of([count], count, 10))
    store.start(run, {})
    store.keep(run.id, ExposureRated(run.exposures[0]))
    again = store.load(run.id)
    store.close()
    assert again.exposures == run.exposures
    told = as_json.document(again)["exposures"][0]["people"]
    assert told["low"] < told["estimate"] < told["high"] or told["estimate"] == 10
    assert told["low"] <= count <= told["high"]
    if count <= 1_000:
        assert told["estimate"] % 5 == 0
        assert abs(told["estimate"] - count) <= 2.5
    else:
        assert len(str(told["estimate"]).rstrip("0")) <= 3
        assert abs(told["estimate"] - count) <= count * 0.005
    assert f"{count:,}" not in told["method"] or told["estimate"] == count


# --- R7: no differencing --------------------------------------------------------------------------


def test_r07_one_person_more_gives_the_same_export(left: Left) -> None:
    first, second = left.exposure("postgresql"), left.exposure("postgresql", "second")
    assert second.pop("unchanged") is True
    assert first.pop("unchanged") is False
    assert second == first
    assert left.exposure("redis", "second")["collections"] == left.exposure("redis")["collections"]


# --- R8, R20: sketches, keys and membership -------------------------------------------------------


def _stored(database: Path) -> Iterator[tuple[str, Any]]:
    """Every value of every table of the record."""
    with sqlite3.connect(database) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield from ((table, value) for value in row)
    connection.close()


def test_r08_no_sketch_is_stored(left: Left) -> None:
    stored = list(_stored(left.database))
    assert {"run", "target", "ledger"} <= {table for table, _ in stored}
    for table, value in stored:
        assert not isinstance(value, bytes), table
        # and none in the dress of text: a run of letters and digits that no one wrote
        if isinstance(value, str):
            assert not re.search(r"[A-Za-z0-9+/]{86}", value), table


def test_r08_sketches_of_two_runs_differ_and_agree() -> None:
    values = [f"p{n}@example.org".encode() for n in range(400_000)]
    kept = []
    for _ in range(2):
        space = Sketcher().space("email")
        kept.append(space.sketch(space.numbers(values)))
    registers = [bytes(one._theta.compact().serialize()) for one in kept]
    assert registers[0] != registers[1]
    assert registers[0][-64:] != registers[1][-64:]
    for one in kept:
        assert one.size.estimate == pytest.approx(len(values), rel=0.01)
    # what one run's key made is nobody to another run
    assert kept[0].overlap(kept[1]).estimate < len(values) / 1_000


@pytest.mark.parametrize("what", ["sketcher", "space", "sketch"])
def test_r08_a_sketch_cannot_leave_its_process(what: str) -> None:
    sketcher = Sketcher()
    space = sketcher.space("email")
    kept: Any = {"sketcher": sketcher, "space": space, "sketch": space.sketch()}[what]
    for away in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            away(kept)


def _fingerprints(value: bytes) -> Iterator[bytes]:
    """The value, and what a hash without a key makes of it, as bytes and as text."""
    yield value
    made = [hashlib.new(name, value).digest() for name in ("md5", "sha1", "sha256", "sha512")]
    made += [hashlib.blake2b(value, digest_size=size).digest() for size in (8, 16, 20, 32, 64)]
    made += [hashlib.blake2s(value).digest()]
    for digest in made:
        yield digest
        yield digest.hex().encode()
        yield base64.b64encode(digest).rstrip(b"=")


def test_r20_no_stored_object_allows_a_membership_test(left: Left) -> None:
    kept = b"\0".join(
        content for name, content in left.places.items() if name.startswith("record/")
    )
    assert b"postgres.public.people" in kept
    planted = {cell for p in left.plants.values() for row in _planted_rows(p) for cell in row[:3]}
    assert len(planted) > PEOPLE
    found = [
        value
        for value in planted
        for written in (value, value.lower())
        if any(form in kept for form in _fingerprints(written.encode()))
    ]
    assert found == []


def test_r20_an_overlap_is_told_in_steps_or_not_at_all() -> None:
    mirrors = (model.Mirror("copy", "people", 0.95),)
    few = disclosure.people(Together(Interval(9, 9, 9, "a"), ("a",), mirrors), 10)
    assert few.mirrors == ()
    many = disclosure.people(Together(Interval(99, 99, 99, "a"), ("a",), mirrors), 10)
    assert many.mirrors == mirrors


# --- R9 to R13: names, extremes, texts, notes, errors ---------------------------------------------


def test_r09_a_person_in_a_name_is_not_told(left: Left) -> None:
    for plant in left.plants.values():
        names = {k: v for k, v in plant.values.items() if not k.startswith(("cell", "told"))}
        assert hits(names, left.places) == []
    shown = {c["name"] for e in left.documents["first"]["exposures"] for c in e["collections"]}
    assert any("<" in name or "*" in name for name in shown)


def test_r10_no_extreme_value_is_told(left: Left) -> None:
    dates = {k: v for k, v in EXTREMES.items() if k != "earliest year"}
    assert hits(dates, left.places) == []
    for name in ("first json", "second json"):
        assert b"1897" not in left.places[name]
    for engine in ("postgresql", "redis"):
        oldest = (left.exposure(engine).get("time") or {}).get("oldest_year")
        assert oldest is None or oldest > 1897


def test_r11_no_word_of_a_text_is_told(left: Left) -> None:
    assert hits({"token": TOKEN}, left.places) == []
    words = {"phrase": "walked home alone", "value of no list": FAITHS[3]}
    assert hits(words, left.places) == []


def test_r12_a_note_is_told_by_its_family_alone(left: Left) -> None:
    assert left.exposure("redis")["tampering"]
    assert hits({"note": NOTE, "wallet": "bc1qleftopencanary"}, left.places) == []


def test_r13_an_errors_text_is_a_class_and_a_code(left: Left) -> None:
    assert hits(left.plants["refusing"].values, left.places) == []
    assert len(left.documents["first"]["services"]) >= 5


# --- R16, R17: what the store saw, and nobody else ------------------------------------------------


def test_r16_a_postgresql_logs_allow_listed_reads_only(left: Left) -> None:
    assert len(left.statements) > 3
    allowed = all_engines()["postgresql"].requests
    assert {statement_name(statement) for statement in left.statements} <= allowed
    assert all(re.match(r"(?i)(select|show)\b", statement) for statement in left.statements)
    assert 1 <= len(left.connections) <= 4, "to prove it open, and to read it"


def test_r16_a_redis_monitors_allow_listed_reads_only(tmp_path: Path) -> None:
    with start(redis.redis) as server:
        _fill_redis(server, Plant("redis"))
        with redis.monitored(server) as commands:
            leftopen("scan", server.where, store=tmp_path / "r.db")
    words = {command[0].upper() for command in commands}
    requests = {request.split()[0] for request in all_engines()["redis"].requests}
    # what memcached's engine asks a stranger is, to Redis, the read of a key that is not there
    assert {"SCAN"} <= words <= requests | {"GET"}


_INSIDE = """
    import json, subprocess, sys
    from pathlib import Path
    from leftopen.servers import redis
    from leftopen.testing import leftopen
    folder = Path(sys.argv[1])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with redis.redis() as server:
        redis.fill(server, [("HSET", f"user:{n}", "email", f"p{n}@example.org", "religion", "Hindu")
                            for n in range(60)])
        ran = leftopen("scan", server.where, "--composition", "--format", "json",
                       store=folder / "r.db", cwd=folder, env=json.loads(sys.argv[2]))
        print(json.dumps({"where": server.where, "out": ran.out, "code": ran.code}))
"""


def test_r17_nobody_but_the_store_is_talked_to(tmp_path: Path) -> None:
    env = watching(tmp_path)
    inside = [
        *need(namespaces), sys.executable, "-c", textwrap.dedent(_INSIDE), str(tmp_path),
        json.dumps(env),
    ]  # fmt: skip
    ran = subprocess.run(inside, capture_output=True, check=True, timeout=120)
    told = json.loads(ran.stdout)
    document = json.loads(told["out"])
    (exposure,) = document["exposures"]
    assert exposure["complete"]
    assert document["errors"] == []
    assert exposure["composition"]
    address = told["where"].rpartition(":")[0]
    lines = (tmp_path / "watch" / "watch.log").read_text().splitlines()
    touched = [line.split(" ", 2) for line in lines if " socket." in line]
    assert {process for process, *_ in touched} == {"main", "worker"}
    assert {what for _, what, _ in touched} <= {"socket.connect"}
    # its other ports as well: a host on which every port answers is a decoy
    assert {where.split(", ")[0] for *_, where in touched} == {f"('{address}'"}


# --- R19: differential privacy --------------------------------------------------------------------


def test_r19_a_release_is_entered_and_drawn_once(left: Left) -> None:
    """The mechanism's noise: tests/measure/test_composition.py. The ledger: tests/test_store.py."""
    first, second = left.exposure("postgresql"), left.exposure("postgresql", "second")
    releases = first["composition"]
    faith = next(c for c in releases if c["field"] == "postgres.public.people.religion")
    assert faith["mechanism"].startswith("discrete Laplace, scale ")
    assert faith["threshold"] >= 10
    assert {share["label"] for share in faith["shares"]} <= {"Hindu", "Sikh", "other"}
    assert sum(c["epsilon"] for c in releases) == pytest.approx(1.0)
    assert second["composition"] == releases, "the same people: nothing is drawn anew"
    store = Store(f"sqlite:///{left.database}")
    left_over = store.epsilon_left(first["id"])
    store.close()
    assert left_over == pytest.approx(EPSILON - 1.0)
    with sqlite3.connect(left.database) as connection:
        entered = connection.execute("SELECT exposure, run, epsilon FROM ledger").fetchall()
    connection.close()
    runs = {left.documents["first"]["run"]["id"]}
    assert {(e, r) for e, r, _ in entered if e == first["id"]} == {(first["id"], *runs)}


def test_r19_a_used_up_budget_releases_nothing_more(tmp_path: Path) -> None:
    store = tmp_path / "r.db"

    def scan(server: Server) -> dict[str, Any]:
        ran: Ran = leftopen("scan", server.where, "--composition", "--format", "json", store=store)
        (exposure,) = json.loads(ran.out)["exposures"]
        assert isinstance(exposure, dict)
        return exposure

    def more(server: Server, begin: int) -> None:
        people = range(begin, begin + 100)
        redis.fill(server, [
            ("HSET", f"user:{n}", "email", f"p{n}@example.org", "religion", "Hindu") for n in people
        ])  # fmt: skip

    with start(redis.redis) as server:
        more(server, 0)
        first = scan(server)
        assert first["composition"]
        with sqlite3.connect(store) as connection:
            connection.execute(
                "INSERT INTO ledger (exposure, run, epsilon, at) VALUES (?, 'others', ?, ?)",
                (first["id"], EPSILON - 1.5, "2026-11-20 00:00:00.000000"),
            )
        connection.close()
        again = scan(server)
        assert again["unchanged"]
        assert again["composition"] == first["composition"], "shown again as long as it holds"
        more(server, 100)
        last = scan(server)
        assert not last["unchanged"]
        assert last["composition"] == []


def test_r04_the_table_and_the_page_show_no_small_count(left: Left) -> None:
    for format_ in ("table", "html"):
        told = report.renderer(format_)
        run = run_of(profile_of([7, 500], 505, 10))
        text = told(run, Console(width=200, no_color=True))
        text = re.sub(
            r"<style.*?</style>|<script.*?</script>|<svg.*?</svg>", "", text, flags=re.DOTALL
        )
        assert not re.search(r"(?<![\w.,\-])[1-9] (?:people|persons|records|looked)", text)
