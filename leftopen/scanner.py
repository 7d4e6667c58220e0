"""The pipeline: scope → discover → probe → sample → classify → measure → assess, as events.

Sweep, verdicts and profiles run side by side: a store that is found early is read while the sweep
goes on. Nothing is printed or recorded here; whoever takes the events does that.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from leftopen import decoys
from leftopen.assess import assess
from leftopen.config import Settings
from leftopen.decoys import Decoys
from leftopen.discover import Plan, plan
from leftopen.engines import choose
from leftopen.measure import disclosure
from leftopen.model import Exposure, People, Profile, Service, Target, Verdict, exposure_id
from leftopen.net.dial import TcpDialer
from leftopen.net.resolve import resolve
from leftopen.net.sweep import Sweep
from leftopen.prober import judge
from leftopen.progress import (
    CollectionRead,
    Event,
    ExposureRated,
    Failed,
    Finished,
    PeopleCounted,
    ProfileStarted,
    ServiceJudged,
    SweepProgress,
    TargetFound,
)
from leftopen.sampler import Sampler
from leftopen.scope import Scope


@dataclass(frozen=True)
class Beginning:
    """Where a scan begins: at zero, or where an earlier one stopped."""

    cursor: int = 0
    to_judge: tuple[Target, ...] = ()
    to_profile: tuple[Service, ...] = ()
    judged: frozenset[Target] = field(default_factory=frozenset)
    people: Mapping[str, People] = field(default_factory=dict)  # of stores that were read, by id


class History(Protocol):
    """What earlier runs have shown of a store, by the exposure's id, so that this one does not tell
    more beside them than it may alone (privacy rules R7, R19)."""

    def earlier(self, exposure: str) -> Profile | None:
        """The profile that the latest run before this one shows, or None."""
        ...

    def epsilon_left(self, exposure: str) -> float:
        """What releases of its composition may still cost."""
        ...


class NoHistory:
    """Nothing was shown before."""

    def earlier(self, exposure: str) -> Profile | None:
        return None

    def epsilon_left(self, exposure: str) -> float:
        return math.inf


def default_ports(engines: Sequence[str] | None = None) -> tuple[int, ...]:
    """The ports on which the engines' datastores usually listen."""
    chosen = choose(list(engines) if engines else None).values()
    return tuple(sorted({port for engine in chosen for port in engine.ports}))


