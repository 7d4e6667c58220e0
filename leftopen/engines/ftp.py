"""FTP servers, and what the account `anonymous` is shown.

The greeting proves nothing, and `anonymous` is an account: without the scope's own
`anonymous_login` the exchange ends with FEAT, and a server that is known by it is UNDETERMINED.
With it: USER anonymous, PASS with an address that names us, REST with a random offset (which the
server repeats; it would only count for a transfer, and none follows), STAT of the topmost folder,
which lists it over the control connection, and QUIT. No data connection is ever opened, so that no
file can be fetched and no other address be reached.

* OPEN: the login succeeds, the random offset comes back, and the listing parses.
* OPEN_PARTIAL: the login succeeds, but the listing is refused.
* AUTH_REQUIRED: `anonymous` is refused (530, 332). ACL_CLOSED: the greeting is 421 or 530.

A server that speaks FTP and tells no more is UNDETERMINED.

A collection is the topmost folder or one directly in it; a record is an entry: name, size, kind and
owner. `can_write` is "yes" where the server's own facts of the topmost folder (MLST, `perm`) say
so; else unknown, for other folders may differ.

Sources: RFC 959, sections 4.2 and 5.4 (replies; STAT with a path as LIST over the control
connection); RFC 2389 (FEAT); RFC 3659, sections 5 (REST) and 7 (MLST and its `perm` fact);
RFC 1635 (the account anonymous).
"""

from __future__ import annotations

import contextlib
import random
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._handles import handle_of
from leftopen.engines._proofs import CanWrite, afterwards
from leftopen.errors import NetError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.sample import rows as as_batch

MAX_LINE = 4_096
MAX_LINES = 10_000  # of one reply
MAX_FOLDERS = 64
PASSWORD = "leftopen@"  # noqa: S105  the address that RFC 1635 asks a guest for; a secret to nobody
_COLUMNS = ("name", "size", "kind", "owner")

