"""The connect sweep over real sockets on loopback, and its order, turns and shortages."""

from __future__ import annotations

import errno
import os
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import Budget
from leftopen.discover import Part, Plan
from leftopen.errors import NetError, UsageError
from leftopen.model import Target
from leftopen.net.order import Order
from leftopen.net.sweep import Socket, Sweep, SweepResult, open_socket
from leftopen.scope import Scope
from leftopen.servers.base import free_port

LOOPBACK = Scope.loopback()
FREELY = Budget(None, None)


def pairs_of(*parts: tuple[str, tuple[int, ...]]) -> Plan:
    return Plan(tuple(Part(ip_network(network), ports) for network, ports in parts))


def run(sweep: Sweep, stop: threading.Event | None = None) -> tuple[list[str], SweepResult]:
    """Sweep to the end; the open targets as text, sorted, and the result."""
    found: list[Target] = []
    result = sweep.run(found.append, lambda *counts: None, stop or threading.Event())
    assert result.done == result.open + result.refused + result.silent + result.outside
    assert len(found) == result.open
    return [str(target) for target in sorted(found, key=str)], result


@contextmanager
def listening(address: str, port: int = 0, backlog: int = 16) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(backlog)
        yield server


@contextmanager
def silent(address: str) -> Iterator[int]:
    """A port whose accept queue is full, so that the system drops what else comes."""
    with listening(address, backlog=0) as server, ExitStack() as held:
        port: int = server.getsockname()[1]
        for _ in range(64):
            waiting = held.enter_context(socket.socket())
            waiting.settimeout(0.3)
            if waiting.connect_ex((address, port)) != 0:
                break
        else:
            raise AssertionError("the queue never filled")
        yield port


class Recording:
    """Real sockets that also note when and whereto each connection was made."""

    def __init__(self, before: Callable[[str, int], int | None] = lambda host, port: None) -> None:
        self.before = before
        self.tried: list[tuple[float, str, int]] = []
        self.alive = 0
        self.most = 0

    def __call__(self, family: int) -> Socket:
        return _Recorded(self, open_socket(family))


class _Recorded:
    def __init__(self, record: Recording, real: Socket) -> None:
        self._record, self._real = record, real
        record.alive += 1
        record.most = max(record.most, record.alive)
        self.fileno, self.getsockopt = real.fileno, real.getsockopt
        self.getsockname, self.getpeername = real.getsockname, real.getpeername

    def connect_ex(self, address: tuple[str, int], /) -> int:
        self._record.tried.append((time.monotonic(), *address))
        instead = self._record.before(*address)
        return self._real.connect_ex(address) if instead is None else instead

    def close(self) -> None:
        self._record.alive -= 1
        self._real.close()


# --- What it finds. ---


@pytest.mark.parametrize("epoll", [True, False])
def test_it_tells_open_refused_and_silent_apart(epoll: bool) -> None:
    closed = free_port()
    with (
        listening("127.0.0.3") as one,
        listening("127.0.0.9") as two,
        listening("::1") as six,
        silent("127.0.0.5") as mute,
    ):
        ports = tuple(s.getsockname()[1] for s in (one, two, six))
        pairs = pairs_of(
            ("127.0.0.0/28", (*ports, closed)), ("::1/128", (*ports, closed)),
            ("127.0.0.5/32", (mute,)),
        )  # fmt: skip
        found, result = run(Sweep(LOOPBACK, FREELY, pairs, timeout=0.4, epoll=epoll))
        for server in (one, two, six):
            server.setblocking(False)
            taken, _ = server.accept()
            with taken:
                assert taken.recv(1) == b""  # FIN, no reset, and not a byte before it
    assert found == sorted([f"127.0.0.3:{ports[0]}", f"127.0.0.9:{ports[1]}", f"[::1]:{ports[2]}"])
    assert (result.silent, result.outside, result.stopped) == (1, 0, False)
    assert result.refused == pairs.count - 4
    assert result.cursor == pairs.count == result.done


