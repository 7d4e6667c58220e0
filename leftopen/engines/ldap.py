"""LDAP directories: OpenLDAP, 389 Directory Server, Active Directory and others that speak v3.

The exchange is searches without any bind, which is asking without a name (RFC 4511, 4.2.1). The
root entry tells its naming contexts to anyone and proves nothing. Then, in one write: one entry
below a naming context with the types of its attributes and no value, the naming context itself
alike, and a name under it that we made up.

* OPEN: an entry comes with attributes, each answer carries its random message id, and the name made
  up is noSuchObject (32) below that naming context.
* OPEN_PARTIAL: entries come, but no attribute of theirs may be read.
* AUTH_REQUIRED: operationsError (1, as Active Directory says it), strongerAuthRequired (8),
  inappropriateAuthentication (48), invalidCredentials (49), insufficientAccessRights (50) or
  unwillingToPerform (53).
* UNDETERMINED: noSuchObject for a naming context that the server itself names: it is hidden, or
  there is nothing in it.

An anonymous bind takes the name of nobody. Only with the scope's own `anonymous_login` is it done:
for a verdict where all is refused without it, and before anything is read. Referrals are never
followed. `can_write` is unknown: what may be written is told nowhere.

A collection is what lies directly below one entry; a record is an entry there. Only attributes that
are known to hold something about people are read. Of passwords and keys (userPassword, unicodePwd,
krbPrincipalKey, …) a search that asks for names without values tells that an entry has one; no
request can name their values. LDAP knows no random order: a sample is what the server gives first.

Known for nothing, where it may be read: OpenLDAP's uptime (cn=Monitor), else when the oldest naming
context was made (createTimestamp), and when each was last changed (contextCSN; Active Directory's
highestCommittedUSN).

Sources: RFC 4511 (protocol; 4.5.1.6: typesOnly), RFC 4512, 5.1 (root DSE), RFC 4519 and RFC 2798
(attributes).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _ldap_known
from leftopen.engines._handles import handle_of
from leftopen.engines._ldap_names import parent, plain, within
from leftopen.engines._ldap_wire import (
    REQUESTS,
    SECRETS,
    Done,
    Entry,
    Scope,
    bind,
    exchange,
    fresh,
    search,
)
from leftopen.engines._text import as_text
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.knowledge import Mark, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.sample import documents

MAX_ENTRIES = 5_000  # names that collections are learnt from
MAX_CONTEXTS = 8
_PAGE = 250

_NO_LOGIN = {1, 8, 48, 49, 50, 53}
_NO_SUCH_OBJECT, _CONFIDENTIAL = 32, 13
_ENOUGH = {0, 3, 4, 11}  # success; the time, size or administrative limit was reached

_ABOUT = (
    *("objectClass", "namingContexts", "supportedLDAPVersion"),
    *("supportedCapabilities", "vendorName", "vendorVersion"),
)
_ACTIVE_DIRECTORY = b"1.2.840.113556.1.4.800"
_SYSTEM = re.compile(
    r"cn=(config|schema|monitor|changelog|accesslog|configuration|schema,cn=configuration)\b"
    r"|dc=(domain|forest)dnszones\b|o=netscaperoot$",
    re.IGNORECASE,
)
_CONTAINERS = {
    *("organizationalunit", "organization", "dcobject", "domain", "domaindns", "container"),
    *("builtindomain", "locality", "country", "top", "nscontainer", "lostandfound"),
}

# What entries about people are known to hold; nothing else is asked for.
PERSONAL = (
    *("cn", "sn", "givenName", "initials", "displayName", "gecos", "title", "description"),
    *("uid", "sAMAccountName", "userPrincipalName", "mail", "proxyAddresses", "otherMailbox"),
    *("telephoneNumber", "mobile", "homePhone", "facsimileTelephoneNumber", "pager", "ipPhone"),
    *("homePostalAddress", "postalAddress", "street", "streetAddress", "postalCode", "l", "st"),
    *("c", "co", "o", "ou", "company", "department", "physicalDeliveryOfficeName", "roomNumber"),
    *("employeeNumber", "employeeID", "employeeType", "manager", "secretary", "member"),
    *("memberUid", "uniqueMember", "memberOf", "carLicense", "preferredLanguage", "birthDate"),
    *("dateOfBirth", "gender", "personalTitle", "nationalIdentificationNumber", "labeledURI"),
    *("jpegPhoto", "thumbnailPhoto", "userCertificate", "sshPublicKey", "homeDirectory"),
    *("uidNumber", "lastLogon", "info", "comment"),
)
_BY_LOWER = {name.lower(): name for name in PERSONAL}


class Ldap:
    """The engine; it keeps no state."""

    name = "ldap"
    ports: tuple[int, ...] = (389, 636, 3268, 3269)
    speaks = Speaks.ANSWERS
    verified: Literal["real", "scripted"] = "real"
    reads = "names of entries and their object classes, and personal attributes of some of them"
    requests = REQUESTS

    async def probe(self, connection: Connection) -> Proof:
        """OPEN where an entry below a naming context is given with its attributes."""
        about, done = await _ask(connection, "", Scope.BASE, _ABOUT, types_only=False)
        product, version = _product(about)
        proof = await _judged(connection, about, done)
        if proof.verdict is Verdict.AUTH_REQUIRED and connection.opt_in.anonymous_login:
            bound = await _bind(connection)
            if bound.code:
                reason = "refuses searches, and the anonymous bind that the scope file allows"
                proof = Proof(Verdict.AUTH_REQUIRED, reason)
            else:
                about, done = await _ask(connection, "", Scope.BASE, _ABOUT, types_only=False)
                product, version = _product(about)
                proof = await _judged(connection, about, done)
                reason = f"{proof.reason}, after the anonymous bind that the scope file allows"
                proof = Proof(proof.verdict, reason)
        return Proof(proof.verdict, proof.reason, version, product)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """What lies directly below each entry, from a walk over at most MAX_ENTRIES names."""
        contexts = await _named(connection)
        held: dict[str, list[bool]] = {}
        names: dict[str, str] = {}
        complete, seen = True, 0
        for base in contexts:
            async with aclosing(_paged(connection, base, Scope.SUB, ("objectClass",))) as walk:
                async for told in walk:
                    if isinstance(told, Done):
                        complete = complete and told.code == 0
                        continue
                    above = parent(told.name)
                    key = plain(above)
                    names.setdefault(key, above)
                    held.setdefault(key, []).append(_is_container(told))
                    seen += 1
                    if seen >= MAX_ENTRIES:
                        break
            if seen >= MAX_ENTRIES:
                complete = False
                break
        made = [
            Collection(names[key], len(some) if complete else None, None, names[key])
            for key, some in sorted(held.items(), key=lambda item: -len(item[1]))
            if key and not all(some)
        ]
        return made[: connection.limits.collections]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """The entries that the server gives first; an eighth of the store's bytes at most. Of a
        password or key the row says only that the entry has one."""
        base = handle_of(collection, str)
        await _anew(connection)
        secrets_of = await _secrets(connection, base, limits)
        until, left = connection.bytes_read + limits.bytes // 8, limits.rows
        rows: list[dict[str, Any]] = []
        source = _paged(connection, base, Scope.ONE, PERSONAL, limits.rows)
        async with aclosing(source) as entries:
            async for told in entries:
                if isinstance(told, Done):
                    continue
                rows.append(_row(told) | secrets_of.get(plain(told.name), {}))
                left -= 1
                if len(rows) >= _PAGE:
                    yield documents(rows)
                    rows = []
                if left <= 0 or connection.bytes_read >= until:
                    break
        if rows:
            yield documents(rows)

    async def since(self, connection: Connection) -> Since | None:
        """The start of its process, or when its oldest naming context was made. Raises
        NotThisProtocol and NetError."""
        return await _ldap_known.start(connection, await _named(connection))

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """`changes`: when the naming context of each was last changed; nothing where that may not
        be read. Raises NotThisProtocol and NetError."""
        await connection.reopen()  # a sample that was broken off would still be talking
        made: dict[str, Mark] = {}
        for context in await _named(connection):
            if (changes := await _ldap_known.last_change(connection, context)) is not None:
                held = [c.name for c in collections if within(handle_of(c, str), context)]
                made |= {name: Mark(changes=changes) for name in held}
        return made


ENGINE = Ldap()


# --- the verdict ---------------------------------------------------------------------------------


async def _judged(connection: Connection, about: Sequence[Entry], done: Done) -> Proof:
    """The verdict, from what the root entry said and what its naming contexts hold."""
    if done.code in _NO_LOGIN:
        return Proof(Verdict.AUTH_REQUIRED, f"refuses a search without a login ({done.code})")
    if not about:
        return Proof(Verdict.UNDETERMINED, f"speaks LDAP, but tells nothing ({done.code})")
    contexts = _contexts(about)
    if not contexts:
        return Proof(Verdict.UNDETERMINED, "speaks LDAP, but names no directory to look into")
    proof = Proof(Verdict.UNDETERMINED, "")
    for base in contexts[:3]:
        proof = await _below(connection, base)
        if proof.verdict in (Verdict.OPEN, Verdict.OPEN_PARTIAL):
            break
    return proof


async def _below(connection: Connection, base: str) -> Proof:
    """The verdict on one naming context."""
    made_up = f"cn=leftopen-{secrets.token_hex(8)},{base}"
    asked = [
        search(fresh(), base, Scope.ONE, ("*",), most=1, types_only=True),
        search(fresh(), base, Scope.BASE, ("*",), most=1, types_only=True),
        search(fresh(), made_up, Scope.BASE, ("1.1",), most=1),
    ]
    entries: list[Entry] = []
    results = dict[int, Done]()
    async for index, told in exchange(connection, *asked):
        if isinstance(told, Done):
            results[index] = told
        elif index == 2 or not within(told.name, base) or len(entries) >= 4:
            raise NotThisProtocol("an entry that cannot be there")
        else:
            entries.append(told)
    codes = [results[index].code for index in range(3)]
    if entries:
        if codes[2] != _NO_SUCH_OBJECT or not within(made_up, results[2].matched):
            reason = "gives entries, but does not tell a name that cannot exist from others"
            return Proof(Verdict.UNDETERMINED, reason)
        if not any(entry.attributes for entry in entries):
            reason = "names entries without a login, but lets none of their attributes be read"
            return Proof(Verdict.OPEN_PARTIAL, reason)
        if all(plain(entry.name) == plain(base) for entry in entries):
            reason = "its topmost entry was read without a login; there is nothing below it"
            return Proof(Verdict.OPEN, reason)
        return Proof(Verdict.OPEN, "entries and their attributes were read without a login")
    refused = [code for code in codes if code in _NO_LOGIN]
    if refused:
        return Proof(Verdict.AUTH_REQUIRED, f"refuses a search without a login ({refused[0]})")
    if _CONFIDENTIAL in codes:
        return Proof(Verdict.UNDETERMINED, "speaks LDAP, but answers searches over TLS only (13)")
    reason = f"names a directory, but gives nothing of it: hidden, or empty ({codes[1]})"
    return Proof(Verdict.UNDETERMINED, reason)


def _product(about: Sequence[Entry]) -> tuple[str | None, str | None]:
    """Product and version, as far as the root entry tells them in a known form."""
    told = {key.lower(): values for entry in about for key, values in entry.attributes.items()}
    if b"OpenLDAProotDSE" in told.get("objectclass", []):
        return "openldap", None
    if _ACTIVE_DIRECTORY in told.get("supportedcapabilities", []):
        return "active directory", None
    if b"389 Project" in told.get("vendorname", []):
        stated = b"".join(told.get("vendorversion", [])[:1]).decode("utf-8", "replace")
        return "389 directory server", clean_version(stated.partition("/")[2])
    return None, None


def _contexts(about: Iterable[Entry]) -> list[str]:
    """The naming contexts that hold data rather than the server's own settings."""
    values = [
        value.decode("utf-8", "replace")
        for entry in about
        for key, held in entry.attributes.items()
        if key.lower() == "namingcontexts"
        for value in held
    ]
    return [v for v in values if 0 < len(v) <= 512 and not _SYSTEM.match(v)][:MAX_CONTEXTS]


