"""Prometheus and what answers its HTTP API: VictoriaMetrics, Thanos.

The exchange of a probe, one request a line:

    GET /api/v1/query?query={a random number}   answered with that number
    GET /api/v1/query?query=topk(1,up)          a series, which every server has that scrapes
    GET /api/v1/labels?limit=20                 where there is none: is it empty?
    GET /api/v1/query?query=topk(1,{label!=""}) one that was not scraped, by one of these labels
    GET /api/v1/status/buildinfo                version and product
    GET /api/v1/status/flags                    what an anonymous client may write

OPEN is a server that computed our number and gave a series, or has no label at all (empty). A
server in agent mode keeps nothing to be read; one that shows its targets even so is OPEN_PARTIAL,
as is one that computes and refuses to list. AUTH_REQUIRED is a 401 with a challenge (basic
authentication of its web.config); as Prometheus names itself nowhere there, it counts on this
engine's own ports only. One that computes nothing is UNDETERMINED. `/-/healthy` and `/-/ready`
prove nothing and are not asked.

A query in PromQL can only read, whatever its text; so the path is a request's whole name. The
server's admin API and its receivers are other paths, which are not on the list. `can_write` is what
the flags say: "yes" where the admin API or a receiver is switched on, "no" where all are off.

Known for nothing: the start of the process (GET /api/v1/status/runtimeinfo) and the moment of the
newest sample of all (GET /api/v1/status/tsdb), which rises with each scrape.

Sources: prometheus.io/docs (HTTP API; Command line: prometheus; HTTPS and authentication; Agent
mode), docs.victoriametrics.com (Prometheus querying API usage), thanos.io (Query).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote, urlencode

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._http import (
    Asker,
    Paths,
    accepted,
    at_own_port,
    closed,
    count_of,
    json_object,
    refused,
)
from leftopen.engines._proofs import CANNED, CanWrite
from leftopen.engines._since import since as plausible
from leftopen.errors import BudgetSpent, NotThisProtocol
from leftopen.knowledge import Mark, Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_QUERY = "/api/v1/query"
_SERIES = "/api/v1/series"
_LABELS = "/api/v1/labels"
_NAMES = "/api/v1/label/__name__/values"
_FLAGS = "/api/v1/status/flags"
_BUILD = "/api/v1/status/buildinfo"
_TARGETS = "/api/v1/targets"
_RUNTIME = "/api/v1/status/runtimeinfo"
_HEAD = "/api/v1/status/tsdb"
_PATHS = Paths(
    *(f"GET {path}" for path in (_QUERY, _SERIES, _LABELS, _NAMES, _FLAGS, _BUILD)),
    *(f"GET {path}" for path in (_TARGETS, _RUNTIME, _HEAD)),
)
# What servers tell of themselves and their scraping: names of machines and programs alone.
_SYSTEM = re.compile(
    r"(go|process|promhttp|prometheus|scrape|net_conntrack|vm|vmagent|thanos|flag)_.*", re.DOTALL
)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_FEW = 20  # labels asked for in a verdict
_ADMIN = "web.enable-admin-api"
_RECEIVERS = ("web.enable-remote-write-receiver", "web.enable-otlp-receiver")
_OLD_RECEIVERS = re.compile(r"\b(remote-write-receiver|otlp-write-receiver)\b")
_MAX_LABELS = 200  # of one series

_Series = Mapping[str, str]


class Prometheus:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "prometheus"
    ports: tuple[int, ...] = (9090, 8428, 10902)
    requests = _PATHS.names
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "real"
    reads = "names of metrics but the server's own; the labels of some of their series"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        number = 2**24 + secrets.randbelow(2**30)
        first = await asker.get(_query(str(number)))
        if first.status != 200:
            own_port = at_own_port(connection, self.ports)
            return await _not_computed(asker, first, own_port)
        if _number(_data(first)) != number:
            return CANNED
        verdict, reason = await _gated(asker)
        build = _object(await asker.get(_BUILD))
        flags = _object(await asker.get(_FLAGS))
        version = clean_version(str(build.get("version", "")).removeprefix("v"))
        product = _product(first, build, flags)
        return Proof(verdict, reason, version, product, _can_write(flags))

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Metrics by name, those of the server itself left out.

        Raises ServerRefused, NotThisProtocol and NetError.
        """
        most = connection.limits.collections
        # The limit is unknown before 2.54, and the names of servers' own metrics count within it.
        listed = await Asker(connection, _PATHS).get(f"{_NAMES}?limit={most + 1_000}")
        names = _strings(_data(accepted(listed)))
        return [Collection(n) for n in names if n and _SYSTEM.fullmatch(n) is None][:most]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """One batch with a row for each series: its labels; `sample_value` where there is one now.

        The series of the highest values now, as the server has no random order; where none is
        scraped any more, those it remembers. Raises ServerRefused, NotThisProtocol and NetError;
        BudgetSpent where that is more than the limit and the server knows none.
        """
        asker = Asker(connection, _PATHS)
        selector = f'{{__name__="{_escaped(collection.name)}"}}'
        response = await asker.get(_query(f"topk({limits.rows},{selector})"))
        found = _vector(_data(accepted(response)))
        rows: list[Mapping[str, Any]] = [
            {**labels, "sample_value": value} for labels, value in found
        ]
        if not rows:
            asked = urlencode({"match[]": selector, "limit": limits.rows})
            remembered = _data(accepted(await asker.get(f"{_SERIES}?{asked}")))
            if not isinstance(remembered, list):
                raise NotThisProtocol("the list of series is none")
            rows = [_labels(series) for series in remembered[: limits.rows]]
        if rows:
            yield sampling.documents(
                {k: v for k, v in row.items() if k != "__name__"} for row in rows[: limits.rows]
            )

    async def since(self, connection: Connection) -> Since | None:
        """The start of its process. Raises ServerRefused, NotThisProtocol and NetError."""
        told = await Asker(connection, _PATHS).get(_RUNTIME)
        return plausible(_object(accepted(told)).get("startTime"))

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """`changes`: the time of the newest sample of all (milliseconds since 1970). Raises what
        `since` does."""
        told = _object(accepted(await Asker(connection, _PATHS).get(f"{_HEAD}?limit=1")))
        head = told.get("headStats")
        newest = count_of(head.get("maxTime")) if isinstance(head, dict) else None
        return {collection.name: Mark(changes=newest) for collection in collections}


