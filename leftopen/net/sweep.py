"""The connect sweep: which of very many address and port pairs take a TCP connection.

Synchronous, for a thread of its own. A connection is opened, looked at and closed; no byte is sent.
It is closed in the ordinary way (FIN): a reset would show up as an error in the logs of servers
that are none of our business. What FIN costs is one TIME_WAIT entry here per port found open.
Pairs that say nothing are not tried again: the kernel itself repeats its SYN after one second
(RFC 6298), so the default time of 1.5 s already outlasts one lost packet.
"""

from __future__ import annotations

import errno
import select
import selectors
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from leftopen.budget import Budget
from leftopen.errors import NetError, UsageError
from leftopen.model import Target
from leftopen.net.order import Order
from leftopen.net.turns import Item, Turns
from leftopen.scope import Scope, normal

IN_FLIGHT = 2_000  # sockets at once; at 1.5 s each, 1,300 silent pairs a second
_TICK = 0.1  # seconds until `stop` is looked at again
_PROGRESS = 0.2  # seconds between two calls of on_progress
_KNOWN = 65_536  # addresses whose permission is remembered
_SKIPS = 4_096  # pairs outside the scope that are passed over in one go
_AGAIN = 0.05  # seconds until a pair is tried again for which this machine was short of means
_TRIES = 3
_SHORTAGE = 2.0  # seconds without a single socket after which the sweep gives up

_CONNECTED = {errno.ECONNRESET, errno.EPIPE}  # it was open, and ended before we looked
_NO_SOCKET = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_NO_PORT = {errno.EADDRNOTAVAIL, errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM}


class Outcome(StrEnum):
    """What became of one connection."""

    OPEN = "open"  # it was taken
    REFUSED = "refused"  # the host said that nobody listens
    SILENT = "silent"  # nothing came in time, or the network has no way there


class Pairs(Protocol):
    """Address and port pairs by index, without holding them all; `discover.Plan` is one.

    `ports` is the largest number of successive indexes that share an address.
    """

    @property
    def count(self) -> int: ...
    @property
    def ports(self) -> int: ...
    def locate(self, index: int) -> tuple[int, int, int]:
        """IP version, address as a number, port."""
        ...

    def pair(self, index: int) -> Target: ...


class Socket(Protocol):
    """What the sweep needs of a non-blocking socket."""

    def fileno(self) -> int: ...
    def connect_ex(self, address: tuple[str, int], /) -> int: ...
    def getsockopt(self, level: int, option: int, /) -> int: ...
    def getsockname(self) -> tuple[str, int]: ...
    def getpeername(self) -> tuple[str, int]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Counts of this run. `outside` pairs were not in the scope: nothing was sent to them.

    `stopped` says that pairs are left; a Sweep with `start=cursor` and the same pairs and seed goes
    on. Every pair before the cursor is done. A few after it may be too (at most those that were
    in flight or waiting), and are then tried twice.
    """

    done: int
    open: int
    refused: int
    silent: int
    outside: int
    stopped: bool
    cursor: int


class _Poller(Protocol):
    def register(self, fd: int, mask: int, /) -> None: ...
    def unregister(self, fd: int, /) -> None: ...
    def poll(self, timeout: float, /) -> list[tuple[int, int]]: ...
    def close(self) -> None: ...


class _AnySystem:
    """The same three calls as epoll over whatever else the system offers."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def register(self, fd: int, mask: int, /) -> None:
        self._selector.register(fd, selectors.EVENT_WRITE)

    def unregister(self, fd: int, /) -> None:
        self._selector.unregister(fd)

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        return [(key.fd, events) for key, events in self._selector.select(timeout)]

    def close(self) -> None:
        self._selector.close()


def open_socket(family: int) -> Socket:
    """A non-blocking TCP socket."""
    if sys.platform == "linux":  # one system call instead of two
        return socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setblocking(False)
    return opened


def _most_sockets(wanted: int) -> int:
    """As many as wanted, but never more than three in four of the files the process may open."""
    if sys.platform == "win32":
        return min(wanted, 512)
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft * 3 // 4))


