"""Limits on what a scan may cost others, charged where the network is touched."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from leftopen.errors import UsageError

_FORGET_ABOVE = 65_536  # hosts remembered before idle ones are dropped


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What one store may cost: bytes read in all, seconds in all, bytes of one reply, and how
    long to wait for a peer that says nothing. Rows and collections bound the sample."""

    bytes: int = 64 << 20
    seconds: float = 60.0
    reply_bytes: int = 8 << 20
    silence: float = 3.0
    rows: int = 200  # of one collection (privacy rule R3)
    collections: int = 500


class Budget:
    """Connections a second, in all and per host; None switches a limit off.

    Two steps, in this order: `host_slot(host)` books the host's next free moment, and once that has
    come `slot()` books the next moment free in all. Each returns the seconds to wait. Were both
    booked at once, a host that must wait would hold up all others. Moments lie on an absolute
    schedule (GCRA without burst): while bookings are made ahead of their moments, a caller that
    wakes late does not make the rate drift. In any second at most rate + 1 moments are given out.
    Thread-safe. Raises UsageError for a rate that is not above 0.
    """

    def __init__(
        self,
        per_second: float | None = 1_000.0,
        per_host: float | None = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for rate in (per_second, per_host):
            if rate is not None and not rate > 0:
                raise UsageError(f"a rate of {rate} connections a second never connects; name more")
        self.per_second, self.per_host = per_second, per_host
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0
        self._hosts: dict[str, float] = {}
        self._forget_above = _FORGET_ABOVE

    def host_slot(self, host: str) -> float:
        """Book the next connection to `host`; returns the seconds until it may be made."""
        if self.per_host is None:
            return 0.0
        with self._lock:
            now = self._clock()
            at = max(now, self._hosts.get(host, 0.0))
            self._hosts[host] = at + 1.0 / self.per_host
            if len(self._hosts) > self._forget_above:
                self._hosts = {h: t for h, t in self._hosts.items() if t > now}
                # Where all are busy nothing was dropped: look again only once twice as many are.
                self._forget_above = max(_FORGET_ABOVE, 2 * len(self._hosts))
            return at - now

    def slot(self) -> float:
        """Book the next connection of all; returns the seconds until it may be made."""
        if self.per_second is None:
            return 0.0
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + 1.0 / self.per_second
            return at - now

    async def admit(self, host: str) -> None:
        """Wait until a connection to `host` may be made."""
        await asyncio.sleep(self.host_slot(host))
        await asyncio.sleep(self.slot())
