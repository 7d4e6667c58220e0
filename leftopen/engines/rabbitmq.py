"""RabbitMQ's management API, read without a login; AMQP itself is not spoken.

The exchange of a probe, one request a line:

    GET /api/overview                     product and version; gated
    GET /api/queues?page={p}&page_size=1  a page that cannot exist, of a random number
    GET /api/queues?page=1&page_size=1    a queue by name, with its count of messages
    GET /api/whoami                       as whom the server takes us, and that account's tags

The server itself always asks for a login, so AUTH_REQUIRED is the usual answer: 401 with the realm
"RabbitMQ Management". OPEN is one behind a proxy, or with a plugin, that logs everybody in: it
lists its queues, and refuses the page that cannot exist by its number (or gives it back as an empty
page of that number and size). One that tells of queues in its overview and lists none of them is
OPEN_PARTIAL: the account it takes us for may enter no virtual host. No account is ever tried, least
of all `guest`. The login page at `/` proves nothing and is not asked.

Messages are never fetched: the API's `get` takes them off the queue, or marks them as redelivered.

Known for nothing: the uptime of its nodes (GET /api/nodes), the messages in each queue, which the
server counts anew every few seconds, and how many were published since the start (GET
/api/overview), to whatever queue.

`can_write` is "yes" where the account has the tag `administrator`. Other accounts are told nowhere
what they may write (their permissions are shown to administrators alone): "unknown".

Sources: rabbitmq.com/docs (Management Plugin: HTTP API, Permissions; Access Control) and the API
page that the server brings along (Pagination, columns), lavinmq.com/documentation (HTTP API).
"""

from __future__ import annotations

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
)
from leftopen.engines._proofs import CANNED
from leftopen.engines._since import running
from leftopen.errors import NotThisProtocol
from leftopen.knowledge import Mark, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_PATHS = Paths("GET /api/overview", "GET /api/queues", "GET /api/whoami", "GET /api/nodes")
_OVERVIEW = (
    "/api/overview?columns=rabbitmq_version,management_version,product_name,product_version,"
    "lavinmq_version,object_totals"
)
# Totals are cheaper for the server than statistics; what it does not know, it leaves aside.
_COLUMNS = "columns=name,vhost,messages&disable_stats=true&enable_queue_totals=true"
_PAGE = 100  # queues asked for at once; 500 is the server's own limit


class RabbitMQ:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "rabbitmq"
    ports: tuple[int, ...] = (15672,)
    requests = _PATHS.names
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "real"
    reads = "names of queues and their counts of messages; never a message"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        first = await asker.get(_OVERVIEW)
        told = json_object(first)
        if first.status != 200 or not _is_overview(told):
            own_port = at_own_port(connection, self.ports)
            known = _is_locked(first, told)
            return closed(first, known=known, own_port=own_port, what="RabbitMQ")
        product, version = _product(told)
        page, size = 10**6 + secrets.randbelow(10**8), 10 + secrets.randbelow(90)
        missed = await asker.get(f"/api/queues?page={page}&page_size={size}&columns=name")
        if missed.status in (401, 403):
            partly = refused(missed, "shows its overview, but the list of queues")
            return Proof(partly.verdict, partly.reason, version, product)
        if not _misses(missed, page, size):
            return CANNED
        verdict, reason = await _gated(asker, told)
        who = json_object(await asker.get("/api/whoami"))
        return Proof(verdict, reason, version, product, _can_write(who))

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Queues as `virtual host/name`, with their counts of messages; the largest first.

        The virtual host is left out of the names where all are in the default one. Queues that the
        server names for itself (`amq.gen-…`) are left out. Raises ServerRefused, NotThisProtocol
        and NetError.
        """
        asker, most = Asker(connection, _PATHS), connection.limits.collections
        found = await _queues(asker, most)
        found.sort(key=lambda queue: -(queue[2] or 0))
        plain = all(vhost == "/" for vhost, _, _ in found)
        return [
            Collection(name if plain else f"{vhost.rstrip('/')}/{name}", count, None, (vhost, name))
            for vhost, name, count in found[:most]
        ]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Nothing: to read a message is to take it from somebody."""
        del connection, collection, limits
        none: tuple[pa.RecordBatch, ...] = ()
        for batch in none:
            yield batch

    async def since(self, connection: Connection) -> Since | None:
        """The start of the node that has run longest. Raises ServerRefused, NotThisProtocol and
        NetError."""
        told = accepted(await Asker(connection, _PATHS).get("/api/nodes?columns=uptime")).json()
        nodes = told if isinstance(told, list) else []
        times = [count_of(node.get("uptime")) for node in nodes if isinstance(node, dict)]
        longest = max((time for time in times if time is not None), default=None)
        return running(longest, per_second=1_000)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """Messages in each queue, and all that were published. Raises what `since` does."""
        asker = Asker(connection, _PATHS)
        told = json_object(accepted(await asker.get("/api/overview?columns=message_stats.publish")))
        stats = told.get("message_stats")
        changes = count_of(stats.get("publish")) if isinstance(stats, dict) else None
        queues = await _queues(asker, connection.limits.collections)
        counts = {(vhost, name): count for vhost, name, count in queues}
        return {
            collection.name: Mark(counts[collection.handle], changes)
            for collection in collections
            if collection.handle in counts
        }


