"""One open store being read, from its collections to aggregates; in the sampling process only."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar

import pyarrow as pa

from leftopen.classifier import Profiler, stand_in
from leftopen.config import Measuring
from leftopen.engine import Collection, Engine, TellsSettings
from leftopen.errors import LeftopenError, NetError, PeerClosed, ServerRefused
from leftopen.knowledge import KnowsFields, Since, StreamsFields, TellsSince
from leftopen.looks import Looks, count_arrivals
from leftopen.measure import composition, disclosure, people, place, times
from leftopen.measure.composition import Composing
from leftopen.measure.people import Counted, Counting, Together
from leftopen.measure.place import Placing
from leftopen.measure.sketch import Sketcher
from leftopen.measure.times import Timing
from leftopen.messages import Job, Said
from leftopen.model import CollectionProfile, FieldProfile, People, ScanError, Stage, Target
from leftopen.net.connection import Connection
from leftopen.net.dial import Admission, TcpDialer
from leftopen.scope import Scope
from leftopen.tampering import Seen, indicators

FIELDS_PER_STORE = 20_000
_LEAST_SHARE = 1 << 20  # bytes that any one collection may take of its store's
_T = TypeVar("_T")


class Reading:
    """One store being read; collects what went wrong beside what was found."""

    def __init__(
        self,
        engine: Engine,
        job: Job,
        admission: Admission,
        sketcher: Sketcher,
        say: Callable[[Said], None],
    ) -> None:
        address = ip_address(job.address)
        # In the order of the collections; None where one could not be measured.
        self._counted: list[Counted | None] = []
        self._engine, self._job, self._say, self._sketcher = engine, job, say, sketcher
        self._measuring: Measuring = job.measuring
        self._errors: list[ScanError] = []
        # Raw names, for signs of tampering; they stay here.
        self._seen: dict[str, Seen] = {}
        self._settings: list[Seen] = []
        self._complete = True
        self._since: Since | None = None
        self._timed: dict[str, Timing] = {}
        self._placed: list[Placing] = []
        self._composing: list[Composing] = []
        scope = Scope(targets=(ip_network(address),))  # this one address and no other
        target = Target(address, job.port, job.host)
        self._connection = Connection(
            TcpDialer(scope, admission),
            target,
            engine.requests,
            job.limits,
            tls=job.tls,
            opt_in=job.opt_in,
        )

    async def run(self) -> None:
        """Reads the store and says what was found, to its end."""
        try:
            async with self._connection:
                await self._read_store()
        except Exception as error:  # every fault becomes a class and a code, whatever it was
            self._failed(Stage.SAMPLE, error)
        try:
            measured = self._measured()
        except Exception as error:  # what was read stands without its measures
            self._failed(Stage.MEASURE, error)
            measured = {}
        self._say(self._end(measured))

    @property
    def counted(self) -> list[Counted]:
        """What the people of other stores may be compared with."""
        return [one for one in self._counted if one is not None]

    async def _read_store(self) -> None:
        engine = self._engine
        if isinstance(engine, TellsSettings):
            told = await self._if_told(engine.settings(self._connection)) or {}
            self._settings = [Seen(f"{name}={value}", setting=True) for name, value in told.items()]
        if isinstance(engine, TellsSince):
            self._since = await self._if_told(engine.since(self._connection))
        collections = await engine.collections(self._connection)
        self._seen |= {c.name: Seen(c.name, (), c.records) for c in collections}
        chosen = sorted(collections, key=lambda c: -(c.records or 0))
        chosen = chosen[: self._job.limits.collections]
        self._complete = self._complete and len(chosen) == len(collections)
        looks = Looks(engine, self._connection, chosen)
        await self._if_told(looks.first())
        await self._read_all(chosen)
        patience = self._measuring.look_seconds
        wait = patience if any(timing.fresh for timing in self._timed.values()) else 0.0
        for name, growth in (await self._if_told(looks.second(wait)) or {}).items():
            if name in self._timed:
                self._timed[name].grew(growth)

    async def _if_told(self, asked: Awaitable[_T]) -> _T | None:
        """An answer that the profile can do without; None where there is none."""
        try:
            return await asked
        except ServerRefused:
            return None
        except LeftopenError:  # of a reply that was not understood there may be more to come
            with contextlib.suppress(NetError):
                await self._connection.reopen()
        except Exception as error:  # a fault of ours costs this answer and nothing else
            self._failed(Stage.MEASURE, error)
        return None

    async def _read_all(self, chosen: Sequence[Collection]) -> None:
        room = FIELDS_PER_STORE
        for done, collection in enumerate(chosen, 1):
            profile = await self._read(collection, last=done == len(chosen))
            if len(profile.fields) > room:
                profile = replace(profile, fields=profile.fields[:room])
                self._complete = False
            room -= len(profile.fields)
            self._say(Said(what="collection", collection=profile, done=done, total=len(chosen)))
            if self._connection.seconds_left == 0 or self._connection.bytes_left == 0:
                self._complete = self._complete and done == len(chosen)
                return

    async def _read(self, collection: Collection, *, last: bool) -> CollectionProfile:
        profiler = Profiler(collection.name)
        batches: list[pa.RecordBatch] = []
        # One collection of heavy records must not leave nothing for all the others.
        share = self._connection.bytes_left // (1 if last else 4)
        limits = replace(self._job.limits, bytes=max(_LEAST_SHARE, share))
        try:
            async for batch in self._engine.sample(self._connection, collection, limits):
                profiler.update(batch)
                batches.append(batch)
        except Exception as error:
            await self._broken_off(error)
        table = profiler.finish()
        self._seen[collection.name] = Seen(collection.name, tuple(table.fields), collection.records)
        try:
            self._counted.append(await self._measure(collection, table.fields, batches))
        except Exception as error:  # what the collection holds is told all the same
            self._counted.append(None)
            self._failed(Stage.MEASURE, error)
        profile = CollectionProfile(
            name=stand_in(collection.name),
            records=collection.records,
            bytes=collection.bytes,
            sampled=table.rows,
            fields=_generalised(table.fields.values()),
        )
        return disclosure.collection(profile, self._measuring.threshold)

    async def _measure(
        self,
        collection: Collection,
        fields: Mapping[str, FieldProfile],
        batches: Sequence[pa.RecordBatch],
    ) -> Counted:
        """People, time, place and composition of one collection, as far as they can be had."""
        now = datetime.now(UTC).replace(tzinfo=None)
        counting = Counting(collection.name, collection.records, fields, self._sketcher)
        timing = Timing(collection.name, collection.records, fields, batches, now)
        for batch in batches:
            counting.sample(batch)
        paths = tuple(dict.fromkeys((*counting.paths, *timing.paths)))
        if paths and isinstance(self._engine, KnowsFields):
            known = await self._if_told(self._engine.known(self._connection, collection, paths))
            counting.know(known or {})
            timing.know(known or {})
        await self._if_told(count_arrivals(self._engine, self._connection, collection, timing))
        if self._measuring.deep:
            await self._stream(collection, counting)
        self._timed[collection.name] = timing
        name, records, resolution = collection.name, collection.records, self._measuring.resolution
        self._placed.append(Placing(name, records, fields, batches, resolution))
        if self._measuring.epsilon is not None:
            self._composing.append(Composing(collection.name, fields, batches))
        return counting.finish()

    async def _stream(self, collection: Collection, counting: Counting) -> None:
        """Has every record's key fields pass through the sketches, within the store's budget."""
        paths = counting.to_stream()
        if not paths or not isinstance(self._engine, StreamsFields):
            return
        connection, limits = self._connection, self._job.limits
        before = connection.bytes_read
        try:
            async for batch in self._engine.stream(connection, collection, paths, limits):
                counting.stream(batch)
        except Exception as error:
            await self._broken_off(error)
            counting.streamed(whole=False)
        else:  # a stream that a limit ended ends in good order, too
            spent = connection.bytes_read - before >= limits.bytes
            left = connection.seconds_left and connection.bytes_left
            counting.streamed(whole=bool(left) and not spent)

    async def _broken_off(self, error: Exception) -> None:
        self._failed(Stage.SAMPLE, error)
        if isinstance(error, PeerClosed):
            with contextlib.suppress(NetError):
                await self._connection.reopen()

    def _measured(self) -> dict[str, Any]:
        """What the store as a whole comes to, as it may leave this process: members of `Said`."""
        threshold, counted = self._measuring.threshold, self.counted
        whole, parts = disclosure.beside(
            self._shown(people.of_store(counted, threshold)),
            [self._shown(people.alone(one)) for one in counted],
            threshold,
        )
        hidden = {
            stand_in(one.name)
            for one, part in zip(counted, parts, strict=True)
            if part is None or part.few
        }
        mirrors = tuple(m for m in whole.mirrors if not hidden & {m.collection, m.of})
        told = iter(parts)
        return {
            "people": replace(whole, mirrors=mirrors),
            "people_of": tuple(None if one is None else next(told) for one in self._counted),
            "time": times.of_store(tuple(self._timed.values()), self._since, threshold),
            "place": place.of_store(
                self._placed, {one.name: one.people for one in counted}, threshold
            ),
            "composition": composition.of_store(
                self._composing, epsilon=self._measuring.epsilon or 0.0, threshold=threshold
            ),
        }

    def _end(self, measured: Mapping[str, Any]) -> Said:
        return Said(
            what="end",
            complete=self._complete,
            requests=tuple(self._connection.requests),
            bytes_read=self._connection.bytes_read,
            errors=tuple(self._errors),
            tampering=indicators(self._job.engine, [*self._settings, *self._seen.values()]),
            **measured,
        )

    def _shown(self, together: Together) -> People:
        """A count as it may be shown; what going deep would cost only where that can be done."""
        deeper = isinstance(self._engine, StreamsFields) and not self._measuring.deep
        together = together if deeper else replace(together, deep=None)
        return disclosure.people(together, self._measuring.threshold)

    def _failed(self, stage: Stage, error: Exception) -> None:
        self._complete = False
        known = isinstance(error, LeftopenError)
        code = error.code if isinstance(error, LeftopenError) else "fault"
        class_ = type(error).__name__ if known or type(error).__module__ == "builtins" else "Error"
        failure = ScanError(self._job.address, self._job.port, stage, class_, code)
        if failure not in self._errors:
            self._errors.append(failure)


def _generalised(fields: Iterable[FieldProfile]) -> tuple[FieldProfile, ...]:
    """The fields under paths that hold no person's data; paths that become alike count once."""
    kept: dict[str, FieldProfile] = {}
    for field in fields:
        path = stand_in(field.path)
        known = kept.get(path)
        if known is None or field.confidence > known.confidence:
            kept[path] = replace(field, path=path)
    return tuple(kept.values())
