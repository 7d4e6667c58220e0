"""Scripted etcd servers, as their documentation describes them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from tests.scripted_http import Answer, Asked, Site

_HEADER = {
    "cluster_id": "14443903163313418560", "member_id": "11417610130673999598",
    "revision": "7", "raft_term": "2",
}  # fmt: skip
NOT_HERE = Answer(b"404 page not found\n", 404, {"Content-Type": "text/plain"})


def error_v3(text: str, code: int, status: int = 400) -> Answer:
    """An error of the gateway."""
    return Answer({"error": text, "message": text, "code": code}, status)


def etcd_v3(
    pairs: Mapping[bytes, bytes],
    *,
    version: str = "3.4.23",
    gateway: str = "/v3",
    locked: bool = False,
    said: Mapping[str, Answer] | None = None,
) -> Site:
    """An etcd with a v3 gateway; `said` says otherwise for a path. From 3.6 on it passes over words
    that it does not know and names what is no number."""
    new = version >= "3.6"

    def site(asked: Asked) -> Answer:
        if said and asked.path in said:
            return said[asked.path]
        if asked.path == "/version":
            return Answer({"etcdserver": version, "etcdcluster": version})
        if asked.path == "/v3/auth/status" and version >= "3.5":
            return Answer(
                {"header": _HEADER, "authRevision": "1", **({"enabled": True} if locked else {})}
            )
        if asked.path != f"{gateway}/kv/range":
            return NOT_HERE
        if asked.method != "POST":
            return Answer(b"Method Not Allowed\n", 405, {"Content-Type": "text/plain"})
        body = asked.json()
        limit = str(body.get("limit", "0"))
        if "sort_order" in body and not new:
            word = body["sort_order"]
            text = f'unknown value "{word}" for enum etcdserverpb.RangeRequest_SortOrder'
            return error_v3(text, 3)
        if not limit.isdigit():
            return error_v3(f'proto: invalid value for int64 field limit: "{limit}"', 3)
        if locked:
            return error_v3("etcdserver: user name is empty", 3)
        return Answer(_range(pairs, body, int(limit)))

    return site


def _range(pairs: Mapping[bytes, bytes], body: Mapping[str, Any], limit: int) -> dict[str, Any]:
    key, end = (base64.b64decode(body.get(name, "")) for name in ("key", "range_end"))
    if end:
        found = [k for k in sorted(pairs) if k >= key and (end == b"\0" or k < end)]
    else:
        found = [k for k in pairs if k == key]
    told: dict[str, Any] = {"header": _HEADER}
    lines: list[dict[str, str]] = []
    for k in found[: limit or None]:
        lines.append({"key": base64.b64encode(k).decode(), "create_revision": "2"})
        if not body.get("keys_only"):
            lines[-1]["value"] = base64.b64encode(pairs[k]).decode()
    if lines:
        told |= {"kvs": lines, "count": str(len(found))}
    if len(lines) < len(found):
        told["more"] = True
    return told


def etcd_v2(tree: Mapping[str, Any], *, auth: bool = False, guest: bool = True) -> Site:
    """An etcd that knows the v2 API only; `tree` maps names to values or to folders of them."""
    sign = {"X-Etcd-Cluster-Id": "cdf818194e3a8c32"}

    def site(asked: Asked) -> Answer:
        if asked.path == "/version":
            return Answer({"etcdserver": "2.3.8", "etcdcluster": "2.3.0"})
        if asked.path == "/v2/auth/enable":
            return Answer({"enabled": auth}, headers=sign)
        found = re.fullmatch(r"/v2/keys/(.*)", asked.path)
        if asked.method != "GET" or found is None:
            return NOT_HERE
        if auth and not guest:
            text = "The request requires user authentication"
            cause = "Insufficient credentials"
            body = {"errorCode": 110, "message": text, "cause": cause, "index": 0}
            return Answer(body, 401, sign)
        at: Any = tree
        for part in filter(None, found[1].split("/")):
            at = at.get(part) if isinstance(at, Mapping) else None
        if at is None:
            told = {
                "errorCode": 100,
                "message": "Key not found",
                "cause": f"/{found[1]}",
                "index": 9,
            }
            return Answer(told, 404, sign)
        deep = 64 if asked.query.get("recursive") == "true" else 1
        node = _node("/" + found[1] if found[1] else "", at, deep)
        return Answer({"action": "get", "node": node}, headers=sign)

    return site


def _node(key: str, value: Any, deep: int) -> dict[str, Any]:
    node: dict[str, Any] = {"key": key} if key else {}
    if not isinstance(value, Mapping):
        return {**node, "value": value, "modifiedIndex": 4, "createdIndex": 4}
    node["dir"] = True
    if deep and value:
        node["nodes"] = [_node(f"{key}/{name}", inner, deep - 1) for name, inner in value.items()]
    return node
