"""Services of the operator's own Kubernetes cluster or Docker machine, as targets.

Asked of the cluster's own API through its official client, with the credentials the operator has
set up for it (kubeconfig or the pod's account; DOCKER_HOST or the local socket): this is the
operator's inventory, not a network that is audited, so that the API itself needs no scope. What it
names does. Only lists are read, and nothing is written: not even a kubeconfig's renewed token.

The Kubernetes answers are read as the API's own JSON, not as the client's objects: their names
changed between versions of the client, and some refuse what the API does answer.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from leftopen.errors import LeftopenError, UsageError
from leftopen.imports import pair

_PAGE = 500  # objects of one answer
_PAGES = 2_000
_SECONDS = 30  # for one answer
_NAMES_NOTHING = "names no TCP port of a running service; there is nothing to scan"
_EXPOSED = re.compile(r"(\d{1,5})(?:/tcp)?")  # no protocol means TCP


class ClusterFailed(LeftopenError):
    """The cluster's API did not answer as it should; the text says what to look at."""

    code = "cluster"


def of_kubernetes() -> list[str]:
    """`address:port` of every TCP port of every Service: its cluster, external and load balancer
    addresses; of headless Services, those of the ready and unready endpoints behind them.

    Left out are the nodes' addresses of NodePort Services, whose pods the cluster address leads
    to as well, and ExternalName, which is a name for something elsewhere. Raises UsageError where
    the client or its configuration is missing or nothing is named, ClusterFailed where the API
    does not answer.
    """
    try:
        from kubernetes import client, config
    except ImportError:
        raise UsageError("the Kubernetes client is missing; install leftopen[k8s]") from None
    settings = client.Configuration()
    settings.retries = False  # one try a request; and no redirect is followed
    try:
        _configure(config, settings)
    except config.ConfigException:
        raise UsageError(
            "no Kubernetes configuration was found; set KUBECONFIG or run inside the cluster"
        ) from None
    except Exception as error:  # whatever a damaged file makes of the client's loader
        raise UsageError(
            f"the Kubernetes configuration cannot be used ({type(error).__name__}); "
            "look at KUBECONFIG"
        ) from None
    try:
        with client.ApiClient(settings) as api:
            core, slices = client.CoreV1Api(api), client.DiscoveryV1Api(api)
            services = list(_pages(core.list_service_for_all_namespaces))
            found = [target for service in services for target in _of_service(service)]
            if headless := {_key(s["metadata"]) for s in services if _is_headless(s["spec"])}:
                behind = _pages(slices.list_endpoint_slice_for_all_namespaces)
                found += [t for one in behind for t in _of_slice(one, headless)]
    except client.ApiException as error:
        if not error.status:  # the client's way to tell of a failed TLS handshake
            raise ClusterFailed(
                "the Kubernetes API did not answer over TLS; is its certificate the one expected?"
            ) from None
        raise ClusterFailed(
            f"the Kubernetes API answered with status {error.status}; "
            "may this account list services and endpointslices in all namespaces?"
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise ClusterFailed(
            "the Kubernetes API answered with something that is no list of services; "
            "does KUBECONFIG name a Kubernetes API?"
        ) from None
    except Exception as error:  # urllib3's and the client's own: nothing of it is of use here
        raise ClusterFailed(
            f"the Kubernetes API did not answer ({type(error).__name__}); is the cluster reachable?"
        ) from None
    return _each_once(found, "the cluster")


def _configure(config: Any, settings: Any) -> None:
    """The settings for the client: kubeconfig's, or those of the pod that this runs in.

    The client's own choice between the two would print, and knows only one file in KUBECONFIG.
    """
    if "KUBECONFIG" in os.environ or "KUBERNETES_SERVICE_HOST" not in os.environ:
        file = os.environ.get("KUBECONFIG", "~/.kube/config")
        config.load_kube_config(file, client_configuration=settings, persist_config=False)
    else:
        config.load_incluster_config(client_configuration=settings)


def _pages(listing: Callable[..., Any]) -> Iterator[Mapping[str, Any]]:
    """Every object of a listing, page by page."""
    told: dict[str, Any] = {}
    for _ in range(_PAGES):
        answer = listing(
            limit=_PAGE, _request_timeout=_SECONDS, _preload_content=False, **told
        )  # fmt: skip
        page = json.loads(answer.data)
        yield from page["items"] or []
        if not (token := page["metadata"].get("continue")):
            return
        told = {"_continue": token}
    raise ValueError("a listing without end")


def _key(metadata: Mapping[str, Any]) -> tuple[str, str]:
    return metadata["namespace"], metadata["name"]


def _is_headless(spec: Mapping[str, Any]) -> bool:
    return spec.get("type") != "ExternalName" and spec.get("clusterIP") == "None"


def _of_service(service: Mapping[str, Any]) -> Iterator[str]:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return
    own = spec.get("clusterIPs") or [spec.get("clusterIP")]
    addresses = [*own, *(spec.get("externalIPs") or [])]
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    addresses += [i.get("ip") or i.get("hostname") for i in balancer.get("ingress") or []]
    for address in addresses:
        if address and address != "None":
            yield from (pair(address, port) for port in _tcp(spec.get("ports")))


def _of_slice(one: Mapping[str, Any], headless: set[tuple[str, str]]) -> Iterator[str]:
    metadata = one["metadata"]
    owner = (metadata.get("labels") or {}).get("kubernetes.io/service-name")
    if (metadata["namespace"], owner) not in headless or one.get("addressType") == "FQDN":
        return
    for endpoint in one.get("endpoints") or []:
        for address in endpoint["addresses"]:
            yield from (pair(address, port) for port in _tcp(one.get("ports")))


def _tcp(ports: Iterable[Mapping[str, Any]] | None) -> list[int]:
    """Ports of a Service or a slice; one without a number stands for every port, and is none."""
    told = [p for p in ports or [] if p.get("protocol", "TCP") == "TCP" and p.get("port")]
    return [int(p["port"]) for p in told]


def of_docker() -> list[str]:
    """`address:port` of every TCP port that a running container exposes, at its address in each
    network, and of every port that is published at an address of its machine; of containers in
    the machine's own network, the ports they expose there.

    Raises UsageError where the client is missing or nothing is named, ClusterFailed where the
    engine does not answer.
    """
    try:
        import docker
    except ImportError:
        raise UsageError("the Docker client is missing; install leftopen[docker]") from None
    try:
        client = docker.from_env(timeout=_SECONDS)
        try:
            # One that stops meanwhile is no error.
            told = [c.attrs for c in client.containers.list(ignore_removed=True)]
        finally:
            client.close()
    except (docker.errors.DockerException, OSError) as error:
        raise ClusterFailed(
            f"the Docker engine did not answer ({type(error).__name__}); is it running, "
            "and may you talk to it?"
        ) from None
    except Exception:  # the client's own, some with the answer in their text
        raise _no_docker() from None
    machine = _machine(os.environ.get("DOCKER_HOST", ""))
    try:
        found = [target for attrs in told for target in _of_container(attrs, machine)]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _no_docker() from None
    return _each_once(found, "the Docker engine")


def _no_docker() -> ClusterFailed:
    return ClusterFailed(
        "the Docker engine answered with something that is no list of containers; "
        "does DOCKER_HOST name a Docker engine?"
    )


def _machine(engine: str) -> str | None:
    """The host that the engine runs on, as DOCKER_HOST has it; None for this machine."""
    url = urlsplit(engine)
    host = url.hostname if url.scheme in ("tcp", "http", "https", "ssh") else None
    if host is None or host == "localhost":
        return None
    try:
        return None if ip_address(host).is_loopback else host
    except ValueError:
        return host


def _of_container(attrs: Mapping[str, Any], machine: str | None) -> Iterator[str]:
    settings = attrs["NetworkSettings"]
    published = settings.get("Ports") or {}
    exposed = {*published, *(attrs["Config"].get("ExposedPorts") or {})}
    ports = sorted(int(found[1]) for p in exposed if (found := _EXPOSED.fullmatch(p)))
    for name, network in (settings.get("Networks") or {}).items():
        addresses = [network.get("IPAddress"), network.get("GlobalIPv6Address")]
        if name == "host":
            addresses = [machine or "127.0.0.1"]
        for address in addresses:
            yield from (pair(address, port) for port in ports if address)
    for inner, bindings in published.items():
        for binding in bindings or [] if _EXPOSED.fullmatch(inner) else []:
            if host := _reached(binding.get("HostIp") or "0.0.0.0", machine):  # noqa: S104  # told
                yield pair(host, int(binding["HostPort"]))


def _reached(bound: str, machine: str | None) -> str | None:
    """Where a port bound to this address of the machine is reached from here, if anywhere."""
    address = ip_address(bound)
    if address.is_unspecified:  # every address of the machine: one that is known
        return machine or ("127.0.0.1" if address.version == 4 else "::1")
    return None if machine is not None and address.is_loopback else str(address)


def _each_once(found: Iterable[str], where: str) -> list[str]:
    """The targets; to name none would otherwise be taken for naming everything in scope."""
    targets = list(dict.fromkeys(found))
    if not targets:
        raise UsageError(f"{where} {_NAMES_NOTHING}")
    return targets
