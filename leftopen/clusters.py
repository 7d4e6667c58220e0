"""Services of the operator's own Kubernetes cluster or Docker machine, as targets.

Asked of the cluster's own API through its official client, with the credentials the operator has
set up for it (kubeconfig or the pod's account; DOCKER_HOST or the local socket): this is the
operator's inventory, not a network that is audited, so that the API itself needs no scope. What it
names does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from leftopen.errors import LeftopenError, UsageError
from leftopen.imports import pair

_PAGE = 500  # objects of one answer
_SECONDS = 30  # for one answer


class ClusterFailed(LeftopenError):
    """The cluster's API did not answer as it should; the text says what to look at."""

    code = "cluster"


def of_kubernetes() -> list[str]:
    """`address:port` of every TCP port of every Service: its cluster, external and load balancer
    addresses; of headless Services, those of the ready and unready endpoints behind them.

    Raises UsageError where the client or its configuration is missing, ClusterFailed where the
    API does not answer.
    """
    try:
        from kubernetes import client, config
    except ImportError:
        raise UsageError("the Kubernetes client is missing; install leftopen[k8s]") from None
    try:
        config.load_config()  # type: ignore[no-untyped-call]  # the client has no types
    except config.ConfigException:
        raise UsageError(
            "no Kubernetes configuration was found; set KUBECONFIG or run inside the cluster"
        ) from None
    core, slices = client.CoreV1Api(), client.DiscoveryV1Api()
    try:
        services = list(_pages(core.list_service_for_all_namespaces))
        headless = [s for s in services if (s.spec.cluster_ip or "None") == "None"]
        found = [target for service in services for target in _of_service(service)]
        if headless:
            names = {(s.metadata.namespace, s.metadata.name) for s in headless}
            behind = _pages(slices.list_endpoint_slice_for_all_namespaces)
            found += [t for one in behind for t in _of_slice(one, names)]
    except client.ApiException as error:
        raise ClusterFailed(
            f"the Kubernetes API answered with status {error.status}; "
            "may this account list services and endpointslices in all namespaces?"
        ) from None
    except Exception as error:  # urllib3's and the client's own: nothing of it is of use here
        raise ClusterFailed(
            f"the Kubernetes API did not answer ({type(error).__name__}); is the cluster reachable?"
        ) from None
    return list(dict.fromkeys(found))


def _pages(listing: Any) -> Iterator[Any]:
    """Every object of a listing, page by page."""
    token: str | None = None
    while True:
        page = listing(limit=_PAGE, _continue=token, _request_timeout=_SECONDS)
        yield from page.items
        token = page.metadata._continue
        if not token:
            return


def _of_service(service: Any) -> Iterator[str]:
    spec, ports = service.spec, _tcp(service.spec.ports)
    addresses = [a for a in spec.cluster_i_ps or [spec.cluster_ip] if a and a != "None"]
    addresses += spec.external_i_ps or []
    balancer = service.status.load_balancer if service.status else None
    addresses += [i.ip or i.hostname for i in (balancer.ingress if balancer else None) or []]
    for address in addresses:
        yield from (pair(address, port) for port in ports)


def _of_slice(one: Any, headless: set[tuple[str, str]]) -> Iterator[str]:
    owner = (one.metadata.labels or {}).get("kubernetes.io/service-name")
    if (one.metadata.namespace, owner) not in headless or one.address_type == "FQDN":
        return
    for endpoint in one.endpoints or []:
        for address in endpoint.addresses:
            yield from (pair(address, port) for port in _tcp(one.ports))


def _tcp(ports: Iterable[Any] | None) -> list[int]:
    return [p.port for p in ports or [] if (p.protocol or "TCP") == "TCP" and p.port]


def of_docker() -> list[str]:
    """`address:port` of every TCP port that a running container exposes, at its address in each
    network, and of every port that is published at an address of this machine.

    Raises UsageError where the client is missing, ClusterFailed where the engine does not answer.
    """
    try:
        import docker
    except ImportError:
        raise UsageError("the Docker client is missing; install leftopen[docker]") from None
    try:
        client = docker.from_env(timeout=_SECONDS)
        try:
            told = [container.attrs for container in client.containers.list()]
        finally:
            client.close()
    except (docker.errors.DockerException, OSError) as error:
        raise ClusterFailed(
            f"the Docker engine did not answer ({type(error).__name__}); is it running, "
            "and may you talk to it?"
        ) from None
    return list(dict.fromkeys(target for attrs in told for target in _of_container(attrs)))


def _of_container(attrs: Mapping[str, Any]) -> Iterator[str]:
    settings = attrs.get("NetworkSettings") or {}
    exposed = {*(settings.get("Ports") or {}), *(attrs["Config"].get("ExposedPorts") or {})}
    ports = sorted(int(p.partition("/")[0]) for p in exposed if p.endswith("/tcp"))
    for network in (settings.get("Networks") or {}).values():
        for address in (network.get("IPAddress"), network.get("GlobalIPv6Address")):
            if address:
                yield from (pair(address, port) for port in ports)
    for inner, bindings in (settings.get("Ports") or {}).items():
        for binding in bindings or [] if inner.endswith("/tcp") else []:
            host = ip_address(binding.get("HostIp") or "::")
            if host.is_unspecified:  # every address of this machine: loopback is one that is known
                host = ip_address("127.0.0.1" if host.version == 4 else "::1")
            yield pair(str(host), int(binding["HostPort"]))