# --- searches ------------------------------------------------------------------------------------


async def _named(connection: Connection) -> list[str]:
    """The naming contexts, after the bind that the scope may allow. Raises ServerRefused."""
    if connection.opt_in.anonymous_login:
        await _bind(connection)
    about, done = await _ask(connection, "", Scope.BASE, ("namingContexts",), types_only=False)
    if done.code:
        raise ServerRefused("the first search was refused", code=str(done.code))
    return _contexts(about)


async def _ask(
    connection: Connection, base: str, scope: Scope, attributes: Sequence[str], *, types_only: bool
) -> tuple[list[Entry], Done]:
    """One search for one entry."""
    asked = search(fresh(), base, scope, attributes, most=1, types_only=types_only)
    entries: list[Entry] = []
    done = Done(0, "")
    async for _, told in exchange(connection, asked):
        if isinstance(told, Done):
            done = told
        elif entries:
            raise NotThisProtocol("more entries than one")
        else:
            entries.append(told)
    return entries, done


async def _bind(connection: Connection) -> Done:
    """Bind as nobody; only called where the scope file allows it."""
    done = Done(1, "")
    async for _, told in exchange(connection, bind(fresh())):
        if isinstance(told, Done):
            done = told
    return done


async def _anew(connection: Connection) -> None:
    """Dial anew: a walk that was broken off would still be talking."""
    await connection.reopen()
    if connection.opt_in.anonymous_login:
        await _bind(connection)


