"""WebHDFS: the REST API of an HDFS name node over HTTP/1.1, reads of names only.

The exchange of a probe, one request a line, no `user.name` in any (the server's static user then
asks, `dr.who`):

    GET /webhdfs/v1/?op=LISTSTATUS                  gated; what lies in the root
    GET /webhdfs/v1/{random name}?op=GETFILESTATUS  must be a FileNotFoundException of that name
    GET /webhdfs/v1/{name}?op=GETFILESTATUS         gated; one entry of the root
    GET /webhdfs/v1/?op=GETFILESTATUS               the root's own permissions

OPEN is an entry, or an empty root, that parsed strictly. AUTH_REQUIRED is 401 with a challenge
(Negotiate: Kerberos) from a peer that sets Hadoop's cookie, or on its usual ports. A root that
may not be listed (AccessControlException) is OPEN_PARTIAL where the server still answers about the
root itself; it must then quote a random word that it was given for a number. A standby node is
UNDETERMINED. To OPEN a file leads to a data node by a redirect: that is never asked for, so no file
is ever read, only its name, owner, size and age. Its web pages prove nothing and are not asked.

`can_write` is what the permissions of the root and of the directories in it grant others: whether
any of them may be written into. A name node that was told not to check permissions does not say so,
and lets clients do more. Names of requests hold the operation, for it decides what is done.

Source: hadoop.apache.org/docs (WebHDFS REST API; HDFS Permissions Guide; Authentication for Hadoop
HTTP web consoles).
"""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks
from leftopen.engines._http import (
    Asker,
    Paths,
    accepted,
    at_own_port,
    closed,
    count_of,
    json_object,
    segment,
)
from leftopen.engines._proofs import CANNED, CanWrite
from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_ROOT = "/webhdfs/v1/"
_OPERATIONS = ("op=LISTSTATUS", "op=GETFILESTATUS")
_ODD = "op=GETFILESTATUS&offset={word}"  # an offset must be a number
_WORD = re.compile(r"leftopen-[0-9a-f]{24}")
_KINDS = ("DIRECTORY", "FILE", "SYMLINK")
_OCTAL = re.compile(r"[0-7]{1,4}")
_OTHERS_WRITE = 0o002
_DIRECTORIES = 64  # that are listed for one collection


class _Operations(Paths):
    """Paths whose query is part of the name: an operation of the list and nothing beside it."""

    def __init__(self) -> None:
        super().__init__(f"GET {_ROOT}", f"GET {_ROOT}{{path*}}")
        self._plain = Paths(*self.names)
        self.names = frozenset(f"{n}?{op}" for n in self.names for op in _OPERATIONS)
        self.names |= {f"GET {_ROOT}?{_ODD}"}

    def name(self, method: str, path: str) -> str:
        plain, _, query = path.partition("?")
        word = query.rpartition("=")[2]
        if _WORD.fullmatch(word):
            query = query.removesuffix(word) + "{word}"
        name = f"{self._plain.name(method, plain)}?{query}"
        if name not in self.names:
            raise RequestNotAllowed("not a request that the webhdfs engine may send")
        return name


