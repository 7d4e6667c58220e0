"""Consul: the key/value store and the catalogue of its HTTP API.

The exchange of a probe, one request a line:

    GET /v1/kv/?keys&separator=/     gated, but only filtered where permissions are in force
    GET /v1/kv/<random key>          gated: 404 where keys may be read, 403 where not
    GET /v1/kv/<key>                 only where the two differ: a key that was listed
    GET /v1/catalog/services         only where keys may not be read
    GET /v1/agent/service/<random>   must not be there, and is named: "unknown service ID: …"
    GET /v1/acl/token/self           only where no header tells whether permissions are in force
    GET /v1/agent/version            1.13 on

OPEN is keys that may be listed and read. With permissions in force a list leaves out what may not
be read, so that of a locked server looks like that of an empty one; the random key tells them
apart. AUTH_REQUIRED is 403 (`Permission denied`, `ACL not found`) to it and no key and no service
in the lists; with services listed it is OPEN_PARTIAL. `/v1/status/leader` is answered by locked
servers and proves nothing. Servers before 1.3 name no service: they are asked for random keys,
here or in a datacenter made up, in an order made up too: 404 here, `No path to datacenter` there.

An answer of 429 or 5xx is UNDETERMINED.

* A collection is a folder at the top (`/users/*`); a record is a key.
* Columns: `value`, and `@key` for the rest of the key.
* Known for nothing: the index of the last change to any key (X-Consul-Index).
* `can_write` is `yes` where the server's header `X-Consul-Default-ACL-Policy` says `allow`, or its
  answer `ACL support disabled`: nothing binds a client without a token. Else it does not say.

Source: developer.hashicorp.com/consul/api-docs (KV store, catalog, agent, API structure: default
ACL policy) and the ACL documentation; its error texts.
"""

from __future__ import annotations

import base64
import binascii
import random
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._handles import handle_of
from leftopen.engines._http import (
    Asker,
    Paths,
    accepted,
    at_own_port,
    closed,
    is_html,
    json_object,
    segment,
)
from leftopen.engines._proofs import CANNED, CanWrite
from leftopen.engines._text import as_text
from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_PATHS = Paths(
    *("GET /v1/kv/", "GET /v1/kv/{key*}", "GET /v1/kv/{key*}/"),
    *("GET /v1/catalog/services", "GET /v1/agent/service/{id}"),
    *("GET /v1/acl/token/self", "GET /v1/agent/version"),
)
_QUESTIONS = 16
_MAX_DEPTH = 4  # folders down to a key that is read for a verdict
_MAX_ALONE = 32  # keys at the top that are collections of their own
_DENIED = (b"Permission denied", b"ACL not found")
_NO_DATACENTER = b"No path to datacenter"
_UNKNOWN = b"unknown service ID: "
_SIGNS = ("x-consul-index", "x-consul-knownleader", "x-consul-default-acl-policy")


@dataclass(frozen=True, slots=True)
class _Note:
    """How to read a collection: its folder ("" for the top), and its keys."""

    folder: str
    keys: tuple[str, ...]


