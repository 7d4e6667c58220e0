"""The invented town: the same each time, of the stated size, and unable to reach anybody."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from leftopen.demo import contents, names
from leftopen.demo.town import (
    FACES,
    PEOPLE,
    SEA,
    SIGHTINGS,
    TRACKED,
    Town,
    dice,
    dni,
    ip,
    sightings,
    town,
)

NOW = datetime(2025, 11, 3, 12, 30, 15, 250_000, tzinfo=UTC)
DRAMA = re.compile(
    r"\+44 (7700 900\d{3}|1632 960\d{3}|20 7946 0\d{3}|(113|114|115|116|117|118|121) 496 0\d{3})"
)
DOCUMENTATION = [
    ipaddress.ip_network(n)
    for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


@pytest.fixture(scope="module")
def velmora() -> Town:
    return town()


def test_the_same_seed_tells_the_same_town(velmora: Town) -> None:
    assert town() == velmora
    assert town(seed=2020) != velmora
    first, second = velmora.residents[:2]
    # A known answer, so that the town is the same on every machine and Python version.
    assert (first.full_name, first.dni, first.birth_date) == (
        "Quorlan Ilshollin",
        "99923524R",
        date(1982, 8, 27),
    )
    assert second.email == "valdrin.corvimont2@example.org"
    assert list(sightings(velmora, NOW, 50)) == list(sightings(velmora, NOW, 50))
    for told in (contents.webshop, contents.taxi, contents.shop_sql, contents.clinic_sql):
        assert list(told(velmora, NOW)) == list(told(velmora, NOW))


def test_sizes(velmora: Town) -> None:
    documents = list(contents.resident_documents(velmora))
    seen = list(sightings(velmora, NOW))
    assert (len(documents), len(seen)) == (PEOPLE, SIGHTINGS) == (3_000, 8_000)
    assert PEOPLE + SIGHTINGS < 20_000  # SecantusDB reads a whole collection for every find
    faces = [d["face_embedding"] for d in documents if "face_embedding" in d]
    assert len(faces) == FACES
    assert {len(face) for face in faces} == {128}
    assert all(math.isclose(math.hypot(*face), 1, abs_tol=1e-4) for face in faces)
    assert len({tuple(face) for face in faces}) == FACES
    keys = [command[1] for command in contents.webshop(velmora, NOW)]
    assert sum(key.startswith("sess:") for key in keys) == contents.SESSIONS
    assert sum(key.startswith("cart:") for key in keys) == contents.CARTS
    assert len(set(keys)) == contents.SESSIONS + contents.CARTS + 1
    with pytest.raises(ValueError, match="10,000"):
        town(10_001)


def test_id_numbers_have_the_right_check_letter_and_a_range_of_their_own(velmora: Town) -> None:
    # 12345678Z is the usual specimen number.
    assert (dni(12_345_678), dni(0)) == ("12345678Z", "00000000T")
    ids = [who.dni for who in velmora.residents]
    assert len(set(ids)) == PEOPLE
    assert all(re.fullmatch(r"99\d{6}[A-HJ-NP-TV-Z]", number) for number in ids)
    assert all(number == dni(int(number[:8])) for number in ids)


def test_nothing_reaches_a_person(velmora: Town) -> None:
    assert all(DRAMA.fullmatch(who.phone) for who in velmora.residents)
    assert len({who.phone for who in velmora.residents}) == PEOPLE
    domains = {who.email.rpartition("@")[2] for who in velmora.residents}
    assert domains == {"example.org", "example.net", "example.com"}
    assert len({who.email for who in velmora.residents}) == PEOPLE
    assert all(who.postcode.startswith("99") for who in velmora.residents)  # Spain ends at 52
    chance = dice("ips")
    addresses = [ipaddress.ip_address(ip(chance)) for _ in range(2_000)]
    assert {a.version for a in addresses} == {4, 6}
    assert all(any(a in net for net in DOCUMENTATION) for a in addresses)


def test_every_address_and_domain_in_every_store_is_a_reserved_one(velmora: Town) -> None:
    told = "\n".join(
        [json.dumps(d, default=str) for d in contents.resident_documents(velmora)]
        + [" ".join(c) for c in contents.webshop(velmora, NOW)]
        + [" ".join(c) for c in contents.taxi(velmora, NOW)]
        + list(contents.shop_sql(velmora, NOW))
        + list(contents.clinic_sql(velmora, NOW))
    )
    assert set(re.findall(r"@([\w.-]+)", told)) == {"example.org", "example.net", "example.com"}
    phones = re.findall(r"\+\d[\d ]+\d", re.sub(r"\+00:00", "", told))
    assert len(phones) > PEOPLE
    assert all(DRAMA.fullmatch(phone) for phone in phones)
    quads = set(re.findall(r'"ip": "([^"]+)"', told))
    assert quads
    assert all(any(ipaddress.ip_address(q) in net for net in DOCUMENTATION) for q in quads)


def test_people_make_sense(velmora: Town) -> None:
    for who in velmora.residents:
        assert 0 <= who.age <= 96
        assert who.birth_date < date(2025, 6, 2)
        assert (who.employer is None) == (who.job is None)
        assert who.job is None or 18 <= who.age < 67
    shares = {
        label: sum(who.ethnicity == label for who in velmora.residents) / PEOPLE
        for label, _ in names.ETHNICITIES
    }
    assert all(abs(shares[label] - part / 100) < 0.03 for label, part in names.ETHNICITIES)


def test_sightings_are_traces_of_few_people_at_sea(velmora: Town) -> None:
    seen = list(sightings(velmora, NOW))
    times = [sighting["ts"] for sighting in seen]
    assert all(a <= b for a, b in pairwise(times))
    assert NOW - timedelta(days=1, seconds=1) <= times[0]
    assert times[-1] <= NOW
    assert all(t.microsecond % 1000 == 0 and t.tzinfo is not None for t in times)
    people = [sighting["person_id"] for sighting in seen]
    assert set(people) <= set(range(1, TRACKED + 1))
    assert len(people) / len(set(people)) > 10
    assert all(abs(s["lat"] - SEA[0]) < 0.1 and abs(s["lon"] - SEA[1]) < 0.1 for s in seen)
    assert {s["place"] for s in seen} == set(names.PLACES)
    # One person keeps to a few places: that is what makes a trace tell on them.
    assert max(len({s["camera"] for s in seen if s["person_id"] == p}) for p in (1, 7, 30)) <= 4


def test_literals_cannot_end_early() -> None:
    assert contents.literal("Tanner's") == "'Tanner''s'"
    assert contents.literal("'; DROP TABLE orders; --") == "'''; DROP TABLE orders; --'"
    assert (contents.literal(None), contents.literal(7), contents.literal(1.5)) == (
        "NULL", "7", "1.5",
    )  # fmt: skip
    assert contents.literal(date(2025, 1, 2)) == "'2025-01-02'"
    assert contents.literal(NOW) == "'2025-11-03T12:30:15.250+00:00'"