def test_every_port_of_an_address() -> None:
    """All 65,535 ports, the ephemeral ones with them, where a socket can meet itself."""
    with listening("127.0.0.77") as server:
        port = server.getsockname()[1]
        pairs = pairs_of(("127.0.0.77/32", tuple(range(1, 65_536))))
        found, result = run(Sweep(LOOPBACK, FREELY, pairs))
    # Servers of this machine that listen on every address may be found as well.
    assert f"127.0.0.77:{port}" in found
    elsewhere = [int(target.rpartition(":")[2]) for target in found]
    assert all(_really_open("127.0.0.77", p) for p in elsewhere if p != port)
    assert result.done == 65_535


def _really_open(address: str, port: int) -> bool:
    """Asked from a source port that cannot be the target's."""
    with socket.socket() as asking:
        asking.bind(("127.0.0.78", 0))
        return asking.connect_ex((address, port)) == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_socket_that_meets_itself_is_no_open_port(address: str) -> None:
    port = free_port(address)
    met = []

    def bound_to_the_target(family: int) -> Socket:
        made = open_socket(family)
        assert isinstance(made, socket.socket)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        met.append(made)
        return made

    prefix = 128 if ":" in address else 32
    pairs = pairs_of((f"{address}/{prefix}", (port,)))
    found, result = run(Sweep(LOOPBACK, FREELY, pairs, open_socket=bound_to_the_target))
    assert len(met) == 1
    assert (found, result.refused) == ([], 1)


def test_a_server_that_resets_at_once_is_open() -> None:
    with listening("127.0.0.1") as server:
        port = server.getsockname()[1]

        def reset() -> None:
            taken, _ = server.accept()
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            taken.close()

        class Late(_Recorded):
            """Looked at only once the reset has come."""

            def connect_ex(self, address: tuple[str, int], /) -> int:
                said = self._real.connect_ex(address)
                reset()
                return said

        pairs = pairs_of(("127.0.0.1/32", (port,)))
        late = Sweep(LOOPBACK, FREELY, pairs, open_socket=lambda f: Late(record, open_socket(f)))
        record = Recording()
        found, _ = run(late)
    assert found == [f"127.0.0.1:{port}"]
    assert record.alive == 0


def test_what_has_no_way_there_is_silent() -> None:
    record = Recording(lambda host, port: errno.ENETUNREACH)
    _, result = run(Sweep(LOOPBACK, FREELY, pairs_of(("127.9.0.0/30", (1,))), open_socket=record))
    assert (result.silent, len(record.tried), record.alive) == (4, 4, 0)


def test_a_mapped_address_is_tried_as_what_it_is() -> None:
    with listening("127.0.0.1") as server:
        port = server.getsockname()[1]
        pairs = pairs_of(("::ffff:127.0.0.1/128", (port,)), ("::ffff:8.8.8.8/128", (port,)))
        record = Recording()
        _, result = run(Sweep(LOOPBACK, FREELY, pairs, open_socket=record))
    assert (result.open, result.outside) == (1, 1)
    assert [host for _, host, _ in record.tried] == ["127.0.0.1"]


def test_nothing_to_do() -> None:
    found, result = run(Sweep(LOOPBACK, FREELY, Plan(())))
    assert (found, result.done, result.stopped) == ([], 0, False)


def test_what_is_outside_costs_no_time_and_hides_no_stop() -> None:
    pairs = pairs_of(("10.0.0.0/10", (1, 2)))  # eight million pairs, none of them in scope
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begun = time.monotonic()
    record = Recording()
    _, result = run(Sweep(LOOPBACK, FREELY, pairs, open_socket=record), stop)
    assert time.monotonic() - begun < 2
    assert result.stopped
    assert result.outside == result.done == result.cursor
    assert record.tried == []


# --- Stopping and going on. ---