_PATHS = _Operations()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file or directory: the status that the server gives of it, parsed strictly."""

    name: str
    kind: str
    permission: int
    owner: str
    group: str
    length: int
    modified: int  # milliseconds since 1970

    @property
    def is_directory(self) -> bool:
        return self.kind == "DIRECTORY"


class WebHdfs:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "webhdfs"
    ports: tuple[int, ...] = (9870, 50070)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "real"
    reads = "names, owners, sizes and ages of files and directories; never what is in a file"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        listed = await asker.get(f"{_ROOT}?op=LISTSTATUS")
        if listed.status != 200:
            return await _closed(asker, listed, at_own_port(connection, self.ports))
        entries = _entries(listed)
        token = _token()
        missing = await asker.get(f"{_ROOT}{token}?op=GETFILESTATUS")
        kind, words = _exception(missing)
        if missing.status != 404 or kind != "FileNotFoundException" or token not in words:
            return CANNED
        known = [entry for entry in entries if _segment(entry.name) is not None]
        if known:
            asked = await asker.get(f"{_ROOT}{_segment(known[0].name)}?op=GETFILESTATUS")
            if asked.status != 200:
                return _refused(asked, "lists its root, but an entry")
            _status(asked)
        can_write = await _writable(asker, entries)
        if not entries:
            reason = "the root was listed without credentials; it is empty"
            return Proof(Verdict.OPEN, reason, can_write=can_write)
        reason = "the root was listed and an entry looked at without credentials"
        return Proof(Verdict.OPEN, reason, can_write=can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The directories of the root, and the root itself where files lie in it.

        How many files are in them would cost the name node a walk, so no counts are given. Raises
        ServerRefused, NotThisProtocol and NetError.
        """
        asker = Asker(connection, _PATHS)
        entries = _entries(accepted(await asker.get(f"{_ROOT}?op=LISTSTATUS")))
        found = []
        if any(not entry.is_directory for entry in entries):
            found.append(Collection("/", handle=""))
        for entry in entries:
            part = _segment(entry.name)
            if entry.is_directory and part is not None:
                found.append(Collection(f"/{entry.name}", handle=part))
        return found[: connection.limits.collections]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch a directory, a row for each thing in it; the upper ones first.

        At most _DIRECTORIES are listed; those that are closed, or too large to list, are left out.
        Of the root only its files. Raises NotThisProtocol and NetError.
        """
        asker, left = Asker(connection, _PATHS), limits.rows
        until = connection.bytes_read + limits.reply_bytes
        waiting = deque([str(collection.handle)])
        for _ in range(_DIRECTORIES):
            if not waiting or left <= 0 or connection.bytes_read >= until:
                return
            path = waiting.popleft()
            try:
                response = await asker.get(f"{_ROOT}{path}?op=LISTSTATUS")
            except BudgetSpent as spent:
                if spent.code != "reply_too_large":
                    raise
                continue
            entries = _entries(response) if response.status == 200 else []
            if path == "":
                entries = [entry for entry in entries if not entry.is_directory]
            parts = [_segment(e.name) for e in entries if e.is_directory]
            waiting.extend(f"{path}/{part}" for part in parts if part is not None)
            kept = secrets.SystemRandom().sample(entries, min(left, len(entries)))
            left -= len(kept)
            if kept:
                yield sampling.documents(_row(entry) for entry in kept)


ENGINE = WebHdfs()


def _token() -> str:
    return f"leftopen-{secrets.token_hex(12)}"


def _segment(name: str) -> str | None:
    """The name as one part of a path, None where it can be none."""
    try:
        return segment(name)
    except RequestNotAllowed:
        return None


async def _closed(asker: Asker, response: Response, own_port: bool) -> Proof:
    """The verdict on a root that is not listed."""
    kind, _ = _exception(response)
    if kind == "AccessControlException" and response.status == 403:
        token = _token()
        told = await asker.get(f"{_ROOT}?{_ODD.format(word=token)}")
        if token not in _exception(told)[1]:
            return CANNED
        reason = "answers about its root, but to list it is refused (403)"
        return Proof(Verdict.OPEN_PARTIAL, reason, can_write=await _writable(asker, []))
    if kind is not None and response.status not in (401, 403):
        return Proof(Verdict.UNDETERMINED, f"the first question brought status {response.status}")
    if kind == "StandbyException":
        return Proof(Verdict.UNDETERMINED, "is a standby node, which answers no questions")
    hadoop = kind is not None or "hadoop.auth" in response.headers.get("set-cookie", "")
    return closed(response, known=hadoop, own_port=own_port, what="WebHDFS")


def _refused(response: Response, what: str) -> Proof:
    if _exception(response)[0] == "AccessControlException":
        return Proof(Verdict.OPEN_PARTIAL, f"{what} is refused ({response.status})")
    return Proof(Verdict.UNDETERMINED, f"{what} brought status {response.status}")


async def _writable(asker: Asker, entries: Sequence[_Entry]) -> CanWrite:
    """Whether others may write into the root or a directory in it, as their permissions say."""
    response = await asker.get(f"{_ROOT}?op=GETFILESTATUS")
    if response.status != 200:
        return "unknown"
    directories = [_status(response), *(entry for entry in entries if entry.is_directory)]
    return "yes" if any(entry.permission & _OTHERS_WRITE for entry in directories) else "no"


def _exception(response: Response) -> tuple[str | None, str]:
    """The class and the words of a RemoteException; the class is None where it is none."""
    outer = json_object(response).get("RemoteException")
    told = outer if isinstance(outer, dict) else {}
    kind, words = told.get("exception"), told.get("message")
    if response.status < 400 or not isinstance(kind, str) or not kind:
        return None, ""
    return kind, words if isinstance(words, str) else ""


def _entries(response: Response) -> list[_Entry]:
    """What lies in a directory, parsed strictly. Raises NotThisProtocol."""
    outer = json_object(response).get("FileStatuses")
    listed = outer.get("FileStatus") if isinstance(outer, dict) else None
    return [_entry(line) for line in (listed if isinstance(listed, list) else [None])]


def _status(response: Response) -> _Entry:
    """The status of one thing, parsed strictly. Raises NotThisProtocol."""
    return _entry(json_object(response).get("FileStatus"))


def _entry(told: object) -> _Entry:
    known: dict[str, Any] = told if isinstance(told, dict) else {}
    words = [known.get(key) for key in ("pathSuffix", "type", "permission", "owner", "group")]
    length, modified = count_of(known.get("length")), count_of(known.get("modificationTime"))
    if not all(isinstance(word, str) for word in words) or length is None or modified is None:
        raise NotThisProtocol("the file status is none")
    name, kind, permission, owner, group = map(str, words)
    if kind not in _KINDS or not _OCTAL.fullmatch(permission):
        raise NotThisProtocol("the file status is none")
    return _Entry(name, kind, int(permission, 8), owner, group, length, modified)


def _row(entry: _Entry) -> dict[str, Any]:
    row = {"name": entry.name, "type": entry.kind, "owner": entry.owner, "group": entry.group}
    seconds = entry.modified // 1_000
    when = datetime.fromtimestamp(seconds, UTC) if seconds < 2**35 else None
    return {**row, "length": entry.length, "modified": when}
