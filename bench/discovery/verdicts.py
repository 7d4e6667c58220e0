"""leftopen's verdict phase, timed: a scan as it is, but that nothing found open is read."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from leftopen.config import Settings
from leftopen.decoys import Decoys
from leftopen.discover import Part, Plan
from leftopen.model import Service, Target
from leftopen.net.connection import Dialer, Stream
from leftopen.progress import ServiceJudged
from leftopen.scanner import Beginning, NoHistory, _Scan
from leftopen.scope import Scope

POLITE = Settings()
UNTHROTTLED = Settings(rate=None, host_rate=None)


@dataclass(frozen=True)
class Judged:
    """One run: seconds from the first connection to the last verdict, what was judged, and how
    many connections each address took in all, the sweep's included."""

    seconds: float
    services: tuple[Service, ...]
    connections: dict[str, int]

    @property
    def most_bytes(self) -> int:
        return max((s.bytes_read for s in self.services), default=0)

    @property
    def most_connections(self) -> int:
        return max(self.connections.values(), default=0)


class _Counting:
    """A dialer that notes how often it is asked for each address."""

    def __init__(self, dialer: Dialer, counts: Counter[str]) -> None:
        self._dialer, self._counts = dialer, counts

    async def dial(self, target: Target) -> Stream:
        self._counts[str(target.address)] += 1
        return await self._dialer.dial(target)


class _Verdicts(_Scan):
    """The scan's own sweep, queue and judges; its last stage takes the open stores and drops them.

    So that what is measured is the program and not a copy of it.
    """

    def __init__(self, plan: Plan, settings: Settings, seed: int) -> None:
        super().__init__(Scope.loopback(), plan, settings, None, seed, Beginning(), NoHistory())
        self.counts: Counter[str] = Counter()
        ask: Dialer = self._decoys.dialer
        self._decoys = Decoys(_Counting(ask, self.counts))
        self._asking: Dialer = _Counting(self._dialer, self.counts)
        self._dialer = self._asking  # type: ignore[assignment]  # the same one method

    async def _profile_all(self) -> None:
        while await self._open.get() is not None:
            pass


async def _run(plan: Plan, settings: Settings, seed: int) -> Judged:
    work = _Verdicts(plan, settings, seed)
    begun = time.perf_counter()
    await work.run()
    taken = time.perf_counter() - begun
    services = []
    while (event := work.events.get_nowait()) is not None:
        if isinstance(event, ServiceJudged):
            services.append(event.service)
    for part in plan.parts:
        work.counts[str(part.network.network_address)] += len(part.ports)
    return Judged(taken, tuple(services), dict(work.counts))


def verdicts(
    addresses: Sequence[str], ports: Sequence[int], settings: Settings, seed: int = 0
) -> Judged:
    """Sweep every address at every port and judge whatever accepts a connection."""
    chosen = tuple(sorted(set(ports)))
    parts = tuple(Part(ip_network(address), chosen) for address in addresses)
    return asyncio.run(_run(Plan(parts), settings, seed))
