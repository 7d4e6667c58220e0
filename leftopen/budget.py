"""Limits on what a scan may cost others, charged where the network is touched."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_FORGET_ABOVE = 65_536  # hosts remembered before idle ones are dropped


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What one store may cost: bytes read in all, seconds in all, bytes of one reply, and how
    long to wait for a peer that says nothing. Rows and collections bound the sample."""

    bytes: int = 64 << 20
    seconds: float = 60.0
    reply_bytes: int = 8 << 20
    silence: float = 3.0
    rows: int = 2_000
    collections: int = 500


class Budget:
    """Connections a second, in all and per host; None switches a limit off.

    Two steps, in this order: `host_slot(host)` books the host's next free moment, and once that has
    come `slot()` books the next moment free in all. Each returns the seconds to wait. Were both
    booked at once, a host that must wait would hold up all others. Moments lie on an absolute
    schedule (GCRA without burst), so a caller that wakes late does not make the rate drift.
    Thread-safe.
    """

    def __init__(
        self,
        per_second: float | None = 1_000.0,
        per_host: float | None = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.per_second, self.per_host = per_second, per_host
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0
        self._hosts: dict[str, float] = {}

    def host_slot(self, host: str) -> float:
        """Book the next connection to `host`; returns the seconds until it may be made."""
        if self.per_host is None:
            return 0.0
        with self._lock:
            now = self._clock()
            at = max(now, self._hosts.get(host, 0.0))
            self._hosts[host] = at + 1.0 / self.per_host
            if len(self._hosts) > _FORGET_ABOVE:
                self._hosts = {h: t for h, t in self._hosts.items() if t > now}
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
