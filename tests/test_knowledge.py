"""What servers know for nothing: one contract over all engines that implement any of it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Engine, Speaks
from leftopen.engines import all_engines
from leftopen.errors import LeftopenError
from leftopen.knowledge import (
    CountsBetween,
    KnowsFields,
    Mark,
    Marks,
    Since,
    StreamsFields,
    TellsSince,
)
from leftopen.net.scripted import ScriptedDialer
from leftopen.testing import connection
from tests.engines.asking import OTHERS, anything
from tests.scripted_http import Answer

PROTOCOLS: Mapping[str, Any] = {
    "known": KnowsFields,
    "count_between": CountsBetween,
    "marks": Marks,
    "since": TellsSince,
    "stream": StreamsFields,
}
LIMITS = StoreLimits(bytes=1 << 20, reply_bytes=1 << 18, seconds=3, silence=0.3)


def abilities() -> dict[str, tuple[str, ...]]:
    """Which of the optional methods each engine has, by its name."""
    return {
        name: tuple(method for method in PROTOCOLS if hasattr(engine, method))
        for name, engine in all_engines().items()
    }


def table() -> str:
    """The same as a table in Markdown, for the documentation."""
    lines = [f"| engine | {' | '.join(PROTOCOLS)} |", "| --- |" + " --- |" * len(PROTOCOLS)]
    for name, methods in abilities().items():
        marks = ("yes" if method in methods else "" for method in PROTOCOLS)
        lines.append(f"| {name} | {' | '.join(marks)} |")
    return "\n".join(lines) + "\n"


HAS = [(name, method) for name, methods in abilities().items() for method in methods]
each = pytest.mark.parametrize(("name", "method"), HAS, ids=lambda part: part)


@each
def test_an_optional_method_has_the_form_of_its_protocol(name: str, method: str) -> None:
    engine, protocol = all_engines()[name], PROTOCOLS[method]
    assert isinstance(engine, protocol)
    given, wanted = getattr(engine, method), getattr(protocol, method)
    parameters = list(inspect.signature(given).parameters.values())
    asked = list(inspect.signature(wanted).parameters.values())[1:]  # without self
    assert [(p.name, p.kind, p.default) for p in parameters] == [
        (p.name, p.kind, p.default) for p in asked
    ]
    if method == "stream":
        assert not inspect.iscoroutinefunction(given), "it is to be iterated, not awaited"
        hint = inspect.get_annotations(type(engine).stream)["return"]
        assert str(hint).startswith(("AsyncIterator[", "AsyncGenerator["))
    else:
        assert inspect.iscoroutinefunction(given)


@each
def test_its_types_are_those_of_its_protocol(name: str, method: str) -> None:
    """As written: the annotations are texts here, and mean the same in every module."""
    engine = type(all_engines()[name])
    given = inspect.get_annotations(getattr(engine, method))
    wanted = inspect.get_annotations(getattr(PROTOCOLS[method], method))
    assert {key: hint for key, hint in given.items() if key != "return"} == {
        key: hint for key, hint in wanted.items() if key != "return"
    }
    if method != "stream":
        assert given["return"] == wanted["return"]


def test_the_table_names_every_engine_and_no_method_is_of_nobody() -> None:
    text = table()
    assert all(f"| {name} |" in text for name in all_engines())
    assert {method for _, method in HAS} == set(PROTOCOLS)
    assert text.count("yes") == len(HAS)


# --- peers that answer garbage -------------------------------------------------------------------


def _dialer(engine: Engine, answer: bytes, *, greets: bool) -> ScriptedDialer:
    """A peer that answers everything with the same bytes, and may say them first of all."""
    greeting = answer if greets and engine.speaks is not Speaks.HTTP else b""
    return ScriptedDialer(lambda: lambda _: [answer, None], greeting=greeting)


async def _asked(engine: Engine, dialer: ScriptedDialer) -> None:
    """Both that need no collection; whatever they raise but our own errors is a fault."""
    async with connection(engine, dialer, LIMITS) as link:
        if isinstance(engine, TellsSince):
            with contextlib.suppress(LeftopenError):
                told = await engine.since(link)
                assert told is None or isinstance(told, Since)
        with contextlib.suppress(LeftopenError):
            await link.reopen()
            if isinstance(engine, Marks):
                marks = await engine.marks(link, [])
                assert all(isinstance(mark, Mark) for mark in marks.values())
        assert link.bytes_read <= LIMITS.bytes
        assert set(link.requests) <= engine.requests


GARBAGE: dict[str, bytes] = {
    **{name: answer.encode() for name, answer in OTHERS.items()},
    "nothing": b"",
    "zeros": bytes(4_096),
    "ones": b"\xff" * 4_096,
    "a long line": b"+" + b"A" * 200_000,
    "an error": b"-ERR unknown command\r\n",
    "a huge number": b":99999999999999999999999999\r\n",
    "a huge array": b"*2147483647\r\n",
    "a negative length": b"$-9\r\n\xff\xff\xff\xff",
    "memcached": b"STAT uptime 9e99\r\nSTAT total_items -1\r\nEND\r\n",
    "nats": b'INFO {"headers": true}\r\nPONG\r\nMSG x 1 2\r\n{}\r\n',
    "ldap": b"\x30\x84\x7f\xff\xff\xff\x02\x01\x01",
    "bolt": bytes([0, 0, 4, 5]) + b"\x00\x03\xb1\x70\xa0\x00\x00" * 20,
    "huge json": Answer({"status": "success", "data": 10**300, "uptime": -(10**300)}).encode(),
}
ASKED = {name: all_engines()[name] for name, methods in abilities().items() if methods}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("greets", [False, True])
@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_tells_nothing(name: str, garbage: str, greets: bool) -> None:
    await _asked(ASKED[name], _dialer(ASKED[name], GARBAGE[garbage], greets=greets))


@settings(max_examples=30)
@given(body=anything)
@pytest.mark.parametrize("name", [n for n, e in ASKED.items() if e.speaks is Speaks.HTTP])
def test_json_that_was_not_asked_for_tells_nothing(name: str, body: Any) -> None:
    asyncio.run(_asked(ASKED[name], _dialer(ASKED[name], Answer(body).encode(), greets=False)))


@settings(max_examples=30)
@given(answer=st.binary(max_size=200))
@pytest.mark.parametrize("name", [n for n, e in ASKED.items() if e.speaks is not Speaks.HTTP])
def test_bytes_that_were_not_asked_for_tell_nothing(name: str, answer: bytes) -> None:
    for greets in (False, True):
        asyncio.run(_asked(ASKED[name], _dialer(ASKED[name], answer, greets=greets)))


@pytest.mark.parametrize("name", sorted(n for n, m in abilities().items() if "stream" in m))
async def test_a_stream_asks_nothing_before_it_is_read(name: str) -> None:
    engine = all_engines()[name]
    assert isinstance(engine, StreamsFields)
    dialer = ScriptedDialer(lambda: lambda _: None)
    async with connection(engine, dialer, LIMITS) as link:
        stream = engine.stream(link, Collection("x"), ["y"], LIMITS)
        assert isinstance(stream, AsyncIterator)
        assert dialer.sent == []
