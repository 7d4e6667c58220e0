"""Apache Solr: its HTTP API, reads only.

The exchange of a probe, one request a line:

    GET /solr/admin/cores?action=STATUS      gated; the cores of this node
    GET /solr/{core}/select?q=*:*&rows=1     gated; one hit, its score alone, and our own parameter
    GET /solr/admin/authorization            what callers may do, if the server tells

The search asks for its explicit parameters back (`echoParams`); among them is a random one, so a
canned answer shows. A node without cores is asked for the status of one by a random name: it gives
that name back with nothing behind it. OPEN is a search reply that parsed strictly, or an empty node
that did. AUTH_REQUIRED is 401 to the list from a peer that shows itself by the realm `solr`; a list
whose cores refuse a search is OPEN_PARTIAL. Cores that are loading (503) are UNDETERMINED. A search
is for this node alone (`distrib=false`), so that none is passed on to others.

What else is asked of an open node, and of it only, stands in `_solr_known`.

The pages of its console prove nothing and are not asked.

`can_write`: where no authorization is configured at all, a client without a name that may read may
do everything; where rules are told, the first that covers updates decides, if it wants a role.

Sources: solr.apache.org/guide (CoreAdmin API; Common query parameters; Basic authentication
plugin; Rule-based authorization plugins; Field types: RandomSortField).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks
from leftopen.engines import _solr_known
from leftopen.engines._http import (
    Asker,
    accepted,
    at_own_port,
    closed,
    count_of,
    json_object,
    refused,
    segment,
)
from leftopen.engines._pages import Page, in_pages
from leftopen.engines._proofs import CANNED, CanWrite
from leftopen.engines._solr_wire import ALL, PATHS, STATUS, cores_of, found_in
from leftopen.errors import NotThisProtocol
from leftopen.knowledge import Known, Mark, Moment, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_TRIED = 3  # cores to search for a verdict
_SORTABLE = 1_000_000  # documents that may be sorted at random: each is looked at
_UPDATES = ("update", "all")  # predefined permissions that cover updates


class Solr:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "solr"
    ports: tuple[int, ...] = (8983,)
    speaks = Speaks.HTTP
    requests = PATHS.names
    verified: Literal["real", "scripted"] = "real"
    reads = "names and sizes of cores; stored fields of documents, in random order where possible"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        ask = Asker(connection, PATHS)
        token = f"leftopen-{secrets.token_hex(12)}"
        first = await ask.get(f"{STATUS}&indexInfo=false")
        cores = cores_of(first)
        if cores is None:
            own_port = at_own_port(connection, self.ports)
            return closed(first, known=_shows_itself(first), own_port=own_port, what="Solr")
        names = list(cores)[:_TRIED]
        proof = await _searched(ask, names, token) if names else await _empty(ask, token)
        if proof.verdict is not Verdict.OPEN:
            return proof
        can_write = _can_write(await ask.get("/solr/admin/authorization"))
        return Proof(proof.verdict, proof.reason, None, "Solr", can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The cores of this node, the largest first.

        Raises ServerRefused, NotThisProtocol and NetError.
        """
        ask = Asker(connection, PATHS)
        cores = cores_of(accepted(await ask.get(STATUS)))
        if cores is None:
            raise NotThisProtocol("the list of cores is none")
        found = [
            Collection(name, count_of(index.get("numDocs")), count_of(index.get("sizeInBytes")))
            for name, index in cores.items()
        ]
        return sorted(found, key=lambda core: -(core.records or 0))

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Stored documents in pages from random places.

        They are in random order besides where the schema has the field `random_*` of the default
        ones and the core is not too large to be sorted. (Where any field name passes, the server
        sorts by one that no document has.) Raises ServerRefused, NotThisProtocol and NetError;
        BudgetSpent where one document alone is over the limit.
        """
        ask = Asker(connection, PATHS)
        search = f"/solr/{segment(collection.name)}/select?{ALL}"
        total, order = collection.records, f"&sort=random_{secrets.randbelow(2**31)}%20asc"
        if total is not None and total <= _SORTABLE:
            tried = await ask.get(f"{search}&rows=0{order}")
            if tried.status == 200:
                search += order

        async def fetch(page: Page) -> Sequence[Mapping[str, Any]]:
            path = f"{search}&start={page.start}&rows={page.count}"
            found = found_in(accepted(await ask.get(path)))[1]
            return [_document(doc) for doc in found[: page.count]]

        async for batch in in_pages(connection, fetch, total, limits):
            yield batch

    async def known(
        self, connection: Connection, collection: Collection, paths: Sequence[str]
    ) -> Mapping[str, Known]:
        """By the schema, and by the number of documents that the index tells for each field."""
        return await _solr_known.known(connection, collection, paths)

    async def count_between(
        self, connection: Connection, collection: Collection, path: str, begin: Moment, end: Moment
    ) -> int | None:
        """Hits of a range of a date or number, none of which is sent."""
        return await _solr_known.count_between(connection, collection, path, begin, end)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """Documents of each core, and the version of its index."""
        return await _solr_known.marks(connection, collections)

    async def since(self, connection: Connection) -> Since | None:
        """When the oldest core of the node was started."""
        return await _solr_known.since(connection)

    def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncIterator[pa.RecordBatch]:
        """These fields of all documents, in the order of the index."""
        return _solr_known.stream(connection, collection, paths, limits)


ENGINE = Solr()


async def _searched(ask: Asker, names: Sequence[str], token: str) -> Proof:
    """The verdict by a search in the first core that holds anything, of those named."""
    answered, denied = False, None
    for name in names:
        search = f"/solr/{segment(name)}/select?{ALL}&rows=1&fl=score&leftopen={token}"
        response = await ask.get(search)
        if response.status != 200:
            denied = response
            continue
        params, docs = found_in(response)
        if params.get("leftopen") != token:
            return CANNED
        answered = True
        if docs:
            return Proof(Verdict.OPEN, "a search without credentials found documents")
    if answered:
        return Proof(Verdict.OPEN, "a search without credentials is answered; it found nothing")
    assert denied is not None  # each core either answered or did not
    proof = refused(denied, "lists its cores, but a search")
    if proof.verdict is Verdict.OPEN_PARTIAL and not await _names_what_is_missing(ask, token):
        return CANNED
    return Proof(proof.verdict, proof.reason, None, "Solr")


async def _empty(ask: Asker, token: str) -> Proof:
    """The verdict on a node without cores."""
    if not await _names_what_is_missing(ask, token):
        return CANNED
    return Proof(Verdict.OPEN, "lists its cores without credentials; there is none")


async def _names_what_is_missing(ask: Asker, token: str) -> bool:
    """Whether the peer gives the name of a core that cannot exist, with nothing behind it."""
    response = await ask.get(f"{STATUS}&indexInfo=false&core={token}")
    told = json_object(response).get("status")
    return response.status == 200 and told == {token: {}}


def _document(doc: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what the server adds for itself."""
    return {key: value for key, value in doc.items() if key not in ("_version_", "_root_")}


def _shows_itself(response: Response) -> bool:
    """Whether a refusal is Solr's own: by its realm, or by the class of its error."""
    challenge = response.headers.get("www-authenticate", "").lower()
    return 'realm="solr"' in challenge or b"org.apache.solr." in response.body[:4_096]


def _can_write(response: Response) -> CanWrite:
    """What the server says of updates by callers without a name (the module's text)."""
    told = json_object(response)
    if response.status != 200:
        return "unknown"
    if told.get("errorMessages") == ["No authorization configured"]:
        return "yes"
    rules = told.get("authorization")
    listed = rules.get("permissions") if isinstance(rules, dict) else None
    for rule in listed if isinstance(listed, list) else []:
        if not isinstance(rule, dict) or "path" in rule or "collection" in rule:
            return "unknown"  # may cover updates, or not those of every core
        if rule.get("name") in _UPDATES:
            return "no" if rule.get("role") else "unknown"
    return "unknown"