@pytest.mark.parametrize("limited", [False, True])
def test_a_stopped_sweep_goes_on_with_exactly_the_rest(limited: bool) -> None:
    port = free_port()
    budget = Budget(3_000, 400) if limited else FREELY
    with silent("127.0.0.5") as mute:
        pairs = pairs_of(("127.5.0.0/25", (port, port + 1)), ("127.0.0.5/32", (mute,)))
        everything = Counter(str(pairs.pair(index)) for index in range(pairs.count))
        cursor, rounds, seen = 0, 0, Counter[str]()
        while cursor < pairs.count:
            rounds += 1
            assert rounds < 20
            stop, record = threading.Event(), Recording()

            # A pair that is silent holds the cursor back, so each round goes on a little longer.
            def halt(
                family: int,
                stop: threading.Event = stop,
                record: Recording = record,
                limit: int = 40 * rounds,
            ) -> Socket:
                if len(record.tried) == limit:
                    stop.set()
                return record(family)

            sweep = Sweep(LOOPBACK, budget, pairs, timeout=0.6, in_flight=8, seed=5,
                          start=cursor, open_socket=halt)  # fmt: skip
            _, result = run(sweep, stop)
            order = Order(pairs.count, pairs.ports, 5)
            here = [f"{host}:{p}" for _, host, p in record.tried]
            assert max(Counter(here).values()) == 1
            # Nothing that lies before the cursor it was given is tried again, and nothing that
            # lies before the one it gives back is left out.
            done_before = {str(pairs.pair(order.at(at))) for at in range(cursor)}
            assert not done_before & set(here)
            covered = {str(pairs.pair(order.at(at))) for at in range(cursor, result.cursor)}
            assert covered <= set(here)
            assert result.stopped == (result.cursor < pairs.count)
            assert record.alive == 0
            seen.update(here)
            cursor = result.cursor
    assert rounds > 2
    assert set(seen) == set(everything)


def test_a_sweep_that_runs_through_tries_each_pair_once() -> None:
    port = free_port()
    pairs = pairs_of(("127.6.0.0/24", (port, port + 1, port + 2)))
    record = Recording()
    run(Sweep(LOOPBACK, Budget(1e5, 1e5), pairs, in_flight=16, open_socket=record))
    assert Counter((host, p) for _, host, p in record.tried) == Counter(
        (str(t.address), t.port) for t in map(pairs.pair, range(pairs.count))
    )
    assert record.most <= 16
    assert record.alive == 0


def test_stopping_takes_a_moment_only_and_leaves_no_socket() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with silent("127.0.0.5") as mute:
        stop = threading.Event()
        threading.Timer(0.2, stop.set).start()
        begun = time.monotonic()
        _, result = run(
            Sweep(LOOPBACK, FREELY, pairs_of(("127.0.0.5/32", (mute,))), timeout=30), stop
        )
        assert time.monotonic() - begun < 1.0
    assert (result.stopped, result.cursor, result.done) == (True, 0, 0)
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_error_in_a_callback_leaves_no_socket() -> None:
    def angry(target: Target) -> None:
        raise ZeroDivisionError

    with listening("127.0.0.1") as server, silent("127.0.0.5") as mute:
        record = Recording()
        pairs = pairs_of(("127.0.0.5/32", (mute,)), ("127.0.0.1/32", (server.getsockname()[1],)))
        with pytest.raises(ZeroDivisionError):
            Sweep(LOOPBACK, FREELY, pairs, open_socket=record).run(
                angry, lambda *counts: None, threading.Event()
            )
    assert len(record.tried) == 2
    assert record.alive == 0


def test_progress_is_told_with_a_cursor_that_can_be_gone_on_from() -> None:
    pairs = pairs_of(("127.7.0.0/24", (free_port(),)))
    told: list[tuple[int, int, int]] = []
    sweep = Sweep(LOOPBACK, Budget(300, None), pairs)
    sweep.run(lambda t: None, lambda *counts: told.append(counts), threading.Event())
    assert len(told) >= 3
    assert told == sorted(told)
    assert all(cursor <= done for done, _, cursor in told)
    assert told[-1] == (256, 0, 256)