_PATH = re.compile(r"/[^\x00-\x1f\x7f/*?{}\[\]\\]{0,255}")
_PLAIN = ("FEAT", "USER anonymous", f"PASS {PASSWORD}", "MLST /", "QUIT")
_UNIX = re.compile(
    r"([-dlbcps])[-rwxsStT]{9}[+.@]?\s+\d+\s+(\S{1,64})\s+\S{1,64}\s+(\d{1,18})\s+"
    r"[A-Za-z]{3}\s+\d{1,2}\s+(?:\d{4}|\d{1,2}:\d{2})\s(.{1,1024})"
)
_DOS = re.compile(
    r"\d{2}-\d{2}-(?:\d{2}|\d{4})\s+\d{2}:\d{2}(?:AM|PM)?\s+(<DIR>|\d{1,18})\s+(.{1,1024})"
)
_BEGINS = re.compile(rb"[1-5]?\Z|[1-5][0-9]{1,2}\r?\Z|[1-5][0-9]{2}[ -]")  # as far as it has come
_KINDS = {"-": "file", "d": "folder", "l": "link"}
_PRODUCTS = (
    ("vsftpd", re.compile(r"\(vsftpd ([\d.]+)\)", re.IGNORECASE)),
    ("proftpd", re.compile(r"\bproftpd ([\d.]+)", re.IGNORECASE)),
    ("filezilla server", re.compile(r"\bfilezilla server (?:version )?([\d.]+)", re.IGNORECASE)),
    ("pure-ftpd", re.compile(r"\bpure-ftpd()", re.IGNORECASE)),
    ("microsoft ftp service", re.compile(r"\bmicrosoft ftp service()", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing."""

    name: str
    size: int | None
    kind: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: its code, and all of its lines without that code."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Ftp:
    """The engine; it keeps no state."""

    name = "ftp"
    ports: tuple[int, ...] = (21,)
    speaks = Speaks.GREETS
    verified: Literal["real", "scripted"] = "real"
    reads = "with anonymous_login: names and sizes of files in the topmost folders; no contents"
    requests = frozenset({*_PLAIN, "REST {offset}", "STAT {path}"})

    async def probe(self, connection: Connection) -> Proof:
        """OPEN only with the scope's opt-in, where `anonymous` is shown the topmost folder."""
        session = Session(connection)
        greeting = await session.reply()
        features = await _recognised(session, greeting, connection.target.port in self.ports)
        if features is None:
            reason = f"turns this client away with its greeting ({greeting.code})"
            return Proof(Verdict.ACL_CLOSED, reason)
        try:
            verdict, reason, can_write = await _judged(session, connection, features)
        finally:
            with contextlib.suppress(NetError):
                await session.send("QUIT")
        product, version = _product(greeting.text)
        return Proof(verdict, reason, version, product, can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The topmost folder and those directly in it, with the entries of each and their bytes."""
        session = await _entered(connection)
        top = await session.listing("/")
        made = [_collection("/", top)]
        for entry in top[:MAX_LINES]:
            if len(made) > min(MAX_FOLDERS, connection.limits.collections - 1):
                break
            path = f"/{entry.name}"
            if entry.kind != "folder" or not is_path(path):
                continue
            with contextlib.suppress(ServerRefused):  # this one is not shown, another may be
                made.append(_collection(path, await session.listing(path)))
        return [collection for collection in made if collection.records]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Random entries of one folder."""
        folder = handle_of(collection, str)
        await connection.reopen()
        session = await _entered(connection)
        entries = await session.listing(folder)
        chosen = random.sample(entries, min(len(entries), limits.rows))
        with contextlib.suppress(NetError):
            await session.send("QUIT")
        if chosen:
            yield as_batch(_COLUMNS, [(e.name, e.size, e.kind, e.owner) for e in chosen])


ENGINE = Ftp()


# --- the verdict ---------------------------------------------------------------------------------


async def _recognised(session: Session, greeting: Reply, own_port: bool) -> str | None:
    """What FEAT lists; None where the greeting itself is a refusal. Raises NotThisProtocol.

    Mail servers greet alike (220, 421): what the peer is shows by FEAT, by the word in its
    greeting, or, where it wants a login first, by its port.
    """
    says_so = re.search(r"\b\w*ftp", greeting.text, re.IGNORECASE) is not None
    if greeting.code in (421, 530) and (says_so or own_port):
        return None
    if greeting.code != 220:
        raise NotThisProtocol("the peer does not greet as FTP does")
    await session.send("FEAT")
    told = await session.reply()
    if told.code == 211 or says_so or (told.code == 530 and own_port):
        return told.text if told.code == 211 else ""
    raise NotThisProtocol("the peer greets as FTP does, but does not know its commands")


async def _judged(
    session: Session, connection: Connection, features: str
) -> tuple[Verdict, str, CanWrite]:
    """Verdict, reason and can_write of a server that is known to speak FTP."""
    if not connection.opt_in.anonymous_login:
        reason = "speaks FTP; the account `anonymous` was not tried, the scope file does not say so"
        return Verdict.UNDETERMINED, reason, "unknown"
    code = await session.log_in()
    if code == 421:
        return Verdict.ACL_CLOSED, "turns this client away before a login (421)", "unknown"
    if code != 230:
        refused = code in (530, 331, 332)
        reason = f"refuses the account `anonymous`, as the scope file let it be tried ({code})"
        return Verdict.AUTH_REQUIRED if refused else Verdict.UNDETERMINED, reason, "unknown"
    offset = 1_000_000_000 + secrets.randbelow(1_000_000_000)
    await session.send(f"REST {offset}")
    echo = await session.reply()
    if echo.code != 350 or re.search(rf"\b{offset}\b", echo.text) is None:
        reason = "says yes to the account `anonymous`, but does not repeat what it is sent"
        return Verdict.UNDETERMINED, reason, "unknown"
    told = "the account `anonymous`, as the scope file allows,"
    try:
        entries = await session.listing("/")
    except ServerRefused:
        return Verdict.OPEN_PARTIAL, f"{told} may log in, but is shown no folder", "unknown"
    tells = re.search(r"^\s*MLST", features, re.M)
    can_write = await afterwards(_can_write(session)) if tells else "unknown"
    if not entries:
        return Verdict.OPEN, f"{told} is shown the topmost folder; it is empty", can_write
    return Verdict.OPEN, f"{told} is shown the topmost folder", can_write


async def _can_write(session: Session) -> CanWrite:
    """What the server's own `perm` fact says of the topmost folder: create, make, delete, rename,
    purge or append there."""
    await session.send("MLST /")
    told = await session.reply()
    facts = re.search(r"(?:^|;|\s)perm=([a-z]{0,10});", told.text, re.IGNORECASE)
    may = told.code == 250 and facts is not None and set(facts[1].lower()) & set("acdfmpw")
    return "yes" if may else "unknown"


def _product(greeting: str) -> tuple[str | None, str | None]:
    for product, form in _PRODUCTS:
        found = form.search(greeting[:512])
        if found is not None:
            return product, clean_version(found[1])
    return None, None


# --- the exchange --------------------------------------------------------------------------------


def is_path(path: str) -> bool:
    """Whether this is the topmost folder or one directly in it, and stays so in a command."""
    return _PATH.fullmatch(path) is not None and path == path.strip() and path not in ("/.", "/..")


def name_of(line: str) -> str:
    """The name of the request that a line is; raises RequestNotAllowed for any other."""
    if line in _PLAIN:
        return line
    if re.fullmatch(r"REST [0-9]{1,10}", line):
        return "REST {offset}"
    if line.startswith("STAT ") and is_path(line[5:]):
        return "STAT {path}"
    raise RequestNotAllowed("not a request that this engine may send")


class Session:
    """One control connection: lines there, replies back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = bytearray()

    async def send(self, line: str) -> None:
        await self._connection.send(name_of(line), line.encode() + b"\r\n")

    async def reply(self) -> Reply:
        """The next reply, of one line or many. Raises NotThisProtocol."""
        first = await self._line(reply=True)
        if not re.match(r"[1-5][0-9]{2}([ -]|\Z)", first):
            raise NotThisProtocol("no reply of FTP")
        code, lines = first[:3], [first[4:]]
        if first[3:4] != "-":
            return Reply(int(code), (lines[0],))
        until = self._connection.bytes_read + self._connection.limits.bytes // 8
        while len(lines) < MAX_LINES and self._connection.bytes_read < until:
            line = await self._line()
            if line[:4] in (code, f"{code} "):
                return Reply(int(code), (*lines, line[4:]))
            lines.append(line.removeprefix(f"{code}-"))
        raise NotThisProtocol("a reply without an end")

    async def log_in(self) -> int:
        """The code that the account `anonymous` brings: 230 where it may enter."""
        await self.send("USER anonymous")
        code = (await self.reply()).code
        if code != 331:
            return code
        await self.send(f"PASS {PASSWORD}")
        code = (await self.reply()).code
        return 230 if code == 202 else code

    async def listing(self, path: str) -> list[Entry]:
        """What lies in a folder. Raises ServerRefused where that is not shown."""
        await self.send(f"STAT {path}")
        told = await self.reply()
        if told.code not in (211, 212, 213):
            raise ServerRefused("the folder is not shown", code=str(told.code))
        read = [_entry(line) for line in told.lines[1:-1]]
        entries = [entry for entry in read if entry is not None]
        if not entries:  # a folder shows itself at least; a status of the server shows none
            raise ServerRefused("the folder is not shown", code="nothing")
        return [entry for entry in entries if entry.name not in (".", "..")]

    async def _line(self, *, reply: bool = False) -> str:
        """The next line. Where it must begin a reply, another is refused with its first bytes: a
        peer may trickle."""
        while (end := self._buffer.find(b"\n")) < 0:
            if reply and not _BEGINS.match(self._buffer):
                raise NotThisProtocol("no reply of FTP")
            if len(self._buffer) > MAX_LINE:
                raise NotThisProtocol("a line longer than FTP sends")
            self._buffer += await self._connection.read_some()
        if end > MAX_LINE:
            raise NotThisProtocol("a line longer than FTP sends")
        line = self._buffer[:end].decode("utf-8", "replace")
        del self._buffer[: end + 1]
        return line.rstrip("\r")


async def _entered(connection: Connection) -> Session:
    """A session as `anonymous`. Raises ServerRefused where the scope file does not allow it."""
    if not connection.opt_in.anonymous_login:
        raise ServerRefused("the account `anonymous` may not be tried", code="no_opt_in")
    session = Session(connection)
    await session.reply()
    code = await session.log_in()
    if code != 230:
        raise ServerRefused("the account `anonymous` is refused", code=str(code))
    return session


def _entry(line: str) -> Entry | None:
    """A line as `ls -l` or as DOS writes it; None for any other."""
    unix = _UNIX.fullmatch(line.strip())
    if unix is not None:
        kind = _KINDS.get(unix[1], "other")
        name = unix[4].partition(" -> ")[0] if kind == "link" else unix[4]
        return Entry(name, int(unix[3]), kind, None if unix[2].isdigit() else unix[2])
    dos = _DOS.fullmatch(line.strip())
    if dos is None:
        return None
    folder = dos[1] == "<DIR>"
    return Entry(dos[2], None if folder else int(dos[1]), "folder" if folder else "file", None)


def _collection(path: str, entries: Sequence[Entry]) -> Collection:
    size = sum(entry.size or 0 for entry in entries if entry.kind == "file")
    return Collection(path, len(entries), size, path)
