"""A registry of container images: the OCI distribution API, as Docker's own registry speaks it.

The exchange of a probe, one request a line:

    GET /v2/_catalog?n=1                      gated: the first repository
    GET /v2/{made up}/tags/list               answered "no such repository", by that name
    GET /v2/{repository}/tags/list?n=1        gated: its tags
    OPTIONS /v2/{made up}/manifests/latest    which methods the server allows

OPEN is a list of tags that parsed, or a catalogue without any repository, from a server that misses
a repository of a random name by that name. A catalogue whose repositories refuse to be read is
OPEN_PARTIAL. AUTH_REQUIRED is a 401 to the catalogue in the API's own form (its list of errors, or
Docker-Distribution-Api-Version); port 5000 is everybody's, so that a challenge without those shows
no registry. A bearer's token server is never asked. A registry without a catalogue is UNDETERMINED:
its repositories may be open to whoever knows their names. `/v2/` proves nothing and is not asked,
and neither redirects nor links to a next page are followed.

A collection is a repository. Of one image the manifest and the configuration are read, which holds
its labels, its author and the names of its environment variables (their values are dropped unread);
never a layer. A configuration is asked for only where the manifest calls it one and it is small.

`can_write` is what Docker's registry says in `Allow`: OPTIONS changes nothing, and a registry that
is read-only leaves PUT out.

Sources: github.com/opencontainers/distribution-spec (spec.md: Pull, Content Discovery, Error
Codes), opencontainers/image-spec (config.md, manifest.md), distribution.github.io (HTTP API V2:
Catalog, Errors; Configuration: maintenance, auth).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks
from leftopen.engines._http import (
    Asker,
    Paths,
    accepted,
    at_own_port,
    closed,
    json_object,
    refused,
    segment,
)
from leftopen.engines._proofs import CANNED, CanWrite, afterwards
from leftopen.errors import NotThisProtocol
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession, Response

_CATALOG = "/v2/_catalog"
_OPTIONS = "OPTIONS /v2/{name}/manifests/latest"
_PATHS = Paths(
    f"GET {_CATALOG}",
    "GET /v2/{name*}/tags/list",
    "GET /v2/{name*}/manifests/{reference}",
    "GET /v2/{name*}/blobs/{digest}",
    _OPTIONS,
)
# The specification's own grammar of repository names, tags and digests.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_NAME = 255
_VERSION = "docker-distribution-api-version"

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_ACCEPT = {"Accept": ", ".join((_MANIFEST, _DOCKER_MANIFEST, _INDEX, _DOCKER_INDEX))}
_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
_MAX_CONFIG = 1 << 20  # bytes, as the manifest states them
_PAGE = 100  # repositories asked for at once
_MAX_ENVIRONMENT = 500


class Registry:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "registry"
    ports: tuple[int, ...] = (5000,)
    requests = _PATHS.names
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "real"
    reads = "names of repositories and tags; labels, author and variable names of one image each"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        first = await asker.get(f"{_CATALOG}?n=1")
        if first.status != 200:
            return _without_catalogue(first, at_own_port(connection, self.ports))
        repositories = _repositories(first)
        made_up = f"leftopen-{secrets.token_hex(12)}"
        missed = await asker.get(f"/v2/{made_up}/tags/list")
        if not _misses(missed, made_up):
            return CANNED
        verdict, reason = await _gated(asker, repositories)
        can_write = await afterwards(_can_write(connection, made_up))
        return Proof(verdict, reason, can_write=can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Repositories by name, in the registry's order.

        Raises ServerRefused, NotThisProtocol and NetError.
        """
        asker, most = Asker(connection, _PATHS), connection.limits.collections
        found: list[str] = []
        for _ in range(most // _PAGE + 1):
            after = f"&last={quote(found[-1], safe='')}" if found else ""
            page = _repositories(accepted(await asker.get(f"{_CATALOG}?n={_PAGE}{after}")))
            fresh = [name for name in page if _is_repository(name) and name not in found]
            found += fresh
            if len(page) < _PAGE or not fresh or len(found) >= most:
                break
        return [Collection(name) for name in found[:most]]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch with a row for each tag; the row of one image has its configuration as well.

        That is the image tagged `latest`, or else the last of the list; of an index the first one
        in it. Raises ServerRefused, NotThisProtocol and NetError.
        """
        asker = Asker(connection, _PATHS)
        if not _is_repository(collection.name):
            raise NotThisProtocol("the name is not one of a repository")
        base = _base(collection.name)
        tags = _tags(accepted(await asker.get(f"{base}/tags/list")), collection.name)
        if not tags:
            return
        chosen = "latest" if "latest" in tags else tags[-1]
        rows: list[dict[str, Any]] = [{"tag": chosen, **await _image(asker, base, chosen)}]
        rows += [{"tag": tag} for tag in tags if tag != chosen]
        yield sampling.documents(rows[: limits.rows])


ENGINE = Registry()


def _base(repository: str) -> str:
    return "/v2/" + "/".join(segment(part) for part in repository.split("/"))


def _is_repository(name: str) -> bool:
    return len(name) <= _MAX_NAME and _REPOSITORY.fullmatch(name) is not None


def _without_catalogue(response: Response, own_port: bool) -> Proof:
    """The verdict on a peer that does not show its catalogue."""
    known = _VERSION in response.headers or _error_code(response) is not None
    if known and response.status in (404, 405):
        reason = "gives no catalogue; its repositories may be open to who knows their names"
        return Proof(Verdict.UNDETERMINED, reason)
    return closed(response, known=known, own_port=own_port, what="container registry")


def _error_code(response: Response) -> str | None:
    """The code of an error in the API's own form, None if it is no such error."""
    errors = json_object(response).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("code") if isinstance(first, dict) else None
    known = isinstance(code, str) and re.fullmatch(r"[A-Z_]{3,40}", code)
    return code if known else None


def _misses(response: Response, made_up: str) -> bool:
    """Whether this says of a repository that cannot exist, by its random name, that it is not."""
    if response.status in (401, 403):  # to whom its repositories are closed
        return _error_code(response) is not None and made_up.encode() in response.body
    named = made_up.encode() in response.body
    return response.status == 404 and _error_code(response) is not None and named


async def _gated(asker: Asker, repositories: Sequence[str]) -> tuple[Verdict, str]:
    """The verdict on a registry that has shown its catalogue, by whether it can be read."""
    if not repositories:
        return Verdict.OPEN, "the catalogue is answered without credentials; it is empty"
    if not _is_repository(repositories[0]):
        raise NotThisProtocol("the catalogue is none")
    name = repositories[0]
    response = await asker.get(f"{_base(name)}/tags/list?n=1")
    if response.status == 404 and _error_code(response) == "NAME_UNKNOWN":
        return Verdict.OPEN, "the catalogue was read without credentials; a repository is empty"
    if response.status != 200:
        proof = refused(response, "lists its repositories, but reading one")
        return proof.verdict, proof.reason
    if _tags(response, name):
        return Verdict.OPEN, "the tags of a repository were read without credentials"
    return Verdict.OPEN, "a repository was read without credentials; it has no tag"


async def _can_write(connection: Connection, made_up: str) -> CanWrite:
    """By the methods that Docker's registry says it allows on a manifest."""
    path = f"/v2/{made_up}/manifests/latest"
    name = _PATHS.name("OPTIONS", path)
    answer = await HttpSession(connection).request(name, path, method="OPTIONS")
    allowed = {word.strip().upper() for word in answer.headers.get("allow", "").split(",")}
    if answer.status != 200 or _VERSION not in answer.headers or "GET" not in allowed:
        return "unknown"
    return "yes" if "PUT" in allowed else "no"


def _repositories(response: Response) -> list[str]:
    """The names in a catalogue, parsed strictly. Raises NotThisProtocol."""
    told = response.json()
    if not isinstance(told, dict) or "repositories" not in told:
        raise NotThisProtocol("the catalogue is none")
    return _strings(told["repositories"])


def _tags(response: Response, repository: str) -> list[str]:
    """The tags of a repository that have the form of one. Raises NotThisProtocol."""
    told = response.json()
    if not isinstance(told, dict) or told.get("name") != repository or "tags" not in told:
        raise NotThisProtocol("the list of tags is none")
    return [tag for tag in _strings(told["tags"]) if _TAG.fullmatch(tag)]


def _strings(value: Any) -> list[str]:
    """A list of names, null where it is empty. Raises NotThisProtocol."""
    listed = [] if value is None else value
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise NotThisProtocol("the list of names is none")
    return listed


async def _image(asker: Asker, base: str, tag: str) -> dict[str, Any]:
    """What is read of an image's configuration; nothing where it has none, or it is elsewhere."""
    manifest = json_object(await asker.get(f"{base}/manifests/{segment(tag)}", _ACCEPT))
    inner = manifest.get("manifests")
    if isinstance(inner, list) and inner:
        digest = _digest(inner[0])
        if digest is None:
            return {}
        manifest = json_object(await asker.get(f"{base}/manifests/{segment(digest)}", _ACCEPT))
    config = manifest.get("config")
    digest = _digest(config)
    if digest is None or not isinstance(config, dict) or config.get("mediaType") not in _CONFIGS:
        return {}
    size = config.get("size")
    if not isinstance(size, int) or not 0 < size <= _MAX_CONFIG:
        return {}
    response = await asker.get(f"{base}/blobs/{segment(digest)}")
    return _facts(json_object(response)) if response.status == 200 else {}


def _digest(descriptor: Any) -> str | None:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    return digest if isinstance(digest, str) and _DIGEST.fullmatch(digest) else None


def _facts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Author, time, labels, and the names of environment variables; their values are dropped."""
    inner = config.get("config")
    inner = inner if isinstance(inner, dict) else {}
    found: dict[str, Any] = {
        key: config[key] for key in ("author", "created") if isinstance(config.get(key), str)
    }
    if isinstance(inner.get("Labels"), dict):
        found["labels"] = inner["Labels"]
    environment = inner.get("Env")
    if isinstance(environment, list):
        pairs = [pair for pair in environment if isinstance(pair, str)][:_MAX_ENVIRONMENT]
        found["environment"] = [pair.partition("=")[0] for pair in pairs]
    return found