@pytest.mark.parametrize("start", [-1, 5])
def test_a_start_outside_the_pairs_is_refused(start: int) -> None:
    with pytest.raises(UsageError):
        Sweep(LOOPBACK, FREELY, pairs_of(("127.0.0.0/30", (1,))), start=start)


# --- Rates. ---


def _most_within(moments: list[float], window: float) -> int:
    return max(sum(1 for m in moments if at <= m < at + window) for at in moments)


def _held(moments: list[float]) -> float:
    return (len(moments) - 1) / (moments[-1] - moments[0])


@pytest.mark.parametrize(("rate", "prefix"), [(100, 25), (1_000, 21)])
def test_the_rate_is_held(rate: int, prefix: int) -> None:
    """Within five percent; a machine that is stalled by others gets two more chances, for turns
    that were slept through are not made up for. Above the rate it may never be."""
    rates = []
    for _ in range(3):
        record = Recording()
        pairs = pairs_of((f"127.8.0.0/{prefix}", (free_port(),)))
        run(Sweep(LOOPBACK, Budget(rate, None), pairs, open_socket=record))
        rates.append(_held([moment for moment, _, _ in record.tried]))
        if rates[-1] >= 0.95 * rate:
            break
    assert max(rates) <= 1.05 * rate
    assert max(rates) >= 0.95 * rate


def test_the_rate_of_a_host_is_held_and_holds_up_no_other() -> None:
    """One host with forty ports, a hundred with one: they are done long before it is."""
    rates = []
    for _ in range(3):
        port = free_port()
        ports = tuple(range(port - 40, port))
        pairs = pairs_of(("127.9.0.1/32", ports), ("127.9.1.0/25", (port,)))
        record = Recording()
        run(Sweep(LOOPBACK, Budget(1_000, 20), pairs, open_socket=record))
        busy = [moment for moment, host, _ in record.tried if host == "127.9.0.1"]
        others = [moment for moment, host, _ in record.tried if host != "127.9.0.1"]
        assert (len(busy), len(others)) == (40, 128)
        # Booked are at most 21; a stall between booking and connecting can push two more in.
        assert _most_within(busy, 1.0) <= 23
        assert max(others) < busy[len(busy) // 2]
        rates.append(_held(busy))
        if rates[-1] >= 0.95 * 20:
            break
    assert max(rates) <= 1.05 * 20
    assert max(rates) >= 0.95 * 20


def test_who_shares_the_budget_gets_turns_between() -> None:
    """The sweep never books more than one turn of a host ahead."""
    budget = Budget(1_000, 20)
    port = free_port()
    pairs = pairs_of(("127.9.0.2/32", tuple(range(port, port + 30))))
    stop = threading.Event()
    sweeping = threading.Thread(target=run, args=(Sweep(LOOPBACK, budget, pairs), stop))
    sweeping.start()
    time.sleep(0.3)
    waits = []
    for _ in range(5):
        waits.append(budget.host_slot("127.9.0.2"))
        time.sleep(waits[-1])
    stop.set()
    sweeping.join()
    assert max(waits) < 0.2


# --- Shortages on this machine. ---


def test_no_more_sockets_than_files_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (64, 4096))
    record = Recording()
    pairs = pairs_of(("127.10.0.0/24", (free_port(),)))
    run(Sweep(LOOPBACK, FREELY, pairs, open_socket=record))
    assert record.most <= 48


@pytest.mark.parametrize("shortage", [errno.EMFILE, errno.ENOBUFS])
def test_a_passing_shortage_of_sockets_loses_nothing(shortage: int) -> None:
    port = free_port()
    pairs = pairs_of(("127.11.0.0/25", (port,)))
    made = 0
    record = Recording()

    def scarce(family: int) -> Socket:
        nonlocal made
        made += 1
        if made % 3 == 0 or record.alive >= 5:
            raise OSError(shortage, "none left")
        return record(family)

    _, result = run(Sweep(LOOPBACK, FREELY, pairs, open_socket=scarce))
    assert (result.refused, len(record.tried)) == (128, 128)


