"""Typesense: its HTTP API, reads only.

A Typesense never starts without an API key, so one that answers without it stands behind something
that adds the key to everybody's requests. The exchange of a probe, one request a line:

    GET /collections?limit=20                     gated; the list of collections
    GET /collections/{name}/documents/search?q=*  gated; one hit, without its fields
    GET /collections/{name}/documents/search?q=…  a random word: it comes back in `request_params`
    GET /debug                                    version

`/health` is answered to everybody: it proves nothing and is not asked for. OPEN is a search that
parsed strictly, from a server that gives the made-up word back. AUTH_REQUIRED is 401 whose message
names the header `x-typesense-api-key`. Where the list is given and searches are refused, a document
by a random id is asked for (GET /collections/{name}/documents/{id}): a server that names it as not
found is OPEN_PARTIAL. Without that, and for a list without collections, there is nothing that a
canned list could not give as well: UNDETERMINED. No key is ever sent. What the key of a proxy may
do the server tells nobody: `can_write` is unknown.

A search wants a field to look into even where it matches everything (`q=*`), so a collection
without a text field is not searched.

Sources: typesense.org/docs (API reference: Authentication, Collections, Documents: retrieve,
Search, API errors, Cluster operations: health, debug).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

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
    fits,
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
    "GET /collections", "GET /debug",
    "GET /collections/{name}/documents/search", "GET /collections/{name}/documents/{id}",
)  # fmt: skip
_LISTED = 20  # collections for a verdict
_TRIED = 3  # collections to search for a verdict
_TEXT = ("string", "string[]")


class Typesense:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "typesense"
    ports: tuple[int, ...] = (8108,)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "scripted"
    reads = "names and sizes of collections; pages of documents from random places"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        ask = Asker(connection, _PATHS)
        first = await ask.get(f"/collections?limit={_LISTED}")
        if first.status != 200:
            own_port = at_own_port(connection, self.ports)
            known = b"x-typesense-api-key" in first.body[:4_096]
            return closed(first, known=known, own_port=own_port, what="Typesense")
        proof, searched = await _search_one(ask, _collections(first))
        token = f"leftopen-{secrets.token_hex(12)}"
        if searched is None:
            return proof
        if proof.verdict is Verdict.OPEN and not await _gives_back(ask, searched, token):
            return CANNED
        if proof.verdict is not Verdict.OPEN and not await _names(ask, searched, token):
            reason = "lists its collections and refuses the rest; that could be a canned list"
            return Proof(Verdict.UNDETERMINED, reason)
        version = clean_version(json_object(await ask.get("/debug")).get("version"))
        return Proof(proof.verdict, proof.reason, version, "Typesense")

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The collections that can be searched, the largest first.

        Raises ServerRefused, NotThisProtocol and NetError.
        """
        ask = Asker(connection, _PATHS)
        listed = accepted(await ask.get(f"/collections?limit={connection.limits.collections}"))
        found = _collections(listed)[: connection.limits.collections]
        return sorted(found, key=lambda collection: -(collection.records or 0))

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Documents in pages from random places of the server's own order.

        Raises ServerRefused, NotThisProtocol and NetError; BudgetSpent where one document alone is
        over the limit of a reply.
        """
        ask = Asker(connection, _PATHS)
        search = _search(collection, "*")

        async def fetch(page: Page) -> Sequence[Mapping[str, Any]]:
            # Pages are counted from 1; before 0.25 there was no other way to name a place.
            path = f"{search}&per_page={page.size}&page={page.number}"
            hits = _hits(accepted(await ask.get(path)))
            return [hit["document"] for hit in hits[: page.count]]

        async for batch in in_pages(connection, fetch, collection.records, limits):
            yield batch

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """The numbers of documents, as the list has them."""
        listed = {found.name: found.records for found in await self.collections(connection)}
        return {c.name: Mark(listed[c.name]) for c in collections if c.name in listed}


ENGINE = Typesense()


async def _search_one(ask: Asker, found: Sequence[Collection]) -> tuple[Proof, Collection | None]:
    """The verdict by one hit, and the collection that tells whether it is a server's."""
    if not found:
        reason = "lists no collection to search; that could be a canned list"
        return Proof(Verdict.UNDETERMINED, reason), None
    answered, denied = None, None
    for collection in found[:_TRIED]:
        # A field that no document has: the document is counted, and stays where it is.
        nothing = f"leftopen_{secrets.token_hex(4)}"
        path = f"{_search(collection, '*')}&per_page=1&include_fields={nothing}"
        response = await ask.get(path)
        if response.status != 200:
            denied = response
        elif _hits(response):
            return Proof(Verdict.OPEN, "a search without a key found documents"), collection
        else:
            answered = collection
    if answered is not None:
        reason = "a search without a key is answered; it found nothing"
        return Proof(Verdict.OPEN, reason), answered
    assert denied is not None  # each collection either answered or did not
    proof = refused(denied, "lists its collections, but a search")
    return proof, found[0] if proof.verdict is Verdict.OPEN_PARTIAL else None


async def _gives_back(ask: Asker, collection: Collection, token: str) -> bool:
    """Whether the peer says of a search that it was for the random word it was for."""
    told = json_object(await ask.get(f"{_search(collection, token)}&per_page=1"))
    params = told.get("request_params")
    return isinstance(params, dict) and params.get("q") == token


async def _names(ask: Asker, collection: Collection, token: str) -> bool:
    """Whether the peer says of a document that cannot exist, by its random id, that it is not."""
    response = await ask.get(f"/collections/{segment(collection.name)}/documents/{token}")
    message = str(json_object(response).get("message"))
    return response.status == 404 and token in message


def _search(collection: Collection, query: str) -> str:
    """A search in the collection by its field for `query_by`; `*` finds all its documents."""
    field = quote(str(collection.handle), safe="")
    return f"/collections/{segment(collection.name)}/documents/search?q={query}&query_by={field}"


def _collections(response: Response) -> list[Collection]:
    """The collections with a text field, parsed strictly; their `handle` is its name.

    Raises NotThisProtocol.
    """
    told = response.json()
    if not isinstance(told, list):
        raise NotThisProtocol("the list of collections is none")
    found = []
    for one in told:
        named = isinstance(one, dict) and isinstance(one.get("name"), str)
        if not named or type(one.get("num_documents")) is not int:
            raise NotThisProtocol("the list of collections is none")
        field = _text_field(one.get("fields"))
        if field is not None and fits(one["name"]):
            records = count_of(one["num_documents"])
            found.append(Collection(one["name"], records, handle=field))
    return found


def _text_field(fields: object) -> str | None:
    """The name of a field to search in; raises NotThisProtocol where the fields are none."""
    if not isinstance(fields, list) or not all(isinstance(field, dict) for field in fields):
        raise NotThisProtocol("the list of collections is none")
    for field in fields:
        name = field.get("name")
        if field.get("type") in _TEXT and isinstance(name, str) and 0 < len(name) <= 255:
            return name.encode("utf-8", "replace").decode()
    return None


def _hits(response: Response) -> list[Mapping[str, Any]]:
    """The hits of a search, parsed strictly. Raises NotThisProtocol."""
    told = json_object(response)
    found, hits = told.get("found"), told.get("hits")
    if type(found) is not int or not isinstance(hits, list):
        raise NotThisProtocol("the search reply is none")
    if not all(isinstance(hit, dict) and isinstance(hit.get("document"), dict) for hit in hits):
        raise NotThisProtocol("the search reply is none")
    return hits