ENGINE = Prometheus()


def _query(text: str) -> str:
    return f"{_QUERY}?query={quote(text, safe='')}"


def _escaped(name: str) -> str:
    """A name inside PromQL's double quotes."""
    return name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


async def _not_computed(asker: Asker, response: Response, own_port: bool) -> Proof:
    """The verdict on a peer that did not compute our number."""
    known = _is_error(response)
    if known and response.status == 422:  # "unavailable" in agent mode
        targets = await asker.get(f"{_TARGETS}?state=dropped")
        if targets.status == 200 and isinstance(_object(targets).get("droppedTargets"), list):
            reason = "tells its targets; it is an agent, which keeps nothing to be read"
            write = _can_write(_object(await asker.get(_FLAGS)))
            return Proof(Verdict.OPEN_PARTIAL, reason, None, "Prometheus", write)
        return Proof(Verdict.UNDETERMINED, "answers, but computes nothing", None, "Prometheus")
    return closed(response, known=known, own_port=own_port, what="Prometheus")


async def _gated(asker: Asker) -> tuple[Verdict, str]:
    """The verdict on a server that has computed our number, by what it lets anyone read."""
    scraped = await asker.get(_query("topk(1,up)"))
    if scraped.status != 200:
        return _refusal(refused(scraped, "computes, but a question about its series"))
    if _vector(_data(scraped)):
        return Verdict.OPEN, "a series was read without credentials"
    listed = await asker.get(f"{_LABELS}?limit={_FEW}")
    if listed.status != 200:
        return _refusal(refused(listed, "computes, but its list of labels"))
    labels = [name for name in _strings(_data(listed)) if _LABEL.fullmatch(name)]
    if not labels:
        return Verdict.OPEN, "questions are answered without credentials; there is no series"
    plain = [name for name in labels if name != "__name__"] or labels
    try:
        read = await asker.get(_query(f'topk(1,{{{plain[0]}!=""}})'))
    except BudgetSpent as spent:
        if spent.code != "reply_too_large":
            raise
        return Verdict.OPEN, "labels were listed without credentials"
    if read.status == 200 and _vector(_data(read)):
        return Verdict.OPEN, "a series was read without credentials"
    if read.status in (401, 403):
        return Verdict.OPEN_PARTIAL, f"lists its labels, but a series is refused ({read.status})"
    return Verdict.OPEN, "labels were listed without credentials; no series is of today"


