"""The sampling process: the only place where samples live. `python -m leftopen.worker`.

It is handed one store at a time as a line of JSON on standard input, reads it, and says what it
found as lines of JSON on standard output: typed aggregates, never a value. Each connection is asked
for first, because the budget is kept by the parent. It cannot leave a core dump, its memory is
limited by the system, what it prints to standard error goes nowhere, and it ends when its parent
does. See ADR 3.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network

from leftopen.classifier import Profiler, stand_in
from leftopen.engine import Collection, Engine, TellsSettings
from leftopen.engines import all_engines
from leftopen.errors import LeftopenError, NetError, PeerClosed
from leftopen.messages import Job, Said
from leftopen.model import CollectionProfile, FieldProfile, ScanError, Stage, Target
from leftopen.net.connection import Connection
from leftopen.net.dial import TcpDialer
from leftopen.scope import Scope
from leftopen.tampering import Seen, indicators

MEMORY = 1 << 30  # bytes of private memory, as the system counts them; resident stays far below
FIELDS_PER_STORE = 20_000
_LEAST_SHARE = 1 << 20  # bytes that any one collection may take of its store's


def _say(said: Said) -> None:
    sys.stdout.write(said.model_dump_json(exclude_defaults=True) + "\n")
    sys.stdout.flush()


class _Parent:
    """The parent as seen from here: grants connections, hands over jobs, or is gone."""

    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines
        self._granted = asyncio.Semaphore(0)
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()

    async def listen(self) -> None:
        while line := await self._lines.readline():
            if line == b"go\n":
                self._granted.release()
            else:
                self._jobs.put_nowait(Job.model_validate_json(line))
        os._exit(0)  # the parent is gone: nobody is left to read for

    async def admit(self, host: str) -> None:
        _say(Said(what="ask"))
        await self._granted.acquire()

    async def jobs(self) -> AsyncIterator[Job]:
        while True:
            yield await self._jobs.get()


class _Reading:
    """One store being read; collects what went wrong beside what was found."""

    def __init__(self, engine: Engine, job: Job, parent: _Parent) -> None:
        address = ip_address(job.address)
        self.engine, self.job = engine, job
        self.errors: list[ScanError] = []
        # Raw names, for signs of tampering; they stay here.
        self.seen: dict[str, Seen] = {}
        self.settings: list[Seen] = []
        self.complete = True
        scope = Scope(targets=(ip_network(address),))  # this one address and no other
        target = Target(address, job.port, job.host)
        self.connection = Connection(
            TcpDialer(scope, parent),
            target,
            engine.requests,
            job.limits,
            tls=job.tls,
            opt_in=job.opt_in,
        )

    async def run(self) -> None:
        try:
            async with self.connection:
                if isinstance(self.engine, TellsSettings):
                    await self._look_at_settings(self.engine)
                collections = await self.engine.collections(self.connection)
                self.seen |= {c.name: Seen(c.name, (), c.records) for c in collections}
                await self._read_all(collections)
        except Exception as error:  # every fault becomes a class and a code, whatever it was
            self._failed(Stage.SAMPLE, error)

    async def _look_at_settings(self, engine: TellsSettings) -> None:
        try:
            told = await engine.settings(self.connection)
        except LeftopenError:  # what it does not tell cannot be looked at
            await self.connection.reopen()
            return
        self.settings = [Seen(f"{name}={value}", setting=True) for name, value in told.items()]

    async def _read_all(self, collections: Sequence[Collection]) -> None:
        chosen = sorted(collections, key=lambda c: -(c.records or 0))
        chosen = chosen[: self.job.limits.collections]
        self.complete = len(chosen) == len(collections)
        room = FIELDS_PER_STORE
        for done, collection in enumerate(chosen, 1):
            profile = await self._read(collection, last=done == len(chosen))
            if len(profile.fields) > room:
                profile = replace(profile, fields=profile.fields[:room])
                self.complete = False
            room -= len(profile.fields)
            _say(Said(what="collection", collection=profile, done=done, total=len(chosen)))
            if self.connection.seconds_left == 0 or self.connection.bytes_left == 0:
                self.complete = self.complete and done == len(chosen)
                return

    async def _read(self, collection: Collection, *, last: bool) -> CollectionProfile:
        profiler = Profiler(collection.name)
        # One collection of heavy records must not leave nothing for all the others.
        share = self.connection.bytes_left // (1 if last else 4)
        limits = replace(self.job.limits, bytes=max(_LEAST_SHARE, share))
        try:
            async for batch in self.engine.sample(self.connection, collection, limits):
                profiler.update(batch)
        except Exception as error:
            self._failed(Stage.SAMPLE, error)
            if isinstance(error, PeerClosed):
                with contextlib.suppress(NetError):
                    await self.connection.reopen()
        table = profiler.finish()
        self.seen[collection.name] = Seen(collection.name, tuple(table.fields), collection.records)
        return CollectionProfile(
            name=stand_in(collection.name),
            records=collection.records,
            bytes=collection.bytes,
            sampled=table.rows,
            fields=_generalised(table.fields.values()),
        )

    def _failed(self, stage: Stage, error: Exception) -> None:
        self.complete = False
        known = isinstance(error, LeftopenError)
        code = error.code if isinstance(error, LeftopenError) else "fault"
        class_ = type(error).__name__ if known or type(error).__module__ == "builtins" else "Error"
        failure = ScanError(self.job.address, self.job.port, stage, class_, code)
        if failure not in self.errors:
            self.errors.append(failure)


def _generalised(fields: Iterable[FieldProfile]) -> tuple[FieldProfile, ...]:
    """The fields under paths that hold no person's data; paths that become alike count once."""
    kept: dict[str, FieldProfile] = {}
    for field in fields:
        path = stand_in(field.path)
        known = kept.get(path)
        if known is None or field.confidence > known.confidence:
            kept[path] = replace(field, path=path)
    return tuple(kept.values())


async def _main() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    parent = _Parent(reader)
    listening = asyncio.create_task(parent.listen())
    engines = all_engines()
    async for job in parent.jobs():
        reading = _Reading(engines[job.engine], job, parent)
        await reading.run()
        _say(
            Said(
                what="end",
                complete=reading.complete,
                requests=tuple(reading.connection.requests),
                bytes_read=reading.connection.bytes_read,
                errors=tuple(reading.errors),
                tampering=indicators(job.engine, [*reading.settings, *reading.seen.values()]),
            )
        )
    await listening


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    asyncio.run(_main())


if __name__ == "__main__":
    main()
