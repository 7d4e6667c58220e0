"""The bench of discovery: nmap's XML is read as it is, and counted is only what it did say."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from ipaddress import ip_address

import pytest

from bench import discover
from bench.discovery import decoys, stores
from bench.discovery.nmap import Port, parse
from bench.discovery.repeated import LONG, repeated
from bench.discovery.verdicts import Judged
from leftopen.engines import all_engines
from leftopen.model import Service, Vantage, Verdict

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" version="7.93">
<host><status state="up"/>
<address addr="127.0.70.2" addrtype="ipv4"/><address addr="02:00:00:00:00:01" addrtype="mac"/>
<ports>
<extraports state="closed" count="9"/>
<port protocol="tcp" portid="6379"><state state="open" reason="syn-ack"/>
<service name="redis" product="Redis key-value store" extrainfo="x" method="probed" conf="10"/>
<script id="redis-info" output="&#xa;  Version: 7.0.15"/></port>
<port protocol="tcp" portid="873"><state state="closed"/>
<service name="rsync" method="table"/></port>
</ports></host>
<host><status state="up"/><address addr="::1" addrtype="ipv6"/>
<ports><port protocol="tcp" portid="1883"><state state="open"/></port></ports></host>
<host><status state="up"/><address addr="127.0.70.9" addrtype="ipv4"/></host>
</nmaprun>"""


def test_every_port_is_read_with_what_was_said_of_it() -> None:
    redis, rsync, bare = parse(DOCUMENT)
    assert redis == Port(
        "127.0.70.2",
        6379,
        "open",
        "redis",
        probed=True,
        product="Redis key-value store",
        extra="x",
        scripts={"redis-info": "\n  Version: 7.0.15"},
    )
    assert (rsync.state, rsync.service, rsync.probed) == ("closed", "rsync", False)
    assert bare == Port("::1", 1883, "open")


def test_half_a_file_is_no_answer() -> None:
    with pytest.raises(ET.ParseError):
        parse(DOCUMENT[:-20])


def said(state: str = "open", extra: str = "", **scripts: str) -> Port:
    named = {name.replace("_", "-"): text for name, text in scripts.items()}
    return Port("127.0.70.2", 6379, state, "redis", True, "Redis", extra, named)


@pytest.mark.parametrize(
    "port",
    [
        said(redis_info="\n  Version: 7.0.15\n  Operating System: Linux"),
        said(memcached_info="\n  Process ID: 7\n  Authentication: no"),
        said(mongodb_databases="\n  totalSize = 40960\n  databases\n    0\n      name = town"),
        said(mqtt_subscribe="\n  Topics and their most recent payloads: \n    a: b"),
        said(rsync_list_modules="\n  files          \t"),
        # what another script fails with does not take away what one has read
        said(redis_info="\n  Version: 7.0.15", redis_brute="\n  ERROR: not authorized"),
    ],
)
def test_what_only_an_open_store_gives_is_called_open(port: Port) -> None:
    assert port.called == "open"


@pytest.mark.parametrize(
    "port",
    [
        said(mongodb_databases="\n  errmsg = command listDatabases requires authentication"),
        said(mongodb_info="\n  MongoDB Build info\n  codeName = Unauthorized"),
        said(mqtt_subscribe="Connection rejected: Not Authorized"),
        said(http_auth="\nHTTP/1.1 401 Unauthorized\n\n  Basic realm=x"),
        said(redis_info="\n  NOAUTH Authentication required."),
        said(extra="unauthorized"),
    ],
)
def test_a_login_that_is_wanted_is_called_locked(port: Port) -> None:
    assert port.called == "locked"


@pytest.mark.parametrize(
    "port",
    [
        said(),  # a product's name is told by locked servers too
        said(mongodb_info="\n  MongoDB Build info\n    version = 7.0"),  # and the build as well
        said(http_title="Prometheus Time Series"),
        said(redis_info="ERROR: Script execution failed"),
        said(fingerprint_strings="\n  GetRequest: \n    HTTP/1.1 401 Unauthorized"),  # raw bytes
        said(state="filtered", redis_info="Version: 7.0.15"),
    ],
)
def test_all_else_is_no_verdict(port: Port) -> None:
    assert port.called == "nothing"