async def scan(
    scope: Scope,
    what: Plan | None = None,
    *,
    settings: Settings | None = None,
    engines: Sequence[str] | None = None,
    seed: int = 0,
    beginning: Beginning | None = None,
    history: History | None = None,
) -> AsyncGenerator[Event, None]:
    """Scan what the plan names (by default: the whole scope) and yield what happens.

    The last event is `Finished`. `history` tells what earlier runs have shown. Closing the iterator
    early stops the scan at once. Raises UsageError before anything is sent where the plan does not
    fit the scope.
    """
    what = what or plan(scope, [], default_ports(engines), resolve)
    beginning, history = beginning or Beginning(), history or NoHistory()
    work = _Scan(scope, what, settings or Settings(), engines, seed, beginning, history)
    task = asyncio.create_task(work.run())
    try:
        while (event := await work.events.get()) is not None:
            yield event
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Scan:
    """One scan's queues and the workers between them."""

    def __init__(
        self,
        scope: Scope,
        what: Plan,
        settings: Settings,
        engines: Sequence[str] | None,
        seed: int,
        beginning: Beginning,
        history: History,
    ) -> None:
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._scope, self._plan, self._settings = scope, what, settings
        self._engines = choose(list(engines) if engines else None)
        self._seed, self._beginning, self._history = seed, beginning, history
        self._people: dict[str, People] = dict(beginning.people)
        self._known = self._beginning.judged | set(self._beginning.to_judge)
        self._budget = settings.budget()
        self._dialer = TcpDialer(scope, self._budget)
        self._decoys = Decoys(TcpDialer(scope, self._budget, decoys.PATIENCE))
        self._found: asyncio.Queue[Target | None] = asyncio.Queue()
        self._open: asyncio.Queue[Service | None] = asyncio.Queue()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._profile_all())
                judges = [
                    group.create_task(self._judge_all()) for _ in range(self._settings.probes)
                ]
                await self._discover()
                for _ in judges:
                    self._found.put_nowait(None)
                await asyncio.gather(*judges)
                self._open.put_nowait(None)
            self.events.put_nowait(Finished(complete=True))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None  # the first is the cause; the rest were cancelled
        finally:
            self.events.put_nowait(None)

    async def _discover(self) -> None:
        for service in self._beginning.to_profile:
            self._open.put_nowait(service)
        for target in self._beginning.to_judge:
            self._found.put_nowait(target)
        for target in self._plan.named:
            self._take(target)
        loop = asyncio.get_running_loop()
        sweep = Sweep(
            self._scope,
            self._budget,
            self._plan,
            timeout=self._settings.timeout,
            seed=self._seed,
            start=self._beginning.cursor,
        )
        stop = threading.Event()
        named = len(self._plan.named)
        before = self._beginning.cursor + named

        def on_open(target: Target) -> None:
            loop.call_soon_threadsafe(self._take, target)

        def on_progress(done: int, answering: int, cursor: int) -> None:
            total = self._plan.count + named
            progress = SweepProgress(before + done, total, answering, cursor)
            loop.call_soon_threadsafe(self.events.put_nowait, progress)

        try:
            await asyncio.to_thread(sweep.run, on_open, on_progress, stop)
        finally:
            stop.set()

    def _take(self, target: Target) -> None:
        """A target to judge, unless that was done or begun before this scan was resumed."""
        if target in self._known:
            return
        self.events.put_nowait(TargetFound(target))
        self._found.put_nowait(target)

    async def _judge_all(self) -> None:
        while (target := await self._found.get()) is not None:
            judgement = await judge(
                self._dialer,
                target,
                self._engines,
                opt_in=self._scope.opt_in(target),
                decoys=self._decoys,
            )
            for error in judgement.errors:
                self.events.put_nowait(Failed(error))
            self.events.put_nowait(ServiceJudged(judgement.service))
            if judgement.service.exposed:
                self._open.put_nowait(judgement.service)

    async def _profile_all(self) -> None:
        settings = self._settings
        async with Sampler(
            self._scope, self._budget, settings.limits, settings.measuring
        ) as sampler:
            while (service := await self._open.get()) is not None:
                self.events.put_nowait(ProfileStarted(service))
                self._rate(service, await self._profile(sampler, service))
            if people := await self._together(sampler):
                self.events.put_nowait(PeopleCounted(people))

    async def _together(self, sampler: Sampler) -> People | None:
        """How many people are in all stores, where there are several of them."""
        if len(self._people) < 2:
            return next(iter(self._people.values()), None)
        stores, together = await sampler.together() or ((), None)
        others = [people for store, people in self._people.items() if store not in stores]
        threshold = self._settings.measuring.threshold
        return disclosure.added([*([together] if together else []), *others], threshold)

    async def _profile(self, sampler: Sampler, service: Service) -> Profile:
        if service.verdict is Verdict.OPEN_PARTIAL:
            return Profile((), True, (), 0)  # it lists or answers, but cannot be read

        def on_collection(done: int, total: int) -> None:
            self.events.put_nowait(CollectionRead(service.target, done, total))

        return await sampler.profile(service, on_collection, epsilon=self._epsilon(service))

    def _epsilon(self, service: Service) -> float | None:
        """What a release of the store's composition may cost now; None: none is made."""
        wanted = self._settings.measuring.epsilon
        if wanted is None or self._history.epsilon_left(_id(service)) < wanted:
            return None
        return wanted

    def _rate(self, service: Service, profile: Profile) -> None:
        for error in profile.errors:
            self.events.put_nowait(Failed(error))
        earlier = self._history.earlier(_id(service))
        if earlier is not None:
            profile = disclosure.settled(earlier, profile, self._settings.measuring.threshold)
        if profile.people is not None:
            self._people[_id(service)] = profile.people
        service = replace(
            service,
            requests=tuple(dict.fromkeys((*service.requests, *profile.requests))),
            bytes_read=service.bytes_read + profile.bytes_read,
        )
        rated = Exposure(service, profile, assess(service, profile))
        self.events.put_nowait(ExposureRated(rated))


def _id(service: Service) -> str:
    return exposure_id(service.engine, service.address, service.port)
