"""Taking turns: which pair of a sweep may be connected to when, by the budget."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from leftopen.budget import Budget

_HORIZON = 0.02  # seconds booked ahead, so that waking late does not lower the rate
_WAITING = 8_192  # pairs that may wait for their host's turn


class Item(NamedTuple):
    """One pair on its way: its position in the order, and whereto."""

    position: int
    host: str
    family: int
    port: int
    tries: int = 0


class Turns:
    """Hands out what `pull` gives when the budget allows it. One thread only.

    A host has one turn booked at most, and the next is booked when that one is used: so others who
    share the budget get their turns between, and a host that must wait holds up none. `pull`
    returns None where it has nothing at the moment.
    """

    def __init__(self, budget: Budget, pull: Callable[[], Item | None]) -> None:
        self._budget, self._pull = budget, pull
        self._lapse = 0.0 if budget.per_host is None else 1.0 / budget.per_host
        self._booked: deque[tuple[float, Item]] = deque()
        self._turns: list[tuple[float, str]] = []  # heap: when a host's next turn comes
        self._queues: dict[str, deque[Item]] = {}  # what waits for that turn
        self._waiting = 0

    def __len__(self) -> int:
        return len(self._booked) + self._waiting

    def items(self) -> Iterator[Item]:
        """Everything that was pulled and not handed out."""
        yield from (item for _, item in self._booked)
        for queue in self._queues.values():
            yield from queue

    def due(self, room: int) -> Iterator[Item]:
        """Those that may go now; no more than `room` are taken on."""
        until = time.monotonic() + _HORIZON
        while len(self._booked) < room and (not self._booked or self._booked[-1][0] < until):
            item = self._next()
            if item is None:
                break
            wait = self._budget.slot()
            self._booked.append((time.monotonic() + wait, item))
        while self._booked and self._booked[0][0] <= time.monotonic():
            yield self._booked.popleft()[1]

    def moment(self, room: int) -> float | None:
        """When something may next be due, by time.monotonic; None if nothing waits."""
        moments = [self._booked[0][0]] if self._booked else []
        if self._turns and len(self._booked) < room:
            moments.append(self._turns[0][0])
        return min(moments, default=None)

    def _next(self) -> Item | None:
        """The next pair whose host may be connected to now."""
        while self._turns and self._turns[0][0] <= (now := time.monotonic()):
            moment, host = heapq.heappop(self._turns)
            if now - moment >= self._lapse:  # nobody used it: it has lapsed, and is booked anew
                wait = self._budget.host_slot(host)
                if wait > 0:
                    heapq.heappush(self._turns, (now + wait, host))
                    continue
            queue = self._queues[host]
            item = queue.popleft()
            self._waiting -= 1
            if queue:
                heapq.heappush(self._turns, (now + self._budget.host_slot(host), host))
            else:
                del self._queues[host]
            return item
        while self._waiting < _WAITING:
            pulled = self._pull()
            if pulled is None or self._budget.per_host is None:
                return pulled
            queued = self._queues.get(pulled.host)
            if queued is None:
                wait = self._budget.host_slot(pulled.host)
                if wait <= 0:
                    return pulled
                heapq.heappush(self._turns, (time.monotonic() + wait, pulled.host))
                queued = self._queues[pulled.host] = deque()
            queued.append(pulled)
            self._waiting += 1
        return None
