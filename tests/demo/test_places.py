"""Where the servers go: usual ports on a free block of loopback, else free ports of 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from leftopen.demo import places
from leftopen.servers.base import free_port


@pytest.fixture
def listeners() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listen(stack: ExitStack, address: str, port: int) -> None:
    listener = stack.enter_context(socket.socket())
    listener.bind((address, port))
    listener.listen()


def test_each_has_an_address_of_its_own_and_its_usual_port(listeners: ExitStack) -> None:
    port = free_port()
    found = places.find([("one", port), ("two", port)], ())
    block = found.targets[0].removesuffix(".0/28")
    assert found.targets == (f"{block}.0/28",)
    assert found.at == {"one": (f"{block}.1", port), "two": (f"{block}.2", port)}


def test_a_block_with_a_stranger_on_a_scanned_port_is_passed_over(listeners: ExitStack) -> None:
    port, scanned = free_port(), free_port()
    first = places.find([("one", port)], [scanned]).targets[0].removesuffix(".0/28")
    listen(listeners, f"{first}.9", scanned)
    second = places.find([("one", port)], [scanned]).targets[0]
    assert second != f"{first}.0/28"
    assert places.find([("one", port)], ()).targets == (f"{first}.0/28",)


def test_without_a_free_block_they_take_free_ports_of_this_machine(listeners: ExitStack) -> None:
    port = free_port()
    for block in range(77, 93):
        listen(listeners, f"127.0.{block}.3", port)
    found = places.find([("one", port), ("two", port), ("three", port)], ())
    assert [address for address, _ in found.at.values()] == ["127.0.0.1"] * 3
    ports = [taken for _, taken in found.at.values()]
    assert len(set(ports)) == 3
    assert port not in ports or places.is_free("127.0.0.1", port)
    assert found.targets == tuple(f"127.0.0.1:{taken}" for taken in ports)
    for taken in ports:
        assert places.is_free("127.0.0.1", taken)


def test_a_block_holds_fourteen() -> None:
    with pytest.raises(ValueError, match="14"):
        places.find([(str(number), 1) for number in range(15)], ())