async def _secrets(
    connection: Connection, base: str, limits: StoreLimits
) -> dict[str, dict[str, bool]]:
    """Which passwords and keys the entries below one have: names of types, never a value."""
    found: dict[str, dict[str, bool]] = {}
    until, seen = connection.bytes_read + limits.bytes // 32, 0
    source = _paged(connection, base, Scope.ONE, SECRETS, limits.rows, types_only=True)
    async with aclosing(source) as entries:
        async for told in entries:
            if isinstance(told, Done):
                continue
            seen += 1
            types = {key.partition(";")[0].lower() for key in told.attributes}
            if has := {name: True for name in SECRETS if name.lower() in types}:
                found[plain(told.name)] = has
            if seen > limits.rows or connection.bytes_read >= until:
                break
        else:
            return found
    await _anew(connection)
    return found


async def _paged(
    connection: Connection,
    base: str,
    scope: Scope,
    attributes: Sequence[str],
    most: int = MAX_ENTRIES,
    *,
    types_only: bool = False,
) -> AsyncGenerator[Entry | Done, None]:
    """Entries page by page, and how it ended. Raises ServerRefused where that is a refusal."""
    cookie = b""
    for _ in range(1 + most // _PAGE):
        page = (min(_PAGE, most), cookie)
        asked = search(
            fresh(), base, scope, attributes, most=most, types_only=types_only, page=page
        )
        async for _, told in exchange(connection, asked):
            if isinstance(told, Entry):
                yield told
                continue
            cookie = told.cookie
            if told.code not in _ENOUGH:
                raise ServerRefused("the search was refused", code=str(told.code))
            if not cookie or told.code:
                yield told
                return
    yield Done(4, "")


# --- entries -------------------------------------------------------------------------------------


def _is_container(entry: Entry) -> bool:
    """Whether an entry only holds others."""
    classes = {
        value.decode("utf-8", "replace").lower()
        for key, values in entry.attributes.items()
        if key.lower() == "objectclass"
        for value in values
    }
    return bool(classes) and classes <= _CONTAINERS


def _row(entry: Entry) -> dict[str, Any]:
    """The personal attributes of an entry; any other, though not asked for, is dropped."""
    row: dict[str, list[str | bytes]] = {}
    for key, values in entry.attributes.items():
        name = _BY_LOWER.get(key.partition(";")[0].lower())  # without a language or other option
        if name is not None and values:
            row.setdefault(name, []).extend(map(as_text, values))
    return {name: told[0] if len(told) == 1 else told for name, told in row.items()}