def test_a_lasting_shortage_of_sockets_is_an_error() -> None:
    def none_left(family: int) -> Socket:
        raise OSError(errno.EMFILE, "none left")

    sweep = Sweep(LOOPBACK, FREELY, pairs_of(("127.0.0.0/30", (1,))), open_socket=none_left)
    with pytest.raises(NetError, match="raise its limit") as raised:
        run(sweep)
    assert raised.value.code == "EMFILE"


def test_a_family_that_this_machine_lacks_is_silent() -> None:
    def no_such(family: int) -> Socket:
        raise OSError(errno.EAFNOSUPPORT, "no IPv6")

    _, result = run(Sweep(LOOPBACK, FREELY, pairs_of(("::1/128", (1,))), open_socket=no_such))
    assert result.silent == 1


@pytest.mark.parametrize("lasting", [False, True])
def test_a_shortage_of_source_ports_is_waited_out_for_a_while(lasting: bool) -> None:
    port = free_port()
    failed: Counter[str] = Counter()

    def short(host: str, port: int) -> int | None:
        failed[host] += 1
        return errno.EADDRNOTAVAIL if lasting or failed[host] <= 2 else None

    pairs = pairs_of(("127.12.0.0/29", (port,)))
    _, result = run(Sweep(LOOPBACK, FREELY, pairs, open_socket=Recording(short)))
    assert (result.refused, result.silent) == ((0, 8) if lasting else (8, 0))


# --- The order. ---


@given(st.integers(1, 600), st.integers(1, 40), st.integers(0, 2**64))
def test_the_order_is_a_bijection_and_keeps_its_gap(count: int, run: int, seed: int) -> None:
    order = Order(count, run, seed)
    indexes = [order.at(position) for position in range(count)]
    assert sorted(indexes) == list(range(count))
    for near in range(1, order.gap):
        assert all(abs(a - b) >= run for a, b in zip(indexes, indexes[near:], strict=False))


@pytest.mark.parametrize(("hosts", "ports"), [(256, 4), (1_000, 20), (65_536, 13), (1 << 24, 20)])
def test_a_hosts_turns_lie_far_apart(hosts: int, ports: int) -> None:
    gaps = [Order(hosts * ports, ports, seed).gap for seed in range(20)]
    assert min(gaps) > hosts / 3


def test_large_orders_spread_and_do_not_repeat() -> None:
    count = 2**32
    order = Order(count, 20, 7)
    some = [order.at(position) for position in range(100_000)]
    assert len(set(some)) == len(some)
    assert 0 <= min(some) <= max(some) < count
    eighths = Counter(index * 8 // count for index in some)
    assert all(11_000 < eighths[n] < 14_000 for n in range(8))


def test_the_seed_changes_the_order_and_the_same_seed_keeps_it() -> None:
    def first(seed: int) -> list[int]:
        order = Order(10_000, 4, seed)
        return [order.at(position) for position in range(20)]

    assert first(1) == first(1)
    assert len({tuple(first(seed)) for seed in range(50)}) == 50
    # A run that was stopped by one version must go on with the next: these may not change.
    assert first(1)[:4] == [5733, 5156, 4579, 4002]


def test_an_address_is_asked_of_the_scope_once_and_before_its_socket() -> None:
    asked: list[str] = []

    class Asking(Scope):
        def permits(self, address: object) -> bool:
            asked.append(str(address))
            return int(str(address)[-1]) % 2 == 0

    def only_after_asking(host: str, port: int) -> None:
        assert host in asked

    record = Recording(only_after_asking)
    port = free_port()
    pairs = pairs_of(("127.13.0.0/29", (port, port + 1, port + 2)))
    scope = Asking((ip_network("127.0.0.0/8"),))
    _, result = run(Sweep(scope, FREELY, pairs, open_socket=record))
    assert Counter(asked) == Counter(str(IPv4Address(f"127.13.0.{n}")) for n in range(8))
    assert (result.refused, result.outside) == (12, 12)
    assert {int(ip_address(host)) % 2 for _, host, _ in record.tried} == {0}