ENGINE = RabbitMQ()


def _is_overview(told: Mapping[str, Any]) -> bool:
    versions = (told.get("management_version"), told.get("rabbitmq_version"))
    return all(isinstance(text, str) for text in versions) or isinstance(
        told.get("lavinmq_version"), str
    )


def _product(told: Mapping[str, Any]) -> tuple[str, str | None]:
    """Product and version as the overview states them."""
    if isinstance(told.get("lavinmq_version"), str):
        return "LavinMQ", clean_version(told["lavinmq_version"])
    return "RabbitMQ", clean_version(told["rabbitmq_version"])


def _is_locked(response: Response, told: Mapping[str, Any]) -> bool:
    """Whether a refusal is one of the management API: by its realm or the form of its errors."""
    realm = response.headers.get("www-authenticate", "")
    own = told.get("error") == "not_authorised" and isinstance(told.get("reason"), str)
    return response.status in (401, 403) and (own or 'realm="RabbitMQ Management"' in realm)


def _misses(response: Response, page: int, size: int) -> bool:
    """Whether this says of a page of a random number, which no server has, that it is none."""
    told = json_object(response)
    if response.status == 400:
        reason = told.get("reason")
        out = told.get("error") == "page_out_of_range" and isinstance(reason, str)
        return out and str(page) in str(reason)
    same = (told.get("page"), told.get("page_size"), told.get("items")) == (page, size, [])
    return response.status == 200 and same


async def _gated(asker: Asker, overview: Mapping[str, Any]) -> tuple[Verdict, str]:
    """The verdict on a server that has shown its overview, by whether it lists its queues."""
    response = await asker.get(f"/api/queues?page=1&page_size=1&{_COLUMNS}")
    if response.status != 200:
        proof = refused(response, "shows its overview, but the list of queues")
        return proof.verdict, proof.reason
    if _items(response):
        return Verdict.OPEN, "a queue was listed without a login"
    totals = overview.get("object_totals")
    if isinstance(totals, Mapping) and totals.get("queues") not in (0, None):
        return Verdict.OPEN_PARTIAL, "tells how many queues it has, but lists none of them"
    return Verdict.OPEN, "the list of queues is answered without a login; it is empty"


async def _queues(asker: Asker, most: int) -> list[tuple[str, str, int | None]]:
    """Virtual host, name and messages of the queues that people have named."""
    found: list[tuple[str, str, int | None]] = []
    for page in range(1, most // _PAGE + 2):
        path = f"/api/queues?page={page}&page_size={_PAGE}&{_COLUMNS}"
        items = _items(accepted(await asker.get(path)))
        found += [queue for queue in items if not queue[1].startswith("amq.")]
        if len(items) < _PAGE:
            break
    return found


def _items(response: Response) -> list[tuple[str, str, int | None]]:
    """Virtual host, name and messages of each queue on a page, parsed strictly.

    Raises NotThisProtocol.
    """
    told = response.json()
    items = told.get("items") if isinstance(told, dict) else None
    if not isinstance(items, list):
        raise NotThisProtocol("the list of queues is none")
    found = []
    for item in items:
        name = item.get("name") if isinstance(item, dict) else None
        vhost = item.get("vhost") if isinstance(item, dict) else None
        if not isinstance(name, str) or not isinstance(vhost, str):
            raise NotThisProtocol("the list of queues is none")
        found.append((vhost, name, count_of(item.get("messages"))))
    return found


def _can_write(who: Mapping[str, Any]) -> Literal["yes", "unknown"]:
    """By the tags of the account we are taken for: a list, before 3.9 names parted by commas."""
    tags = who.get("tags")
    names = tags.split(",") if isinstance(tags, str) else tags
    return "yes" if isinstance(names, list) and "administrator" in names else "unknown"
