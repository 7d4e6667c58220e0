"""The one figure that many servers tell of themselves: believed where it can be true, and no more.

What engines do beyond that is tested with each of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.engine import Collection
from leftopen.engines import _since as told
from leftopen.engines import all_engines
from leftopen.engines._streams import names_in, only
from leftopen.errors import LeftopenError, NotThisProtocol, ServerRefused
from leftopen.knowledge import Mark, Marks, Since, TellsSince
from leftopen.sample import documents
from leftopen.testing import connection
from tests.engines.asking import anything
from tests.scripted_http import Answer, dialer

DAY = "2026-11-01T00:00:00Z"
ABSURD: tuple[Any, ...] = (
    None, True, "", "soon", -1, "-1", 10**400, "9" * 400, float("1e300"), [], {}, [[[]]],
    "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "\x00",
)  # fmt: skip


async def since(engine: str, answer: Answer) -> Since | None:
    asked = all_engines()[engine]
    assert isinstance(asked, TellsSince)
    async with connection(asked, dialer(lambda _: answer)) as link:
        return await asked.since(link)


async def mark(engine: str, answer: Answer, handle: Any = None) -> Mark | None:
    asked = all_engines()[engine]
    assert isinstance(asked, Marks)
    async with connection(asked, dialer(lambda _: answer)) as link:
        return (await asked.marks(link, [Collection("x", None, None, handle)])).get("x")


def influxdb(column: str, value: Any) -> Answer:
    series = [{"columns": ["PID", column], "values": [[7, value]]}]
    return Answer({"results": [{"series": series}]})


def buckets(created: Any) -> Answer:
    listed = f"<Bucket><Name>town</Name><CreationDate>{created}</CreationDate></Bucket>"
    whole = f"<ListAllMyBucketsResult><Buckets>{listed}</Buckets></ListAllMyBucketsResult>"
    return Answer(whole.encode("utf-8", "replace"))


TELLS: dict[str, Any] = {
    "influxdb": (lambda value: influxdb("started", value), DAY),
    "jupyter": (lambda value: Answer({"started": value}), DAY),
    "kibana": (lambda v: Answer({"metrics": {"process": {"uptime_in_millis": v}}}), 3_600_000),
    "prometheus": (lambda v: Answer({"status": "success", "data": {"startTime": v}}), DAY),
    "rabbitmq": (lambda value: Answer([{"uptime": value}, {}, None]), 3_600_000),
    "s3": (buckets, DAY),
    "trino": (lambda value: Answer({"uptime": value}), "1.50h"),
}
COUNTS: dict[str, Any] = {
    "influxdb": lambda value: influxdb("pointsWrittenOK", value),
    "prometheus": lambda v: Answer({"status": "success", "data": {"headStats": {"maxTime": v}}}),
}


@pytest.mark.parametrize("engine", TELLS)
async def test_a_start_is_told(engine: str) -> None:
    say, value = TELLS[engine]
    found = await since(engine, say(value))
    assert found is not None
    assert found.how == ("created" if engine == "s3" else "started")
    assert found.moment.tzinfo is None


@pytest.mark.parametrize("engine", TELLS)
@pytest.mark.parametrize("value", ABSURD, ids=lambda value: repr(value)[:20])
async def test_a_start_that_cannot_be_true_is_none(engine: str, value: Any) -> None:
    assert await since(engine, TELLS[engine][0](value)) is None


@pytest.mark.parametrize("engine", sorted(set(TELLS) - {"trino", "s3"}))
async def test_a_refusal_is_a_refusal(engine: str) -> None:
    with pytest.raises(ServerRefused):
        await since(engine, Answer({"error": "no"}, 403))


@given(body=anything)
@pytest.mark.parametrize("engine", TELLS)
def test_other_answers_tell_nothing(engine: str, body: Any) -> None:
    with contextlib.suppress(LeftopenError):
        assert asyncio.run(since(engine, Answer(body))) is None


@pytest.mark.parametrize("engine", COUNTS)
async def test_a_count_marks_every_collection(engine: str) -> None:
    assert await mark(engine, COUNTS[engine](7)) == Mark(changes=7)


@pytest.mark.parametrize("engine", COUNTS)
@pytest.mark.parametrize("value", [*ABSURD, 7.5, "7", 2**63], ids=lambda value: repr(value)[:20])
async def test_a_count_that_is_none(engine: str, value: Any) -> None:
    assert await mark(engine, COUNTS[engine](value)) == Mark()


@pytest.mark.parametrize(
    ("index", "changes"),
    [("14", 14), ("-1", None), ("", None), ("x", None), ("9" * 18, 10**18 - 1), ("9" * 30, None)],
)
async def test_consuls_index(index: str, changes: int | None) -> None:
    answer = Answer(["users/"], headers={"X-Consul-Index": index, "X-Consul-Knownleader": "true"})
    assert await mark("consul", answer) == Mark(changes=changes)


async def test_a_consul_that_lists_no_more() -> None:
    with pytest.raises(ServerRefused):
        await mark("consul", Answer(b"Permission denied", 403))
    with pytest.raises(NotThisProtocol):
        await mark("consul", Answer(b"<html>"))


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ({"vhost": "/", "name": "q", "messages": 3}, Mark(records=3)),
        ({"vhost": "/", "name": "q", "messages": -3}, Mark()),
        ({"vhost": "/", "name": "q", "messages": 2**70}, Mark()),
        ({"vhost": "/", "name": "other", "messages": 3}, None),
    ],
)
async def test_rabbitmqs_queues(item: Any, found: Mark | None) -> None:
    assert await mark("rabbitmq", Answer({"items": [item]}), ("/", "q")) == found


# --- what they share -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", ABSURD, ids=lambda value: repr(value)[:20])
def test_no_moment_is_made_of_what_is_none(value: Any) -> None:
    assert told.running(value) is None
    assert told.since(value) is None
    assert told.at_second(value) is None


def test_a_moment_is_utc_without_a_zone() -> None:
    noon = datetime(2026, 11, 1, 12)  # noqa: DTZ001
    assert told.since("2026-11-01T13:00:00.123456789+01:00") == Since(
        noon.replace(microsecond=123456), "started"
    )
    assert told.since(noon, "log") == Since(noon, "log")
    assert told.at_second(noon.replace(tzinfo=UTC).timestamp(), "created") == Since(noon, "created")
    ago = told.running("60")
    assert ago is not None
    assert abs(ago.moment + timedelta(seconds=60) - datetime.now(UTC).replace(tzinfo=None)) < (
        timedelta(seconds=5)
    )


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["email"], ["email"]),
        (["home.city"], ["home", "home.city"]),
        (["home[].city"], ["home"]),
        (["a.b[].c.d", "a.x"], ["a", "a.b", "a.x"]),
        (["[]", ""], []),
        ([f"n{n}" for n in range(100)], [f"n{n}" for n in range(64)]),
    ],
)
def test_the_fields_in_which_paths_lie(paths: Sequence[str], names: list[str]) -> None:
    assert names_in(paths) == names


def test_rows_without_any_of_the_paths_still_count() -> None:
    batch = documents([{"a": 1, "b": 2}, {"a": 3}])
    assert only(batch, ["b", "x", "b"]).to_pylist() == [{"b": 2}, {"b": None}]
    assert only(batch, ["x"]).num_rows == 2


@given(st.lists(st.text(max_size=12), max_size=20))
def test_names_are_never_empty_and_come_once(paths: list[str]) -> None:
    names = names_in(paths)
    assert all(names)
    assert len(set(names)) == len(names)
