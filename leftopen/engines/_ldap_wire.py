"""LDAP messages: a Basic Encoding Rules codec for exactly what the engine asks and is told.

Lengths are definite and of at most four bytes; nesting is that of the grammar, so nothing here
recurses. Everything sent is a search, or the bind of nobody (only with the scope's opt-in). No
search can ask for the value of a password or key.

Source: RFC 4511, section 4 and appendix B; RFC 2696 (paged results).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed
from leftopen.net.connection import Connection

MAX_VALUES = 20_000  # parts of one message
# Passwords and keys: that an entry has one is asked for, its value never.
SECRETS = (
    *("userPassword", "unicodePwd", "dBCSPwd", "sambaNTPassword", "sambaLMPassword"),
    *("sambaPasswordHistory", "krbPrincipalKey", "ipaNTHash", "pwdHistory", "authPassword"),
    *("userPKCS12", "ms-Mcs-AdmPwd", "msLAPS-Password", "msDS-ManagedPassword"),
)
_SECRETS = frozenset(name.lower() for name in SECRETS)
PAGED = b"1.2.840.113556.1.4.319"

_INTEGER, _OCTETS, _ENUM, _SEQUENCE, _SET = 0x02, 0x04, 0x0A, 0x30, 0x31
_BIND, _BOUND, _SEARCH, _ENTRY, _DONE, _REFERENCE, _EXTENDED = (
    *(0x60, 0x61, 0x63, 0x64, 0x65, 0x73, 0x78),
)
_CONTROLS, _SIMPLE, _PRESENT = 0xA0, 0x80, 0x87
_VERSION = b"\x02\x01\x03"


class Scope(IntEnum):
    """How far below its base a search looks."""

    BASE = 0
    ONE = 1
    SUB = 2


REQUESTS = frozenset({"BIND anonymous", *(f"SEARCH {scope.name.lower()}" for scope in Scope)})


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as told: its name, and the values of each attribute (none where only types)."""

    name: str
    attributes: dict[str, list[bytes]]


@dataclass(frozen=True, slots=True)
class Done:
    """How a request ended: the result code, the nearest name that exists, a cookie to go on."""

    code: int
    matched: str
    cookie: bytes = b""


# --- encoding ------------------------------------------------------------------------------------


