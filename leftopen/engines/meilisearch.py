"""Meilisearch: its HTTP API, reads only.

The exchange of a probe, one request a line:

    GET /indexes?limit=50                       gated; the list of indexes
    GET /indexes/{uid}/documents?limit=1&…      gated; one document without its fields
    GET /indexes/{random name}                  must be answered with "not found" for that name
    GET /version, GET /keys?limit=0             version; whether there is a master key at all

`/health` is answered by a locked server too: it proves nothing and is not asked for. OPEN is a page
of documents that parsed strictly (or an empty list), from a server that names the made-up index in
its own error `index_not_found`. AUTH_REQUIRED is the error `missing_authorization_header` (401) or
`invalid_api_key` (403: something in between sent a key). A list of indexes whose documents are
refused is OPEN_PARTIAL. Servers before 0.28 give bare arrays and other spellings of the error's
keys.

`can_write`: without a master key everybody may do everything but manage keys, and a server of
version 1 or later says so itself when it is asked for keys (`missing_master_key`); none can come
back, for the page has a length of 0.

Sources: meilisearch.com/docs (API reference: Indexes, Documents, Keys, Stats, Version; Error codes;
Security: master key).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._http import (
    Asker,
    Paths,
    accepted,
    at_own_port,
    closed,
    count_of,
    json_object,
    refused,
    segment,
)
from leftopen.engines._pages import Page, in_pages
from leftopen.engines._proofs import CANNED
from leftopen.errors import NotThisProtocol
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_PATHS = Paths(
    "GET /indexes", "GET /indexes/{uid}", "GET /indexes/{uid}/documents",
    "GET /stats", "GET /version", "GET /keys",
)  # fmt: skip
_UID = re.compile(r"[A-Za-z0-9_-]{1,400}")
_LISTED = 50  # indexes for a verdict
_TRIED = 3  # indexes to read for a verdict
_ASKS_FOR_A_KEY = ("missing_authorization_header", "invalid_api_key")


class Meilisearch:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "meilisearch"
    ports: tuple[int, ...] = (7700,)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "scripted"
    reads = "names of indexes, their numbers of documents; pages of documents from random places"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        ask = Asker(connection, _PATHS)
        token = f"leftopen-{secrets.token_hex(12)}"
        first = await ask.get(f"/indexes?limit={_LISTED}")
        if first.status != 200:
            own_port = at_own_port(connection, self.ports)
            known = _error(first) in _ASKS_FOR_A_KEY
            return closed(first, known=known, own_port=own_port, what="Meilisearch")
        proof = await _read_one(ask, _indexes(first)[:_TRIED], token)
        if proof.verdict is not Verdict.OPEN and proof.verdict is not Verdict.OPEN_PARTIAL:
            return proof
        if not await _names_what_is_missing(ask, token):
            return CANNED
        version = clean_version(json_object(await ask.get("/version")).get("pkgVersion"))
        can_write = await _told(ask, version) if proof.verdict is Verdict.OPEN else "unknown"
        return Proof(proof.verdict, proof.reason, version, "Meilisearch", can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The indexes, the largest first. Raises ServerRefused, NotThisProtocol and NetError."""
        ask = Asker(connection, _PATHS)
        listed = accepted(await ask.get(f"/indexes?limit={connection.limits.collections}"))
        stats = json_object(await ask.get("/stats")).get("indexes")
        known = stats if isinstance(stats, dict) else {}
        found = [
            Collection(uid, _number(known, uid, "numberOfDocuments"),
                       _number(known, uid, "rawDocumentDbSize"))
            for uid in _indexes(listed)[: connection.limits.collections]
        ]  # fmt: skip
        return sorted(found, key=lambda index: -(index.records or 0))

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Documents in pages from random places of the server's own order.

        Raises ServerRefused, NotThisProtocol and NetError; BudgetSpent where one document alone is
        over the limit of a reply.
        """
        ask = Asker(connection, _PATHS)
        path = f"/indexes/{segment(collection.name)}/documents"

        async def fetch(page: Page) -> Sequence[Mapping[str, Any]]:
            wanted = f"{path}?offset={page.start}&limit={page.count}"
            return _page(accepted(await ask.get(wanted)))[: page.count]

        async for batch in in_pages(connection, fetch, collection.records, limits):
            yield batch

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """The numbers of documents, by `/stats`."""
        listed = {found.name: found.records for found in await self.collections(connection)}
        return {c.name: Mark(listed[c.name]) for c in collections if c.name in listed}


ENGINE = Meilisearch()


async def _read_one(ask: Asker, uids: Sequence[str], token: str) -> Proof:
    """The verdict by one document of the first index that holds any, of those named."""
    if not uids:
        return Proof(Verdict.OPEN, "lists its indexes without credentials; there is none")
    answered, denied = False, None
    for uid in uids:
        # A field that no document has: the document is counted, and stays where it is.
        path = f"/indexes/{segment(uid)}/documents?limit=1&fields={token}"
        response = await ask.get(path)
        if response.status != 200:
            denied = response
        elif _page(response):
            return Proof(Verdict.OPEN, "documents are given without credentials")
        else:
            answered = True
    if answered:
        return Proof(Verdict.OPEN, "an index is read without credentials; those seen are empty")
    assert denied is not None  # each index either answered or did not
    return refused(denied, "lists its indexes, but a document")


async def _names_what_is_missing(ask: Asker, token: str) -> bool:
    """Whether the peer says of an index that cannot exist, by its random name, that it is not."""
    response = await ask.get(f"/indexes/{token}")
    named = token in str(json_object(response).get("message"))
    return response.status == 404 and _error(response) == "index_not_found" and named


async def _told(ask: Asker, version: str | None) -> Literal["yes", "unknown"]:
    """ "yes" where the server says that it has no master key, so that nobody needs one."""
    if version is None or version.startswith("0."):
        return "unknown"  # these may give keys whatever length of the page is asked for
    response = await ask.get("/keys?limit=0")
    alone = response.status == 401 and _error(response) == "missing_master_key"
    return "yes" if alone else "unknown"


def _error(response: Response) -> object:
    """The code of an error, as it is told now or before 0.25."""
    told = json_object(response)
    return told.get("code", told.get("errorCode"))


def _page(response: Response) -> list[Mapping[str, Any]]:
    """The objects of a page: an array, or since 0.28 the `results` of an object with a total.

    Raises NotThisProtocol.
    """
    told = response.json()
    if isinstance(told, dict):
        counts = [told.get(key) for key in ("offset", "limit", "total")]
        told = told.get("results") if all(type(count) is int for count in counts) else None
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise NotThisProtocol("the page is none")
    return told


def _indexes(response: Response) -> list[str]:
    """The names of indexes, parsed strictly; those that no server gives are left out.

    Raises NotThisProtocol.
    """
    found = []
    for index in _page(response):
        if not isinstance(index.get("uid"), str) or "primaryKey" not in index:
            raise NotThisProtocol("the list of indexes is none")
        if _UID.fullmatch(index["uid"]):
            found.append(str(index["uid"]))
    return found


def _number(stats: Mapping[str, Any], uid: str, key: str) -> int | None:
    told = stats[uid].get(key) if isinstance(stats.get(uid), dict) else None
    return count_of(told)
