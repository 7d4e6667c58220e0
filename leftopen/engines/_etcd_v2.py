"""The v2 API of etcd, which servers before 3.4 have: folders of keys as JSON, read only.

Source: the v2 API and its error codes in the documentation of etcd 2.3.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from leftopen.engines._http import Asker, accepted, json_object, segment
from leftopen.errors import NotThisProtocol, RequestNotAllowed
from leftopen.net.http import Response


def parts(key: str) -> tuple[str, ...]:
    """The parts of a key's path."""
    return tuple(part for part in key.split("/") if part)


async def read_folder(asker: Asker, path: tuple[str, ...]) -> Mapping[str, Any]:
    """A folder: all that is below it, or of the root only what is in it."""
    try:
        quoted = "/".join(segment(part) for part in path)
    except RequestNotAllowed:
        raise NotThisProtocol("the list of keys is none") from None
    return node_of(accepted(await asker.get(f"/v2/keys/{quoted}{'?recursive=true' * bool(path)}")))


def error_code(answer: Response) -> int | None:
    """The number of an error of this API; None if the answer is none."""
    code = json_object(answer).get("errorCode")
    return code if isinstance(code, int) and answer.status in (401, 403, 404) else None


def node_of(answer: Response) -> Mapping[str, Any]:
    """The node of a reply to a GET; raises NotThisProtocol."""
    told = answer.json()
    node = told.get("node") if isinstance(told, dict) and told.get("action") == "get" else None
    if not isinstance(node, dict) or not isinstance(node.get("dir", False), bool):
        raise NotThisProtocol("the list of keys is none")
    if node.get("dir") is not True and not isinstance(node.get("value"), str):
        raise NotThisProtocol("the list of keys is none")
    return node


def nodes_of(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What lies in a folder; raises NotThisProtocol."""
    listed = node.get("nodes", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise NotThisProtocol("the list of keys is none")
    return listed


def leaves_of(node: Mapping[str, Any], most: int) -> list[tuple[str, str]]:
    """Up to `most` keys below a node at random, each the last part of its path, with the value."""
    found: list[tuple[str, str]] = []
    left = [node]
    while left:
        for one in nodes_of(left.pop()):
            key, value = one.get("key"), one.get("value")
            if one.get("dir") is True:
                left.append(one)
            elif isinstance(key, str) and isinstance(value, str):
                found.append((key.rpartition("/")[2], value))
    return random.sample(found, min(most, len(found)))