def decoy(name: str) -> decoys.Decoy:
    return next(d for d in decoys.DECOYS if d.name == name)


def test_what_nmap_may_say_of_a_decoy() -> None:
    echo, forward, denied = decoy("echo"), decoy("port forward"), decoy("-DENIED")
    by_its_port = Port("127.0.73.1", 6379, "open", "redis", probed=False)
    assert echo.rightly_called(by_its_port)
    assert not echo.rightly_called(said())  # named by what answered
    assert not echo.rightly_called(said(redis_info="Version: 7.0.15"))
    assert not echo.rightly_called(said(http_auth="401 Unauthorized"))
    assert denied.rightly_called(said())
    assert not denied.rightly_called(said(redis_info="Version: 7.0.15"))
    assert forward.rightly_called(said(redis_info="Version: 7.0.15"))
    assert not forward.rightly_called(by_its_port)


def service(address: str, port: int, engine: str | None, verdict: Verdict) -> Service:
    return Service(address, port, verdict, Vantage.LOOPBACK, "", engine)


def test_a_decoy_is_rightly_judged_by_its_verdict_alone_and_a_forward_by_its_engine() -> None:
    mute, forward = decoy("mute"), decoy("port forward")
    assert mute.rightly_judged(service("127.0.73.2", 27017, None, Verdict.SILENT))
    assert not mute.rightly_judged(service("127.0.73.2", 27017, "mongodb", Verdict.OPEN))
    assert forward.rightly_judged(service("127.0.73.7", 5432, "redis", Verdict.OPEN))
    assert not forward.rightly_judged(service("127.0.73.7", 5432, "postgresql", Verdict.OPEN))


def test_stores_stand_on_ports_of_their_engines_each_on_an_address_of_its_own() -> None:
    engines, places = all_engines(), stores.places("127.0.70")
    assert len(places) == len({p.address for p in places}) == 12
    assert all(p.port in engines[p.store.engine].ports for p in places)
    assert all(ip_address(p.address).is_loopback for p in places)
    known = {port for engine in engines.values() for port in engine.ports}
    assert not known & {p.port for p in stores.places("127.0.72", odd=True)}


def test_right_is_the_verdict_by_the_right_engine_and_false_is_open_that_is_not() -> None:
    there = stores.places("127.0.70")[:3]
    (a, b, c) = ((p.address, p.port) for p in there)
    found = (
        service(*a, "mongodb", Verdict.AUTH_REQUIRED),
        service(*b, "postgresql", Verdict.AUTH_REQUIRED),  # it is a redis
        service(*c, "postgresql", Verdict.OPEN),
        service(c[0], 9, "redis", Verdict.OPEN_PARTIAL),  # where nothing was started
    )
    run = Judged(1.0, found, {})
    assert discover._rightly(run, there, Verdict.AUTH_REQUIRED) == (1, 2)
    assert discover._rightly(run, there, Verdict.OPEN) == (1, 1)
    assert discover._rightly(Judged(1.0, (), {}), there, Verdict.OPEN) == (0, 0)


def test_the_dearest_verdict_is_held_to_its_bar() -> None:
    cheap = service("127.0.70.1", 1, "redis", Verdict.OPEN)
    run = Judged(1.0, (cheap,), {"127.0.70.1": 14, "127.0.70.2": 20})
    assert list(discover.dearest([run])) == [
        "bytes read for a verdict, at most: 0 (bar 98,304: pass)",
        "connections to a host, sweep and all: 17 (median), 20 (at most)",
    ]


def test_what_takes_long_is_done_once() -> None:
    quick, slow = iter([1.0, LONG, 3.0]), iter([LONG, 1.0])
    assert repeated(lambda: next(quick), 3) == [1.0, LONG, 3.0]
    assert repeated(lambda: next(slow), 2) == [LONG]
