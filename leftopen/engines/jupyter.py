"""Jupyter: the contents API of Jupyter Server and of the notebook servers before it.

The exchange of a probe, one request a line:

    GET /api/contents?content=1              gated: the folder of notebooks, and what is in it
    GET /api/contents/{made up}?content=0    answered "does not exist", by that name
    GET /api                                 the version

OPEN is a folder that parsed, from a server that misses a file of a random name by that name.
AUTH_REQUIRED is a 401 or 403 from a server that shows what it is (by the address of its reports in
Content-Security-Policy, JupyterHub's version header, or the form of its errors), or its redirect to
a page of login, which is not followed; a redirect elsewhere is UNDETERMINED. Port 8888 is
everybody's: a challenge there shows no Jupyter. Where the folder is refused and GET /api/sessions
is not, the server's own rules of authorisation let some things pass: OPEN_PARTIAL. `/api` tells the
version to everybody and proves nothing; so do `/` and its login page, which are not asked.

Whoever may read here may mostly run programs too. That is never tried: kernels, terminals and web
sockets are not on the list. `can_write` is `writable` of the root folder, which the API defines as
whether the requester may edit it.

Known for nothing: the start of the process (GET /api/status).

A collection is a data file (CSV, JSON, JSON lines), or a folder's other files, of which the names
are read and not the content; notebooks are among these.

Sources: jupyter-server.readthedocs.io (REST API; Contents API; Security; Authorization),
jupyter-notebook.readthedocs.io (Security), jupyterhub.readthedocs.io.
"""

from __future__ import annotations

import io
import random
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
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
from leftopen.engines._since import since as plausible
from leftopen.errors import BudgetSpent, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.files import delimited, detect, json_text
from leftopen.files.encoding import Utf8
from leftopen.files.item import Item, Options
from leftopen.files.stream import Stream
from leftopen.knowledge import Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_CONTENTS = "/api/contents"
_SESSIONS = "/api/sessions"
_STATUS = "/api/status"
_PATHS = Paths(
    *("GET /api", f"GET {_CONTENTS}", f"GET {_CONTENTS}/{{path*}}"),
    *(f"GET {_SESSIONS}", f"GET {_STATUS}"),
)
_TABLE = re.compile(r"(?i).+\.(?:csv|tsv|jsonl?|ndjson|geojson)")
_READERS = {"delimited": delimited.read, "json": json_text.read, "jsonl": json_text.read_lines}
_KINDS = ("directory", "file", "notebook")
_REPORTS = "/api/security/csp-report"
_HUB = "x-jupyterhub-version"
_NOT_OURS = frozenset({"node_modules", "__pycache__", "site-packages"})  # of programs alone
_FOLDERS = 100  # that are looked into
_DEPTH = 6
_INFLATION = 3  # how much longer a file is inside JSON, mostly


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of a folder; `path` is made of the names that led there, not of what it claims."""

    name: str
    path: str
    kind: str
    size: int | None


class Jupyter:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "jupyter"
    ports: tuple[int, ...] = (8888,)
    requests = _PATHS.names
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "real"
    reads = "names of notebooks and files; rows of CSV and JSON files that are not large"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        first = await asker.get(f"{_CONTENTS}?content=1")
        if first.status != 200:
            return await _locked(asker, first, at_own_port(connection, self.ports))
        folder = _folder(first, "")
        if not await _misses(asker):
            return CANNED
        version = clean_version(json_object(await asker.get("/api")).get("version"))
        reason = "the folder of notebooks is shown without a token"
        if not folder:
            reason += "; it is empty"
        return Proof(Verdict.OPEN, reason, version, "Jupyter", _can_write(first))

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Data files by path, with their bytes; then `folder/*` for the other files of each folder.

        At most _FOLDERS folders, _DEPTH deep; those of programs alone are left out. Raises
        ServerRefused and NotThisProtocol where the first is none, and NetError.
        """
        asker, most = Asker(connection, _PATHS), connection.limits.collections
        tables: list[Collection] = []
        others: list[Collection] = []
        waiting = [""]
        for _ in range(_FOLDERS):
            if not waiting or len(tables) + len(others) >= most:
                break
            path = waiting.pop(0)
            try:
                entries = _folder(accepted(await asker.get(_url(path) + "?content=1")), path)
            except (ServerRefused, NotThisProtocol):
                if not path:
                    raise
                continue  # gone since, or closed to us
            except BudgetSpent as spent:
                if spent.code != "reply_too_large" or not path:
                    raise
                continue
            if path.count("/") + 1 < _DEPTH:
                inner = [entry for entry in entries if entry.kind == "directory"]
                waiting += [entry.path for entry in inner if entry.name not in _NOT_OURS]
            files = [entry for entry in entries if entry.kind != "directory"]
            data = [entry for entry in files if _is_table(entry)]
            tables += [Collection(entry.path, None, entry.size, entry) for entry in data]
            rest = tuple(entry for entry in files if not _is_table(entry))
            if rest:
                name = f"{path}/*" if path else "*"
                others.append(Collection(name, len(rest), None, rest))
        return (tables + others)[:most]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Random rows of a data file, or a row for each name of a folder's other files.

        Raises BudgetSpent for a file that is larger than a reply may be, ServerRefused,
        NotThisProtocol and NetError.
        """
        handle = collection.handle
        if isinstance(handle, tuple):
            names = [[entry.name, entry.kind, entry.size] for entry in handle[: limits.rows]]
            yield sampling.rows(["name", "type", "bytes"], names)
            return
        if not isinstance(handle, _Entry):
            raise TypeError("the collection is not one of this engine")
        if handle.size is not None and handle.size * _INFLATION > limits.reply_bytes:
            raise BudgetSpent(code="reply_too_large")
        asker = Asker(connection, _PATHS)
        path = f"{_url(handle.path)}?type=file&format=text&content=1"
        told = json_object(accepted(await asker.get(path)))
        if told.get("type") != "file" or not isinstance(told.get("content"), str):
            raise NotThisProtocol("the file is none")
        left = limits.rows
        for batch in _tables(told["content"], handle.name):
            if left <= 0:
                return
            drawn = sorted(random.sample(range(batch.num_rows), min(left, batch.num_rows)))
            left -= len(drawn)
            if drawn:
                yield batch.take(pa.array(drawn))

    async def since(self, connection: Connection) -> Since | None:
        """The start of its process. Raises ServerRefused and NetError."""
        told = await Asker(connection, _PATHS).get(_STATUS)
        return plausible(json_object(accepted(told)).get("started"))


ENGINE = Jupyter()


def _url(path: str) -> str:
    return "/".join([_CONTENTS, *(segment(part) for part in path.split("/") if part)])


async def _locked(asker: Asker, response: Response, own_port: bool) -> Proof:
    """The verdict on a peer that does not show its folder."""
    policy = response.headers.get("content-security-policy", "")
    known = _REPORTS in policy or _HUB in response.headers or _is_error(response)
    if known and response.status in range(301, 309):
        if "login" in response.headers.get("location", ""):
            return Proof(Verdict.AUTH_REQUIRED, "asks for a login", None, "Jupyter")
        return Proof(Verdict.UNDETERMINED, "leads elsewhere", None, "Jupyter")
    if known and response.status in (401, 403):
        sessions = await asker.get(_SESSIONS)
        if sessions.status == 200 and _is_list(sessions):
            reason = "refuses its folder of notebooks, but tells which are running"
            return Proof(Verdict.OPEN_PARTIAL, reason, None, "Jupyter")
        version = clean_version(json_object(await asker.get("/api")).get("version"))
        return Proof(Verdict.AUTH_REQUIRED, "asks for credentials", version, "Jupyter")
    return closed(response, known=known, own_port=own_port, what="Jupyter", product="Jupyter")


def _is_error(response: Response) -> bool:
    """Whether this is an error in the form of Jupyter's API."""
    told = json_object(response)
    return set(told) == {"message", "reason"} and isinstance(told["message"], str)


