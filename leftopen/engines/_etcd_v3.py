"""etcd's v3 API as its JSON gateway has it: ranges of keys, asked for and parsed strictly.

Source: etcd.io/docs (gRPC gateway; API reference: RangeRequest, ResponseHeader).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from leftopen.engines._http import Asker
from leftopen.errors import NotThisProtocol
from leftopen.net.http import Response

_MOST_COUNT = 19  # digits


@dataclass(frozen=True, slots=True)
class Range:
    """A reply to a range: keys with their values, and how many there are in all; `revision`
    is the store's own count of changes."""

    cluster: str
    pairs: tuple[tuple[bytes, bytes], ...]
    count: int
    more: bool
    revision: int = 0


async def ask(
    asker: Asker, gateway: str, key: bytes, end: bytes = b"", *, limit: int, values: bool = False
) -> Response:
    """A range of this member's own data (serializable: the others are not asked)."""
    body: dict[str, Any] = {"key": encoded(key), "limit": str(limit), "serializable": True}
    if end:
        body["range_end"] = encoded(end)
    if not values:
        body["keys_only"] = True
    return await asker.post(f"{gateway}/kv/range", body)


def range_of(answer: Response) -> Range:
    """A reply to a range, parsed strictly; fields that are zero are left out of it.

    Raises NotThisProtocol.
    """
    told = answer.json()
    header = told.get("header") if isinstance(told, dict) else None
    if not isinstance(header, dict):
        raise NotThisProtocol("the reply to a range is none")
    ids = [header.get(name) for name in ("cluster_id", "member_id", "revision")]
    listed = told.get("kvs", [])
    if not all(map(is_number, ids)) or not isinstance(listed, list):
        raise NotThisProtocol("the reply to a range is none")
    count = told.get("count", "0")
    if not is_number(count) or not isinstance(told.get("more", False), bool):
        raise NotThisProtocol("the reply to a range is none")
    pairs = tuple(_pair(line) for line in listed)
    return Range(str(ids[0]), pairs, int(count), told.get("more", False), int(str(ids[2])))


def is_number(value: object) -> bool:
    """64-bit numbers are strings in protobuf's JSON."""
    return (
        isinstance(value, str) and value.isascii() and value.isdigit()
        and len(value) <= _MOST_COUNT + 1
    )  # fmt: skip


def _pair(line: object) -> tuple[bytes, bytes]:
    """Key and value of one line."""
    key = line.get("key") if isinstance(line, dict) else None
    value = line.get("value", "") if isinstance(line, dict) else None
    if not isinstance(key, str) or not isinstance(value, str):
        raise NotThisProtocol("the reply to a range is none")
    try:
        return base64.b64decode(key, validate=True), base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise NotThisProtocol("the reply to a range is none") from None


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()
