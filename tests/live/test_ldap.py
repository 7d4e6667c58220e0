"""The ldap engine against a real OpenLDAP (slapd 2.5 in Debian 12)."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import Profiler
from leftopen.engines._ldap_wire import number, part
from leftopen.engines.ldap import ENGINE
from leftopen.errors import ServerRefused
from leftopen.model import OptIn, Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.ldap import BASE, fill, slapd
from leftopen.testing import LIMITS, connection, start
from tests.live import knowing

PEOPLE = fill((f"Ann{n}", f"Lee{n}", f"ann{n}@example.org") for n in range(700))
WITH_PHOTO = PEOPLE + (
    f"\ndn: uid=extra,ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: extra\ncn: Bo\ncn: Beau\n"
    "sn;lang-sv: Ek\nsn: Ek\njpegPhoto:: /9j/2P8=\ncarLicense: AB 1234\nuserPassword: hush\n"
    f"\ndn: cn=all,{BASE}\nobjectClass: groupOfNames\ncn: all\nmember: uid=extra,ou=people,{BASE}\n"
)
ANONYMOUS = OptIn(anonymous_login=True)


async def probe(server: Server, opt_in: OptIn | None = None, *, tls: bool = False) -> Proof:
    async with connection(ENGINE, server, opt_in=opt_in, tls=tls) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 1_024
        assert proof.can_write == "unknown"
        if opt_in is None:
            assert "BIND anonymous" not in link.requests
        return proof


async def profile(
    server: Server, limits: StoreLimits = LIMITS, opt_in: OptIn | None = None
) -> dict[str, tuple[int | None, int, dict[str, list[Any]]]]:
    """By name: records, rows read, and the values of each column."""
    made = {}
    async with connection(ENGINE, server, limits, opt_in=opt_in) as link:
        for collection in await ENGINE.collections(link):
            rows, values = 0, dict[str, list[Any]]()
            async for batch in ENGINE.sample(link, collection, limits):
                rows += batch.num_rows
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    values.setdefault(name, []).extend(column.to_pylist())
            made[collection.name] = (collection.records, rows, values)
    return made


async def test_open_and_what_is_in_it() -> None:
    with start(slapd, ldif=WITH_PHOTO, settings="sizelimit unlimited") as server:
        proof = await probe(server)
        assert (proof.verdict, proof.product, proof.version) == (Verdict.OPEN, "openldap", None)
        assert proof.reason == "entries and their attributes were read without a login"
        read = await profile(server)
        # the groups lie directly below the top, beside the units that hold people
        assert {name: told[:2] for name, told in read.items()} == {
            f"ou=people,{BASE}": (701, 701), BASE: (3, 3),
        }  # fmt: skip
        people = read[f"ou=people,{BASE}"][2]
        assert set(people) == {
            *("uid", "mail", "givenName", "cn", "cn[]", "sn", "sn[]"),
            *("carLicense", "userPassword", "jpegPhoto"),
        }  # fmt: skip
        assert len(set(filter(None, people["mail"]))) == 700
        assert list(filter(None, people["jpegPhoto"])) == [b"\xff\xd8\xff\xd8\xff"]
        assert list(filter(None, people["cn[]"])) == [["Bo", "Beau"]]
        # slapd hides nothing unless told to; of a password it is read that there is one
        assert list(filter(None, people["userPassword"])) == [True]
        assert set(read[BASE][2]) >= {"cn", "member"}


async def test_the_classifier_finds_whose_entries_they_are() -> None:
    people = [("Ann", "Lee"), ("Bo", "Ek"), ("Maria", "Schneider"), ("José", "García")] * 20
    ldif = fill((g, s, f"{g}.{s}.{n}@example.org".lower()) for n, (g, s) in enumerate(people))
    with start(slapd, ldif=ldif) as server:
        profiler = Profiler("people")
        async with connection(ENGINE, server) as link:
            (collection,) = await ENGINE.collections(link)
            async for batch in ENGINE.sample(link, collection, LIMITS):
                profiler.update(batch)
    kinds = {path: field.kind for path, field in profiler.finish().fields.items()}
    assert kinds["mail"].startswith("email")
    assert kinds["cn"].startswith("name")
    assert kinds["givenName"].startswith("name")


async def test_a_sample_is_bounded() -> None:
    with start(slapd, ldif=PEOPLE) as server:
        few = await profile(server, StoreLimits(rows=7))
        assert few[f"ou=people,{BASE}"][1] == 7


async def test_the_servers_own_limit_leaves_the_count_open() -> None:
    with start(slapd, ldif=PEOPLE, settings="sizelimit 100") as server:
        assert (await probe(server)).verdict is Verdict.OPEN
        records, rows, _ = (await profile(server))[f"ou=people,{BASE}"]
        assert records is None
        assert rows == 100


async def test_its_log_shows_searches_only() -> None:
    with start(slapd, ldif=PEOPLE) as server:
        await probe(server)
        await profile(server, StoreLimits(rows=20))
        log = server.log.read_text()
    words = set(re.findall(r"conn=\d+ op=\d+ ([A-Z]+)", log))
    assert words <= {"SRCH", "SEARCH", "RESULT", "UNBIND", "ABANDON"}
    asked = set(re.findall(r"SRCH attr=(.*)", log))
    assert not any("+" in some.split() for some in asked)  # no operational attribute


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"settings": "require authc"}, Verdict.AUTH_REQUIRED),
        ({"settings": "require bind"}, Verdict.AUTH_REQUIRED),
        ({"access": "access to * by anonymous auth by users read"}, Verdict.AUTH_REQUIRED),
        ({"access": "access to * by * none"}, Verdict.UNDETERMINED),
        ({"access": "access to attrs=entry by * read\naccess to * by * search"},
         Verdict.OPEN_PARTIAL),
        ({"access": f'access to dn.subtree="ou=people,{BASE}" by * none\naccess to * by * read'},
         Verdict.OPEN),
        ({"settings": "disallow bind_anon"}, Verdict.OPEN),
        ({"ldif": ""}, Verdict.UNDETERMINED),
    ],
)  # fmt: skip
async def test_states(options: dict[str, Any], verdict: Verdict) -> None:
    with start(slapd, **{"ldif": PEOPLE, **options}) as server:
        assert (await probe(server)).verdict is verdict


async def test_the_bind_of_nobody_only_where_the_scope_says_so() -> None:
    with start(slapd, ldif=PEOPLE, settings="require bind") as server:
        assert (await probe(server)).verdict is Verdict.AUTH_REQUIRED
        with pytest.raises(ServerRefused):
            await profile(server)
        assert " BIND dn" not in server.log.read_text()
        proof = await probe(server, ANONYMOUS)
        assert (proof.verdict, "scope file" in proof.reason) == (Verdict.OPEN, True)
        assert f"ou=people,{BASE}" in await profile(server, opt_in=ANONYMOUS)
        assert ' BIND dn="" method=128' in server.log.read_text()
    with start(slapd, ldif=PEOPLE, settings="require authc") as server:
        proof = await probe(server, ANONYMOUS)
        assert (proof.verdict, "scope file" in proof.reason) == (Verdict.AUTH_REQUIRED, True)


async def test_over_tls_and_at_other_addresses(certificate: tuple[Path, Path]) -> None:
    with start(slapd, "127.0.0.6", ldif=PEOPLE, tls=certificate) as server:
        assert (await probe(server, tls=True)).verdict is Verdict.OPEN
    with start(slapd, "::1", ldif=PEOPLE) as server:
        assert (await probe(server)).verdict is Verdict.OPEN


# --- what it knows for nothing -------------------------------------------------------------------


async def test_since_when_it_runs_and_marks_that_move_with_writes_alone() -> None:
    """slapd tells its uptime in its monitor, and its last change where it serves replicas."""
    monitor = "moduleload back_monitor\nmoduleload syncprov\ndatabase monitor"
    replicas = 'overlay syncprov\naccess to * by users write by * read\nrootdn "cn=admin,' + BASE
    replicas += '"\nrootpw hush'
    with start(slapd, ldif=PEOPLE, settings=monitor, access=replicas) as server:
        assert knowing.is_recent(await knowing.since(ENGINE, server), "started")
        before, after = await knowing.marks_around(ENGINE, server, lambda: _write(server))
    (first,), (last,) = ({mark.changes for mark in marks.values()} for marks in (before, after))
    assert first is not None
    assert last is not None
    assert 0 < last - first < 900 * 10**6


async def test_without_a_monitor_its_naming_context_tells_since_when_it_is_there() -> None:
    with start(slapd, ldif=PEOPLE) as server:
        assert knowing.is_recent(await knowing.since(ENGINE, server), "created")
        assert await knowing.marks_around(ENGINE, server, lambda: None) == ({}, {})


def _write(server: Server) -> None:
    """Change an entry as its owner: a bind, and one value replaced."""
    name = f"uid=p1,ou=people,{BASE}"
    owner = part(0x60, b"\x02\x01\x03", part(4, f"cn=admin,{BASE}".encode()), part(0x80, b"hush"))
    attribute = part(0x30, part(4, b"sn"), part(0x31, part(4, b"New")))
    change = part(0x30, part(0x30, number(2, 0x0A), attribute))
    with socket.create_connection((server.address, server.port), timeout=10) as link:
        for number_, asked in enumerate((owner, part(0x66, part(4, name.encode()), change)), 1):
            link.sendall(part(0x30, number(number_), asked))
            assert part(0x0A, b"\0") in link.recv(4_096)