def _is_list(response: Response) -> bool:
    """Whether this is a list of sessions, which may be empty."""
    try:
        told = response.json()
    except NotThisProtocol:
        return False
    return isinstance(told, list) and all(isinstance(one, dict) and "id" in one for one in told)


def _can_write(response: Response) -> CanWrite:
    """By whether the server says that the requester may edit this folder."""
    writable = json_object(response).get("writable")
    if not isinstance(writable, bool):
        return "unknown"
    return "yes" if writable else "no"


async def _misses(asker: Asker) -> bool:
    """Whether the peer says of a file that cannot exist, by its random name, that it is not."""
    made_up = f"leftopen-{secrets.token_hex(12)}"
    response = await asker.get(f"{_CONTENTS}/{made_up}?content=0")
    named = made_up.encode() in response.body
    return response.status == 404 and named and not is_html(response)


def _folder(response: Response, path: str) -> list[_Entry]:
    """What is in a folder, parsed strictly; names that cannot stand in a path are left out.

    Raises NotThisProtocol.
    """
    told = response.json()
    if not isinstance(told, dict) or told.get("type") != "directory":
        raise NotThisProtocol("the folder is none")
    if told.get("path") != path or not isinstance(told.get("content"), list):
        raise NotThisProtocol("the folder is none")
    found = [_entry(one, path) for one in told["content"]]
    return [entry for entry in found if _can_be_asked_for(entry.name)]


def _entry(model: Any, parent: str) -> _Entry:
    name = model.get("name") if isinstance(model, Mapping) else None
    if not isinstance(name, str) or not isinstance(model.get("path"), str):
        raise NotThisProtocol("the folder is none")
    if model.get("type") not in _KINDS:
        raise NotThisProtocol("the folder is none")
    size = model.get("size")
    counted = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**63
    path = f"{parent}/{name}" if parent else name
    return _Entry(name, path, str(model["type"]), size if counted else None)


def _can_be_asked_for(name: str) -> bool:
    try:
        return bool(segment(name))
    except RequestNotAllowed:
        return False


def _is_table(entry: _Entry) -> bool:
    return entry.kind == "file" and _TABLE.fullmatch(entry.name) is not None


def _tables(content: str, name: str) -> Iterator[pa.RecordBatch]:
    """The batches of a data file; what is damaged in it ends them."""
    item = Item(path="")
    text = Utf8(Stream(io.BytesIO(content.encode("utf-8", "replace"))), item)
    reader = _READERS.get(detect.text_format(content[:65_536], name), delimited.read)
    item.reader = lambda: reader(text, item, Options())
    for _, batch in item.batches():
        yield batch