class Consul:
    """The engine; it keeps no state."""

    name = "consul"
    ports: tuple[int, ...] = (8500, 8501)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "scripted"
    reads = "names of keys, and the values of random keys of each folder at the top"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        first = await asker.get("/v1/kv/?keys&separator=/")
        listed = _keys(first)
        if listed is None and not _is_denied(first):
            own_port = at_own_port(connection, self.ports)
            return closed(first, known=_has_sign(first), own_port=own_port, what="Consul")
        token = f"leftopen-{secrets.token_hex(12)}"
        missing = await asker.get(f"/v1/kv/{token}")
        if _is_missing(missing):
            reason = "keys are listed and read without a token"
            if not listed:
                reason = "reads of keys are answered without a token; there are none"
            verdict = Verdict.OPEN
        elif _is_denied(missing):
            verdict, reason = await _partly(asker, listed or [])
        elif _has_sign(missing) and missing.status >= 429:
            reason = f"a read of a key brought status {missing.status}"
            return Proof(Verdict.UNDETERMINED, reason)
        else:
            return Proof(Verdict.NOT_THIS, "speaks HTTP, but is no Consul")
        if verdict is Verdict.AUTH_REQUIRED:
            return Proof(verdict, reason)
        if not await _is_alive(asker, token):
            return CANNED
        can_write: CanWrite = "unknown"
        if _is_missing(missing):
            can_write = await _may_write(asker, first)
        return Proof(verdict, reason, await _version(asker), can_write=can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """One for each folder at the top and for the keys beside them, the largest first. A folder
        whose list is larger than a reply may be is left with the keys of its first level. Raises
        ServerRefused, NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        first = await asker.get("/v1/kv/?keys&separator=/")
        tops = _keys(first)
        if tops is None:
            accepted(first)
            raise NotThisProtocol("the list of keys is none")
        folders = [key for key in tops if key.endswith("/")][: connection.limits.collections]
        alone = [key for key in tops if not key.endswith("/")]
        made = []
        for folder in folders:
            keys, whole = await _folder(asker, folder)
            kept = random.sample(keys, min(len(keys), connection.limits.rows))
            records = len(keys) if whole else None
            made.append(Collection(f"{folder}*", records, None, _Note(folder, tuple(kept))))
        if len(alone) <= _MAX_ALONE:
            made += [Collection(key, 1, None, _Note("", (key,))) for key in alone]
        else:
            made.append(Collection("*", len(alone), None, _Note("", tuple(alone))))
        made.sort(key=lambda collection: -(collection.records or 0))
        return made[: connection.limits.collections]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Random keys one by one, an eighth of the store's bytes at most; those that are gone, may
        not be read or are larger than a reply may be have no value. Raises NotThisProtocol and
        NetError."""
        note = handle_of(collection, _Note)
        asker = Asker(connection, _PATHS)
        until = connection.bytes_read + limits.bytes // 8
        rows: list[tuple[str | bytes | None, str]] = []
        for key in random.sample(note.keys, min(len(note.keys), limits.rows)):
            rows.append((await _value(asker, key), key.removeprefix(note.folder)))
            if connection.bytes_read >= until:
                break
        if rows:
            yield sampling.rows(("value", "@key"), rows)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """`changes`: the index of the last change to any key that may be listed. Raises
        ServerRefused, NotThisProtocol and NetError."""
        answer = await Asker(connection, _PATHS).get("/v1/kv/?keys&separator=/")
        if _keys(answer) is None:
            accepted(answer)
            raise NotThisProtocol("the list of keys is none")
        index = answer.headers.get("x-consul-index", "")
        changes = int(index) if re.fullmatch(r"\d{1,18}", index, re.ASCII) else None
        return {collection.name: Mark(changes=changes) for collection in collections}


ENGINE = Consul()


# --- the verdict ---------------------------------------------------------------------------------


def _has_sign(answer: Response) -> bool:
    return any(name in answer.headers for name in _SIGNS)


def _is_denied(answer: Response) -> bool:
    """Whether permissions refuse this: in Consul's own words, which name the cause after them."""
    return answer.status == 403 and not is_html(answer) and any(w in answer.body for w in _DENIED)


def _is_missing(answer: Response) -> bool:
    """Consul's own "not found" for a key: nothing but its headers."""
    return answer.status == 404 and not answer.body and "x-consul-index" in answer.headers


def _keys(answer: Response) -> list[str] | None:
    """The list of keys; empty where there is none, None where this is no list. Raises
    NotThisProtocol where it has Consul's headers, but no names in it."""
    if _is_missing(answer):
        return []
    if answer.status != 200 or not _has_sign(answer) or is_html(answer):
        return None
    told = answer.json()
    if not isinstance(told, list) or not all(isinstance(key, str) for key in told):
        raise NotThisProtocol("the list of keys is none")
    return told


async def _partly(asker: Asker, listed: Sequence[str]) -> tuple[Verdict, str]:
    """The verdict where not every key may be read: is there one that may?"""
    keys = list(listed)
    for _ in range(_MAX_DEPTH):
        leaf = next((key for key in keys if not key.endswith("/") and _quoted(key)), None)
        if leaf is not None:
            read = await asker.get(f"/v1/kv/{_quoted(leaf)}")
            if read.status == 200:
                _pair(read)
                return Verdict.OPEN, "some keys are listed and read without a token"
            return Verdict.OPEN_PARTIAL, "some keys are listed without a token, but not read"
        folder = next((key for key in keys if _quoted(key)), None)
        if folder is None:
            break
        keys = _keys(await asker.get(f"/v1/kv/{_quoted(folder)}?keys&separator=/")) or []
    if listed:
        return Verdict.OPEN_PARTIAL, "some keys are listed without a token"
    services = await asker.get("/v1/catalog/services")
    told = json_object(services) if services.status == 200 and _has_sign(services) else {}
    if told and all(isinstance(tags, list) for tags in told.values()):
        return Verdict.OPEN_PARTIAL, "services are listed without a token, but no key is read"
    return Verdict.AUTH_REQUIRED, "reads of keys are refused without a token"


async def _is_alive(asker: Asker, token: str) -> bool:
    """Whether a service made up is named as unknown; else, whether questions in an order made up
    each bring their own answer."""
    named = await asker.get(f"/v1/agent/service/{token}")
    if named.status == 404 and named.body.startswith(_UNKNOWN + token.encode()):
        return True
    order = [True, False, *(bool(secrets.randbits(1)) for _ in range(_QUESTIONS - 2))]
    random.SystemRandom().shuffle(order)
    for elsewhere in order:
        key = f"leftopen-{secrets.token_hex(8)}"
        answer = await asker.get(f"/v1/kv/{key}{f'?dc={key}' if elsewhere else ''}")
        if elsewhere:
            right = answer.status == 500 and answer.body.strip().endswith(_NO_DATACENTER)
        else:
            right = _is_missing(answer) or _is_denied(answer)
        if not right:
            return False
    return True


async def _may_write(asker: Asker, answer: Response) -> CanWrite:
    """What the server says of clients without a token."""
    policy = answer.headers.get("x-consul-default-acl-policy")
    if policy is None:  # before 1.9
        told = await asker.get("/v1/acl/token/self")
        off = told.status == 401 and told.body.strip() == b"ACL support disabled"
        return "yes" if off else "unknown"
    return "yes" if policy.lower() == "allow" else "unknown"


async def _version(asker: Asker) -> str | None:
    told = await asker.get("/v1/agent/version")
    return clean_version(json_object(told).get("HumanVersion")) if told.status == 200 else None


# --- keys ----------------------------------------------------------------------------------------


def _quoted(key: str) -> str | None:
    """A key as a path, its last slash kept; None where it cannot stand in one."""
    folder = "/" if key.endswith("/") else ""
    try:
        return "/".join(segment(part) for part in key.removesuffix("/").split("/")) + folder
    except RequestNotAllowed:
        return None


async def _folder(asker: Asker, folder: str) -> tuple[list[str], bool]:
    """The keys below a folder that can be asked for, and whether they are all that are told."""
    path = _quoted(folder)
    if path is None:
        return [], False
    whole = True
    try:
        found = _keys(await asker.get(f"/v1/kv/{path}?keys"))
    except BudgetSpent as spent:
        if spent.code != "reply_too_large":
            raise
        whole = False
        found = _keys(await asker.get(f"/v1/kv/{path}?keys&separator=/"))
    keys = [key for key in found or [] if key.startswith(folder) and not key.endswith("/")]
    return keys, whole


async def _value(asker: Asker, key: str) -> str | bytes | None:
    path = _quoted(key)
    if path is None:
        return None
    try:
        answer = await asker.get(f"/v1/kv/{path}")
    except BudgetSpent as spent:
        if spent.code != "reply_too_large":
            raise
        return None
    return _pair(answer) if answer.status == 200 else None


def _pair(answer: Response) -> str | bytes | None:
    """The value of a key as text where it is any. Raises NotThisProtocol."""
    told: Any = answer.json()
    line = told[0] if isinstance(told, list) and len(told) == 1 else None
    if not isinstance(line, dict) or not isinstance(line.get("Key"), str) or "Value" not in line:
        raise NotThisProtocol("the reply to a key is none")
    if line["Value"] is None:
        return None
    try:
        return as_text(base64.b64decode(line["Value"], validate=True))
    except (binascii.Error, TypeError, ValueError):
        raise NotThisProtocol("the reply to a key is none") from None