def _refusal(proof: Proof) -> tuple[Verdict, str]:
    return proof.verdict, proof.reason


def _is_error(response: Response) -> bool:
    """Whether this is an error in Prometheus's own form."""
    told = json_object(response)
    return told.get("status") == "error" and isinstance(told.get("errorType"), str)


def _data(response: Response) -> Any:
    """What is in the envelope of a success. Raises NotThisProtocol."""
    told = response.json()
    if not isinstance(told, dict) or told.get("status") != "success" or "data" not in told:
        raise NotThisProtocol("the answer is not one of Prometheus")
    return told["data"]


def _object(response: Response) -> Mapping[str, Any]:
    """The object in the envelope, an empty one where there is none."""
    told = json_object(response)
    data = told.get("data") if response.status == 200 and told.get("status") == "success" else None
    return data if isinstance(data, dict) else {}


def _number(data: Any) -> float | None:
    """The one number of a reply: a scalar, or (VictoriaMetrics) a vector of one without labels."""
    if not isinstance(data, dict):
        return None
    result = data.get("result")
    if data.get("resultType") == "scalar":
        return _value(result)
    found = _vector(data)
    return _float(found[0][1]) if len(found) == 1 and not found[0][0] else None


def _value(pair: Any) -> float | None:
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], int | float):
        raise NotThisProtocol("the answer is not one of Prometheus")
    return _float(pair[1])


def _float(text: Any) -> float | None:
    """A value as Prometheus writes it: a number in a string."""
    if not isinstance(text, str) or len(text) > 64:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _vector(data: Any) -> list[tuple[_Series, str]]:
    """Labels and value of each element, parsed strictly. Raises NotThisProtocol."""
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(result, list) or data.get("resultType") != "vector":
        raise NotThisProtocol("the answer is not one of Prometheus")
    found = []
    for one in result:
        pair = one.get("value", one.get("histogram")) if isinstance(one, dict) else None
        if not isinstance(pair, list) or len(pair) != 2:
            raise NotThisProtocol("the answer is not one of Prometheus")
        value = pair[1] if isinstance(pair[1], str) else ""  # a histogram has no one number
        found.append((_labels(one.get("metric")), value))
    return found


def _labels(value: Any) -> _Series:
    """The labels of one series. Raises NotThisProtocol."""
    if not isinstance(value, dict) or len(value) > _MAX_LABELS:
        raise NotThisProtocol("the answer is not one of Prometheus")
    if not all(isinstance(text, str) for text in value.values()):
        raise NotThisProtocol("the answer is not one of Prometheus")
    return value


def _strings(data: Any) -> list[str]:
    """A list of names (null where it is empty). Raises NotThisProtocol."""
    listed = [] if data is None else data
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise NotThisProtocol("the answer is not one of Prometheus")
    return listed


def _product(first: Response, build: Mapping[str, Any], flags: Mapping[str, Any]) -> str | None:
    """Which of the servers it is, where it can be told."""
    if "x-server-hostname" in first.headers:
        return "VictoriaMetrics"
    if "grpc-address" in flags:
        return "Thanos"
    return "Prometheus" if "goVersion" in build else None


def _can_write(flags: Mapping[str, Any]) -> CanWrite:
    """By the flags that open the admin API and the receivers; unknown where they are not told."""
    old = flags.get("enable-feature")
    if "true" in (flags.get(_ADMIN), *(flags.get(name) for name in _RECEIVERS)) or (
        isinstance(old, str) and _OLD_RECEIVERS.search(old)
    ):
        return "yes"
    return "no" if flags.get(_ADMIN) == "false" and isinstance(old, str) else "unknown"