def part(tag: int, *inner: bytes) -> bytes:
    """One element: tag, length and what is in it."""
    body = b"".join(inner)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def number(value: int, tag: int = _INTEGER) -> bytes:
    """A non-negative INTEGER or ENUMERATED."""
    return part(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def search(
    identifier: int,
    base: str,
    scope: Scope,
    attributes: Sequence[str],
    *,
    most: int,
    types_only: bool = False,
    page: tuple[int, bytes] | None = None,
) -> bytes:
    """A SearchRequest for `(objectClass=*)` that follows no alias; `page` is size and cookie."""
    asked = part(
        _SEARCH,
        part(_OCTETS, base.encode()),
        number(scope, _ENUM),
        number(0, _ENUM),  # never dereference aliases
        number(most),
        number(10),  # seconds that the server may take
        part(0x01, b"\xff" if types_only else b"\x00"),
        part(_PRESENT, b"objectClass"),
        part(_SEQUENCE, *(part(_OCTETS, name.encode()) for name in attributes)),
    )
    controls = b""
    if page is not None:
        value = part(_SEQUENCE, number(page[0]), part(_OCTETS, page[1]))
        control = part(_SEQUENCE, part(_OCTETS, PAGED), part(_OCTETS, value))
        controls = part(_CONTROLS, control)
    return part(_SEQUENCE, number(identifier), asked, controls)


def bind(identifier: int) -> bytes:
    """The BindRequest of nobody: no name, no password."""
    asked = part(_BIND, _VERSION, part(_OCTETS), part(_SIMPLE))
    return part(_SEQUENCE, number(identifier), asked)


def name_of(message: bytes) -> str:
    """The name of the request that a message is; raises RequestNotAllowed for any other."""
    try:
        _, (tag, body), _ = _message(message)
        if tag == _BIND and body == _VERSION + part(_OCTETS) + part(_SIMPLE):
            return "BIND anonymous"
        if tag == _SEARCH:
            asked = _parts(body)
            scope = _int(asked[1], _ENUM)
            if asked[5] == (0x01, b"\xff") or _is_harmless(_parts(_of(asked[7], _SEQUENCE))):
                return f"SEARCH {Scope(scope).name.lower()}"
    except (NotThisProtocol, ValueError, IndexError):
        pass
    raise RequestNotAllowed("not a request that this engine may send")


def _is_harmless(attributes: Sequence[Part]) -> bool:
    """Whether these attributes may be asked for with their values: by name, and none a secret."""
    names = {_text(name).partition(";")[0].lower() for name in attributes}
    return bool(names) and not names & (_SECRETS | {"*", "+"})


# --- decoding ------------------------------------------------------------------------------------

Part = tuple[int, bytes]


def _walk(data: bytes) -> Iterator[Part]:
    at = 0
    for _ in range(MAX_VALUES):
        if at == len(data):
            return
        if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
            raise NotThisProtocol("no BER as LDAP writes it")
        tag, size = data[at], data[at + 1]
        at += 2
        if size >= 0x80:
            octets = size & 0x7F
            if not 0 < octets <= 4 or at + octets > len(data):
                raise NotThisProtocol("no length as LDAP writes it")
            size = int.from_bytes(data[at : at + octets], "big")
            at += octets
        if at + size > len(data):
            raise NotThisProtocol("a part that is longer than what it is in")
        yield tag, data[at : at + size]
        at += size
    raise NotThisProtocol("more parts than a message may have")


def _parts(data: bytes) -> list[Part]:
    return list(_walk(data))


def _of(found: Part, tag: int) -> bytes:
    if found[0] != tag:
        raise NotThisProtocol("another part than is due")
    return found[1]


def _int(found: Part, tag: int = _INTEGER) -> int:
    body = _of(found, tag)
    if not 1 <= len(body) <= 4 or body[0] & 0x80:
        raise NotThisProtocol("a number that LDAP does not have")
    return int.from_bytes(body, "big")


def _text(found: Part) -> str:
    return _of(found, _OCTETS).decode("utf-8", "replace")


def _message(data: bytes) -> tuple[int, Part, list[Part]]:
    """Identifier, operation and controls of one whole message."""
    (outer,) = _parts(data) or [(0, b"")]
    identifier, operation, *controls = _parts(_of(outer, _SEQUENCE)) or [(0, b"")] * 2
    if len(controls) > 1:
        raise NotThisProtocol("more than a message has")
    return _int(identifier), operation, _parts(_of(controls[0], _CONTROLS)) if controls else []


def decode(data: bytes) -> tuple[int, Entry | Done | None]:
    """A message's identifier, and the entry or result in it; None for a referral, which nobody
    follows. Raises NotThisProtocol for everything else."""
    try:
        identifier, (tag, body), controls = _message(data)
        if tag == _REFERENCE:
            return identifier, None
        if tag == _ENTRY:
            return identifier, _entry(body)
        if tag in (_DONE, _BOUND, _EXTENDED):
            code, matched, _, *_ = _parts(body)
            return identifier, Done(_int(code, _ENUM), _text(matched), _cookie(controls))
    except (ValueError, IndexError):
        raise NotThisProtocol("a message that lacks a part") from None
    raise NotThisProtocol("no message that a server sends here")


def _entry(body: bytes) -> Entry:
    name, attributes = _parts(body)
    told: dict[str, list[bytes]] = {}
    for attribute in _walk(_of(attributes, _SEQUENCE)):
        kind, values = _parts(_of(attribute, _SEQUENCE))
        held = told.setdefault(_text(kind), [])
        held += [_of(value, _OCTETS) for value in _walk(_of(values, _SET))]
    return Entry(_text(name), told)


def _cookie(controls: Sequence[Part]) -> bytes:
    """Where the next page begins; nothing where there is none, or paging is not known."""
    for control in controls:
        oid, *rest = _parts(_of(control, _SEQUENCE))
        if _of(oid, _OCTETS) == PAGED and rest:
            (value,) = _parts(_of(rest[-1], _OCTETS))
            _, cookie = _parts(_of(value, _SEQUENCE))
            return _of(cookie, _OCTETS)
    return b""


# --- the exchange --------------------------------------------------------------------------------


def fresh() -> int:
    """A message id that nobody can foresee; the server must repeat it."""
    return 1 + secrets.randbelow(2**31 - 2)


async def exchange(
    connection: Connection, *messages: bytes
) -> AsyncGenerator[tuple[int, Entry | Done], None]:
    """Send requests in one write; (index of the request, entry or result) as they come.

    Ends when each request has its result. Raises NotThisProtocol for an answer to another request.
    """
    waiting = {_message(message)[0]: index for index, message in enumerate(messages)}
    for message in messages[:-1]:  # noted without bytes; one write carries them all
        await connection.send(name_of(message), b"")
    await connection.send(name_of(messages[-1]), b"".join(messages))
    while waiting:
        identifier, told = decode(await _receive(connection))
        if identifier == 0 and isinstance(told, Done):  # notice of disconnection
            raise NotThisProtocol("the server takes leave instead of answering")
        if identifier not in waiting:
            raise NotThisProtocol("an answer to what was not asked")
        if told is not None:
            yield waiting[identifier], told
        if isinstance(told, Done):
            del waiting[identifier]


async def _receive(connection: Connection) -> bytes:
    """The bytes of the next whole message."""
    head = await connection.read_exactly(1)
    if head[0] != _SEQUENCE:
        raise NotThisProtocol("no message of LDAP")
    head += await connection.read_exactly(1)
    size = head[1]
    if size >= 0x80:
        if not 0 < size & 0x7F <= 4:
            raise NotThisProtocol("no length as LDAP writes it")
        length = await connection.read_exactly(size & 0x7F)
        head, size = head + length, int.from_bytes(length, "big")
    if size > connection.limits.reply_bytes:
        raise BudgetSpent(code="reply_too_large")
    return head + await connection.read_exactly(size)
