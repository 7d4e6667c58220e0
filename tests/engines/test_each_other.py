"""Engines that ask over HTTP, each at the others' servers: none takes one for its own."""

from __future__ import annotations

import pytest

from leftopen.engine import Engine, Speaks
from leftopen.engines import all_engines
from leftopen.engines._http import EVERYBODYS_PORTS
from leftopen.errors import NotThisProtocol
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import probe
from tests.engines.test_couchdb import PEOPLE, Couch
from tests.engines.test_solr import Node
from tests.rows import arangodb, meilisearch, typesense
from tests.scripted_http import Answer, Asked, Site, dialer

SITES: dict[str, Site] = {
    "arangodb": arangodb.OPEN,
    "couchdb": Couch({"people": PEOPLE}, roles=("_admin",)),
    "meilisearch": meilisearch.OPEN,
    "solr": Node({"people": 3}),
    "typesense": typesense.OPEN,
}


def forgiving(site: Site) -> Site:
    """The same site; what its author did not think of is not found."""

    def answer(asked: Asked) -> Answer:
        try:
            return site(asked)
        except (AssertionError, LookupError, ValueError):
            return Answer({"error": "not_found"}, 404)

    return answer


def anything(asked: Asked) -> Answer:
    """A honeypot that finds whatever it is asked for, and repeats the question."""
    said = {"ok": True, "path": asked.path, "query": dict(asked.query), "body": asked.body.decode()}
    return Answer(said)


@pytest.mark.parametrize("engine", SITES)
async def test_its_own_is_open(engine: str) -> None:
    found: Engine = all_engines()[engine]
    async with connection(found, dialer(forgiving(SITES[engine]))) as link:
        assert (await found.probe(link)).verdict is Verdict.OPEN


@pytest.mark.parametrize(
    ("engine", "site"),
    [(engine, site) for engine in SITES for site in [*SITES, "anything"] if engine != site],
)
async def test_the_others_are_not(engine: str, site: str) -> None:
    found: Engine = all_engines()[engine]
    other = anything if site == "anything" else forgiving(SITES[site])
    async with connection(found, dialer(other)) as link:
        try:
            proof = await found.probe(link)
        except NotThisProtocol:
            return
    assert proof.verdict is Verdict.NOT_THIS
    assert proof.product is None


HTTP = {name: engine for name, engine in all_engines().items() if engine.speaks is Speaks.HTTP}


@pytest.mark.parametrize("port", sorted({port for one in HTTP.values() for port in one.ports}))
async def test_a_bare_challenge_is_claimed_by_one_engine_at_most(port: int) -> None:
    def guarded(_: Asked) -> Answer:
        return Answer(b"", 401, {"WWW-Authenticate": 'Basic realm="Restricted"'})

    claimed = [
        name
        for name, engine in HTTP.items()
        if (await probe(engine, guarded, port)).verdict is not Verdict.NOT_THIS
    ]
    assert len(claimed) <= (0 if port in EVERYBODYS_PORTS else 1)
