"""A scripted Consul agent, as developer.hashicorp.com/consul/api-docs describes its answers.

With permissions in force (`deny`) a list leaves out what an anonymous client may not read, and a
read of one key is refused in words that since 1.12 name the cause.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from tests.scripted_http import Answer, Asked, Site

TEXT = {"Content-Type": "text/plain; charset=utf-8"}
DENIED = (
    b"rpc error making call: Permission denied: anonymous token lacks permission 'key:read' on "
    b'"x". The anonymous token is used implicitly when a request does not specify a token.'
)


def consul(
    pairs: Mapping[str, bytes],
    *,
    version: tuple[int, int] = (1, 16),
    policy: str = "allow",
    readable: Sequence[str] = (),
    services: Sequence[str] = (),
    list_policy: bool = False,
    acls: bool | None = None,
    said: Mapping[str, Answer] | None = None,
) -> Site:
    """`policy` is the default one; with `deny` only keys below the folders `readable`, and
    `services`, are given to anyone. `acls` is whether permissions are in force at all: by default
    with `deny` only. `said` says otherwise for a path."""
    in_force = policy == "deny" if acls is None else acls
    always = {"X-Consul-Default-Acl-Policy": policy} if version >= (1, 9) else {}
    indexed = {"X-Consul-Index": "14", "X-Consul-Knownleader": "true", **always}

    def may_read(key: str) -> bool:
        return policy == "allow" or any(key.startswith(folder) for folder in readable)

    def of_key(key: str, query: Mapping[str, str]) -> Answer:
        if "dc" in query:
            return Answer(b"No path to datacenter", 500, {**always, **TEXT})
        if "keys" in query:
            if list_policy and not may_read(key):
                return Answer(DENIED, 403, {**always, **TEXT})
            names = {_cut(name, key, query.get("separator", "")): None for name in pairs
                     if name.startswith(key) and may_read(name)}  # fmt: skip
            return Answer(list(names), headers=indexed) if names else Answer(b"", 404, indexed)
        if not may_read(key):
            return Answer(DENIED, 403, {**always, **TEXT})
        if key not in pairs:
            return Answer(b"", 404, indexed)
        value: Any = base64.b64encode(pairs[key]).decode() or None
        return Answer([{"LockIndex": 0, "Key": key, "Flags": 0, "Value": value}], headers=indexed)

    def site(asked: Asked) -> Answer:
        if said and asked.path in said:
            return said[asked.path]
        if asked.method != "GET":
            return Answer(b"method not allowed", 405, {**always, **TEXT})
        if asked.path.startswith("/v1/kv/"):
            return of_key(asked.path.removeprefix("/v1/kv/"), asked.query)
        if asked.path == "/v1/catalog/services":
            return Answer({name: [] for name in services}, headers=indexed)
        if asked.path.startswith("/v1/agent/service/") and version >= (1, 3):
            told = f"unknown service ID: {asked.path.rpartition('/')[2]}"
            return Answer(told.encode(), 404, {**always, **TEXT})
        if asked.path == "/v1/acl/token/self" and not in_force:
            return Answer(b"ACL support disabled", 401, {**always, **TEXT})
        if asked.path.startswith(("/v1/acl/", "/v1/agent/")) and in_force and policy == "deny":
            return Answer(b"Permission denied", 403, {**always, **TEXT})
        if asked.path == "/v1/agent/version" and version >= (1, 13):
            human = f"{version[0]}.{version[1]}.2"
            return Answer({"SHA": "0a1b2c3d", "HumanVersion": human, "FIPS": ""}, headers=always)
        return Answer(b"404 page not found\n", 404, {**always, **TEXT})

    return site


def _cut(name: str, prefix: str, separator: str) -> str:
    """A key up to the next separator behind the prefix, and with it."""
    at = name.find(separator, len(prefix)) if separator else -1
    return name if at < 0 else name[: at + len(separator)]