class Sweep:
    """One sweep over `pairs` in the seeded order of `Order`; it runs once.

    Every address is asked of the scope before a socket is made for it, every connection is charged
    to the budget. `timeout` is in seconds, `in_flight` in sockets; `start` is an earlier cursor.
    `epoll=False` uses the portable way to wait even where epoll is. Raises UsageError for a start
    outside the pairs.
    """

    def __init__(
        self,
        scope: Scope,
        budget: Budget,
        pairs: Pairs,
        *,
        timeout: float = 1.5,
        in_flight: int = IN_FLIGHT,
        seed: int = 0,
        start: int = 0,
        open_socket: Callable[[int], Socket] = open_socket,
        epoll: bool = hasattr(select, "epoll"),
    ) -> None:
        if not 0 <= start <= pairs.count:
            raise UsageError(f"the sweep cannot start at {start}: there are {pairs.count} pairs")
        self._scope, self._budget, self._pairs = scope, budget, pairs
        self._timeout = timeout
        self._most = self._cap = _most_sockets(max(1, in_flight))
        self._open_socket, self._epoll = open_socket, epoll
        self._limited = budget.per_second is not None or budget.per_host is not None
        self._order = Order(pairs.count, pairs.ports, seed)
        self._count, self._position = pairs.count, start
        self._known: dict[tuple[int, int], tuple[str, int] | None] = {}
        self._flying: dict[int, tuple[float, Socket, int]] = {}  # fd → deadline, socket, position
        self._again: deque[tuple[float, Item]] = deque()
        self._turns = Turns(budget, self._next_pair)
        self._short = 0.0  # since when there have been no sockets
        self._open = self._refused = self._silent = self._outside = 0
        self._on_open: Callable[[Target], None]
        self._poller: _Poller

    @property
    def cursor(self) -> int:
        """The first position that is not done. For callbacks; other threads must not ask."""
        positions = [position for _, _, position in self._flying.values()]
        positions += [item.position for _, item in self._again]
        positions += [item.position for item in self._turns.items()]
        return min(positions, default=self._position)

    @property
    def done(self) -> int:
        """How many pairs this run has finished with."""
        return self._open + self._refused + self._silent + self._outside

    def run(
        self,
        on_open: Callable[[Target], None],
        on_progress: Callable[[int, int, int], None],
        stop: threading.Event,
    ) -> SweepResult:
        """Sweep until all is done or `stop` is set (then within a tenth of a second).

        Both callbacks come from the calling thread; `on_progress(done, open, cursor)` about five
        times a second and at the end. Raises NetError where the machine has no sockets to give.
        """
        self._on_open = on_open
        self._poller = select.epoll() if self._epoll else _AnySystem()
        told = time.monotonic()
        try:
            while not stop.is_set() and (self._position < self._count or self._busy):
                self._launch()
                for fd, _ in self._poller.poll(self._patience()):
                    self._look(fd)
                now = time.monotonic()
                self._expire(now)
                if now - told >= _PROGRESS:
                    told = now
                    on_progress(self.done, self._open, self.cursor)
        finally:
            for _, opened, _ in self._flying.values():
                opened.close()
            self._poller.close()
        cursor = self.cursor
        on_progress(self.done, self._open, cursor)
        return SweepResult(
            done=self.done,
            open=self._open,
            refused=self._refused,
            silent=self._silent,
            outside=self._outside,
            stopped=cursor < self._count,
            cursor=cursor,
        )

    @property
    def _busy(self) -> bool:
        return bool(self._flying or self._again or self._turns)

    def _room(self) -> int:
        return self._cap - len(self._flying) - len(self._again)

    def _launch(self) -> None:
        """Make every connection whose moment has come and that there is room for."""
        now = time.monotonic()
        while self._again and self._again[0][0] <= now:
            self._connect(self._again.popleft()[1])
        if not self._limited:
            for _ in range(self._room()):
                item = self._next_pair()
                if item is None:
                    return
                self._connect(item)
            return
        for item in self._turns.due(self._room()):
            self._connect(item)

    def _next_pair(self) -> Item | None:
        """The next pair of the order that the scope permits; None at the end, or after many that
        it does not, so that `stop` is looked at."""
        for _ in range(_SKIPS):
            position = self._position
            if position >= self._count:
                return None
            self._position = position + 1
            version, number, port = self._pairs.locate(self._order.at(position))
            key = (version, number)
            try:
                place = self._known[key]
            except KeyError:
                place = self._ask(version, number)
            if place is not None:
                return Item(position, place[0], place[1], port)
            self._outside += 1
        return None

    def _ask(self, version: int, number: int) -> tuple[str, int] | None:
        """The address as text and its socket family if the scope permits it; remembered."""
        address = normal(IPv4Address(number) if version == 4 else IPv6Address(number))
        place = None
        if self._scope.permits(address):
            place = (str(address), socket.AF_INET if address.version == 4 else socket.AF_INET6)
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[version, number] = place
        return place

    def _connect(self, item: Item) -> None:
        position, host, family, port, _ = item
        try:
            opened = self._open_socket(family)
        except OSError as error:
            if error.errno in _NO_SOCKET:
                now = time.monotonic()
                self._cap = max(1, len(self._flying))
                self._short = self._short or now
                if not self._flying and now - self._short > _SHORTAGE:
                    raise NetError(
                        "this machine has no sockets left; raise its limit of open files",
                        code=errno.errorcode[error.errno],
                    ) from None
                self._again.append((now + _AGAIN, item))
            else:  # a family that this machine does not have
                self._settle(position, Outcome.SILENT)
            return
        self._short = 0.0
        said = opened.connect_ex((host, port))
        fd = opened.fileno()
        if said == errno.EINPROGRESS or said == 0:
            self._flying[fd] = (time.monotonic() + self._timeout, opened, position)
            self._poller.register(fd, select.EPOLLOUT if self._epoll else 0)
            return
        opened.close()
        if said == errno.ECONNREFUSED:
            self._settle(position, Outcome.REFUSED)
        elif said in _NO_PORT and item.tries < _TRIES:
            # Nothing has left this machine, so the budget will not be charged again.
            again = item._replace(tries=item.tries + 1)
            self._again.append((time.monotonic() + _AGAIN, again))
        else:
            self._settle(position, Outcome.SILENT)

    def _look(self, fd: int) -> None:
        """A socket has something to tell: what has become of its connection?"""
        held = self._flying.get(fd)
        if held is None:
            return
        opened = held[1]
        error = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error == errno.ECONNREFUSED:
            outcome = Outcome.REFUSED
        elif error in _CONNECTED:
            outcome = Outcome.OPEN
        elif error:
            outcome = Outcome.SILENT
        else:
            try:
                there = opened.getpeername()
            except OSError:  # not connected after all: an event of a socket that had this number
                return
            # On loopback the system may pick the target port as source port: the socket then
            # meets itself (TCP's simultaneous open), and nobody listens there.
            outcome = Outcome.REFUSED if there == opened.getsockname() else Outcome.OPEN
        self._drop(fd, outcome)

    def _expire(self, now: float) -> None:
        while self._flying:
            fd = next(iter(self._flying))  # the oldest: a dict keeps the order of insertion
            if self._flying[fd][0] > now:
                return
            self._drop(fd, Outcome.SILENT)

    def _drop(self, fd: int, outcome: Outcome) -> None:
        _, opened, position = self._flying.pop(fd)
        if not self._epoll:  # epoll forgets a socket when it is closed
            self._poller.unregister(fd)
        opened.close()
        self._cap = min(self._cap + 1, self._most)  # after a shortage, back up step by step
        self._settle(position, outcome)

    def _settle(self, position: int, outcome: Outcome) -> None:
        if outcome is Outcome.REFUSED:
            self._refused += 1
        elif outcome is Outcome.SILENT:
            self._silent += 1
        else:
            self._open += 1
            self._on_open(self._pairs.pair(self._order.at(position)))

    def _patience(self) -> float:
        """Seconds until there is something to do even if no socket says anything."""
        moments = [self._again[0][0]] if self._again else []
        if self._flying:
            moments.append(next(iter(self._flying.values()))[0])
        turn = self._turns.moment(self._room())
        if turn is not None:
            moments.append(turn)
        elif self._room() > 0 and self._position < self._count:
            return 0.0  # many were outside the scope; go on
        if not moments:
            return 0.0
        return min(_TICK, max(0.0, min(moments) - time.monotonic()))
