"""rsync daemons (rsyncd): what each of their modules gives away.

The exchange: greeting and version; the list of modules, which proves nothing but their names; a
module whose random name cannot exist; then, each on a connection of its own, every module by name,
and a listing of what lies in one that lets us in.

* A module is open where its name is answered `@RSYNCD: OK`, locked where `@RSYNCD: AUTHREQD`, and
  closed to this address where `@ERROR: access denied`.
* OPEN: the random name is unknown by exactly that name, and the listing of an open module was read,
  its own entry (a folder called ".") first. The reason counts the locked modules beside it.
* OPEN_PARTIAL: modules let us in, but none can be listed ("write only", a folder that is missing).
* AUTH_REQUIRED: all that are not closed are locked. ACL_CLOSED: all are closed to this address.
* UNDETERMINED: no module is listed; names are not guessed.

A daemon notes our hanging up before a locked module as a failed login, though none is tried.

A collection is an open module; a record is an entry of its topmost folder: name, size, moment and
kind. Contents of files are never fetched. Whether a module may be written to shows only when it is
tried, which is not done: `can_write` stays unknown.

Sources: rsyncd.conf(5) and rsync(1), https://download.samba.org/pub/rsync/rsyncd.conf.5; the file
list as rsync's own sources write it.
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Literal

import pyarrow as pa

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks
from leftopen.engines._rsync_wire import REQUESTS, File, Session, Word
from leftopen.errors import NotThisProtocol, ServerRefused
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.sample import rows as as_batch

MAX_ASKED = 8  # modules that a verdict looks at
MAX_LISTED = 64  # modules that are read
MAX_FILES = 10_000  # entries of one listing
_COLUMNS = ("name", "size", "modified", "kind")


class Rsync:
    """The engine; it keeps no state."""

    name = "rsync"
    ports: tuple[int, ...] = (873,)
    speaks = Speaks.GREETS
    verified: Literal["real", "scripted"] = "real"
    reads = "names, sizes and times of the files in each open module's topmost folder"
    requests = REQUESTS

    async def probe(self, connection: Connection) -> Proof:
        """OPEN where what lies in one module is listed to anyone."""
        try:
            session = Session(connection)
            await session.greet()
            names = await session.modules()
        except ServerRefused:
            return _proof(Verdict.UNDETERMINED, "speaks rsync, but does not list its modules")
        if not names:
            return _proof(Verdict.UNDETERMINED, "speaks rsync, but names no module")
        made_up = f"leftopen-{secrets.token_hex(8)}"
        told, _ = await _entered(connection, made_up)
        if told != "unknown":
            raise NotThisProtocol("the peer knows a module that cannot exist")
        words: Counter[Word] = Counter()
        read: list[File] = []
        for name in names[:MAX_ASKED]:
            word, inside = await _entered(connection, name)
            words[word] += 1
            if word == "open" and not read:
                read = await _first(inside, name)
        return _judged(words, read, len(names))

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """The open modules, with how many entries they hold and the bytes of those."""
        session = Session(connection)
        await session.greet()
        names = await session.modules()
        made: list[Collection] = []
        for name in names[: min(MAX_LISTED, connection.limits.collections)]:
            word, inside = await _entered(connection, name)
            if word != "open":
                continue
            try:
                files, complete = await _listed(connection, inside, name)
            except ServerRefused:
                continue  # this one is not shown, another may be
            size = sum(file.size for file in files if file.kind == "file")
            known = (len(files), size) if complete else (None, None)
            made.append(Collection(name, known[0], known[1], name))
        return made

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Random entries of one module's topmost folder."""
        if not isinstance(collection.handle, str):
            raise TypeError("the collection is not one of this engine")
        word, inside = await _entered(connection, collection.handle)
        if word != "open":
            raise ServerRefused("the module is not open any more", code=word)
        files, _ = await _listed(connection, inside, collection.handle)
        chosen = random.sample(files, min(len(files), limits.rows))
        if chosen:
            yield as_batch(_COLUMNS, [(f.name, f.size, f.modified, f.kind) for f in chosen])


ENGINE = Rsync()


def _judged(words: Counter[Word], read: Sequence[File], named: int) -> Proof:
    """The verdict from what each module that was asked for answered."""
    asked = sum(words.values())
    counted = f"{words['open']} of {asked} modules" if asked > 1 else "its module"
    if named > asked:
        counted += f" (of {named} named)"
    if words["locked"]:
        counted += f"; {words['locked']} locked" if asked > 1 else ""
    if len(read) > 1:
        return _proof(Verdict.OPEN, f"lists files without a login: {counted}")
    if read:
        return _proof(Verdict.OPEN, f"lists without a login: {counted}; the one read is empty")
    if words["open"]:
        return _proof(Verdict.OPEN_PARTIAL, f"lets anyone in, but lists no file: {counted}")
    if words["locked"]:
        return _proof(Verdict.AUTH_REQUIRED, "asks for a login before its modules")
    if words["denied"] == asked:
        return _proof(Verdict.ACL_CLOSED, "its modules are closed to this address")
    return _proof(Verdict.UNDETERMINED, "names modules, but answers for none of them")


def _proof(verdict: Verdict, reason: str) -> Proof:
    return Proof(verdict, reason, None, "rsync")


async def _entered(connection: Connection, module: str) -> tuple[Word, Session]:
    """What a fresh connection brings for a module's name, and the session in it."""
    await connection.reopen()
    session = Session(connection)
    await session.greet()
    return await session.enter(module), session


async def _first(session: Session, module: str) -> list[File]:
    """The module's own entry and, if there is one, the first in it; none where it is not shown."""
    read: list[File] = []
    try:
        async with aclosing(session.files(module)) as files:
            async for file in files:
                read.append(file)
                if len(read) == 2:
                    break
    except ServerRefused:
        return []
    if read and (read[0].name, read[0].kind) != (".", "folder"):
        raise NotThisProtocol("a listing that does not begin with the folder itself")
    return read


async def _listed(connection: Connection, session: Session, module: str) -> tuple[list[File], bool]:
    """The entries below the module's own, and whether they are all; an eighth of the store's bytes
    at most. Raises ServerRefused where the module is not shown."""
    found: list[File] = []
    until = connection.bytes_read + connection.limits.bytes // 8
    async with aclosing(session.files(module)) as files:
        async for file in files:
            if file.name != ".":
                found.append(file)
            if len(found) >= MAX_FILES or connection.bytes_read >= until:
                return found, False
    return found, True
