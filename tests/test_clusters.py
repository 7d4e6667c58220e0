"""The operator's own cluster as a source of targets: the official clients against recorded answers.

The answers in `data/clusters` have the shapes of the Kubernetes API reference (ServiceList v1,
EndpointSliceList discovery.k8s.io/v1, Status v1) and of the Docker Engine API reference 1.47
(version, container list and inspect); every name and address in them is invented.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from leftopen import clusters
from leftopen.clusters import ClusterFailed, of_docker, of_kubernetes
from leftopen.discover import parse_target
from leftopen.errors import UsageError
from leftopen.servers.base import ServerMissingError, certificate, free_port
from leftopen.testing import need

RECORDED = Path(__file__).parent / "data" / "clusters"
Answer = Callable[[str, dict[str, list[str]]], tuple[int, Any]]  # path, query → status, JSON
SERVICES = "/api/v1/services"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


@dataclass
class Api:
    """An API on loopback that answers from recordings, and remembers what it was asked."""

    answer: Answer
    asked: list[tuple[str, str]] = field(default_factory=list)
    queries: list[dict[str, list[str]]] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def serve() -> Iterator[Callable[..., Api]]:
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []
    apis: list[Api] = []

    def start(answer: Answer, pem: tuple[Path, Path] | None = None) -> Api:
        api = Api(answer)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = parse_qs(url.query)
                api.asked.append((self.command, url.path))
                api.queries.append(query)
                status, told = api.answer(url.path, query)
                body = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if status == 307:
                    self.send_header("Location", f"http://127.0.0.1:{api.port}/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        api.port = server.server_address[1]
        if pem is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pem)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        apis.append(api)
        return api

    try:
        yield start
    finally:
        for server, thread in running:
            server.shutdown()
            thread.join()
            server.server_close()
    for api in apis:
        assert {method for method, _ in api.asked} <= {"GET"}, "nothing but reading reaches an API"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of this machine's user reaches a test."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "DOCKER_HOST",
                 "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
                 "http_proxy", "https_proxy", "all_proxy"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def kubeconfig(folder: Path, port: int) -> Path:
    """A kubeconfig for an API on loopback; JSON is YAML as well."""
    told = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "velmora", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "auditor", "user": {"token": "invented"}}],
        "contexts": [{"name": "audit", "context": {"cluster": "velmora", "user": "auditor"}}],
        "current-context": "audit",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(told))
    return path


def cluster(path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
    """The recorded cluster, which answers a list in two pages."""
    if path == SERVICES:
        first = recorded("services_1")
        token = first["metadata"]["continue"]
        if "continue" not in query:
            return 200, first
        assert query["continue"] == [token]
        return 200, recorded("services_2")
    return (200, recorded("endpointslices")) if path == SLICES else (404, {})


IN_THE_CLUSTER = [
    "10.96.0.1:443",
    "10.96.4.20:6379",
    "[fd00:10:96::4:20]:6379",
    "10.96.4.21:9200",
    "10.96.4.21:9300",
    "10.96.0.10:53",
    "10.96.4.22:5000",
    "198.51.100.7:5000",
    "203.0.113.10:5000",
    "lb.velmora.example:5000",
    "10.96.4.23:27017",
    "10.244.1.5:5432",
    "10.244.2.6:5432",
    "[fd00:10:244::5]:5432",
]


def official(module: str, extra: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError:
        raise ServerMissingError(
            f"{module}'s client is missing; install leftopen[{extra}]"
        ) from None


@pytest.fixture
def kubernetes(
    serve: Callable[[Answer], Api], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Answer], Api]:
    """Starts an API and names it in KUBECONFIG."""
    need(official, "kubernetes", "k8s")

    def start(answer: Answer) -> Api:
        api = serve(answer)
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, api.port)))
        return api

    return start


def test_services_of_every_type(
    kubernetes: Callable[[Answer], Api], capfd: pytest.CaptureFixture[str]
) -> None:
    api = kubernetes(cluster)
    found = of_kubernetes()
    assert found == IN_THE_CLUSTER
    assert api.asked == [("GET", SERVICES), ("GET", SERVICES), ("GET", SLICES)]
    assert all(query["limit"] == ["500"] for query in api.queries)
    assert capfd.readouterr() == ("", ""), "standard output is the report's alone"
    for target in found:
        assert parse_target(target, lambda _: [ip_address("10.0.0.5")]).port


def test_endpoints_are_asked_for_only_where_a_service_is_headless(
    kubernetes: Callable[[Answer], Api],
) -> None:
    page = {**recorded("services_1"), "metadata": {}}
    api = kubernetes(lambda path, query: (200, page))
    assert of_kubernetes() == IN_THE_CLUSTER[:5]
    assert api.asked == [("GET", SERVICES)]


def test_several_files_in_kubeconfig(
    kubernetes: Callable[[Answer], Api], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    api = kubernetes(cluster)
    both = f"{tmp_path / 'none'}{os.pathsep}{kubeconfig(tmp_path, api.port)}"
    monkeypatch.setenv("KUBECONFIG", both)
    assert of_kubernetes() == IN_THE_CLUSTER


def test_the_kubeconfig_in_the_home_folder_is_found_and_left_as_it_is(
    kubernetes: Callable[[Answer], Api], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    api = kubernetes(cluster)
    (tmp_path / ".kube").mkdir()
    file = kubeconfig(tmp_path, api.port).rename(tmp_path / ".kube" / "config")
    before = file.read_bytes()
    monkeypatch.delenv("KUBECONFIG")
    assert of_kubernetes() == IN_THE_CLUSTER
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("status", "told", "says"),
    [
        (403, recorded("forbidden"), "answered with status 403; may this account list services"),
        (401, recorded("forbidden"), "answered with status 401"),
        (500, b"\x1b[2J", "answered with status 500"),
        (307, b"", "answered with status 307"),
        (200, b"<html>", "is no list of services; does KUBECONFIG name a Kubernetes API"),
        (200, b"[" * 100_000, "is no list of services"),
        (200, [], "is no list of services"),
        (200, {"items": [{}], "metadata": {}}, "is no list of services"),
        (200, {"items": "abc", "metadata": {}}, "is no list of services"),
        (200, {"items": [], "metadata": {"continue": "for ever"}}, "is no list of services"),
    ],
)
def test_an_api_that_does_not_list(
    kubernetes: Callable[[Answer], Api],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    told: Any,
    says: str,
) -> None:
    monkeypatch.setattr(clusters, "_PAGES", 20)
    api = kubernetes(lambda path, query: (status, told))
    with pytest.raises(ClusterFailed) as raised:
        of_kubernetes()
    assert says in str(raised.value)
    assert "velmora" not in str(raised.value), "nothing of the answer"
    assert str(raised.value).isprintable()
    assert {path for _, path in api.asked} == {SERVICES}, "a redirect is not followed"


def test_a_refusal_of_endpoints_alone(kubernetes: Callable[[Answer], Api]) -> None:
    kubernetes(lambda p, q: cluster(p, q) if p == SERVICES else (403, recorded("forbidden")))
    with pytest.raises(ClusterFailed, match=r"status 403; may this account .* endpointslices"):
        of_kubernetes()


def test_a_cluster_with_nothing_in_it_is_not_taken_for_everything(
    kubernetes: Callable[[Answer], Api],
) -> None:
    kubernetes(lambda path, query: (200, {"items": None, "metadata": {}}))
    with pytest.raises(UsageError, match="the cluster names no TCP port"):
        of_kubernetes()


def test_a_cluster_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need(official, "kubernetes", "k8s")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, free_port())))
    with pytest.raises(ClusterFailed, match=r"did not answer .*; is the cluster reachable"):
        of_kubernetes()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no Kubernetes configuration was found; set KUBECONFIG"),
        ("", "no Kubernetes configuration was found"),
        ("{}", "no Kubernetes configuration was found"),
        ("\x00", "cannot be used"),
        ("{", "cannot be used"),
        ("- 1", "cannot be used"),
        ("current-context: x", "no Kubernetes configuration was found"),
    ],
)
def test_a_kubeconfig_that_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, says: str
) -> None:
    need(official, "kubernetes", "k8s")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "k"))
    if text is not None:
        (tmp_path / "k").write_text(text)
    with pytest.raises(UsageError) as raised:
        of_kubernetes()
    assert says in str(raised.value)


def test_without_any_configuration(capfd: pytest.CaptureFixture[str]) -> None:
    need(official, "kubernetes", "k8s")
    with pytest.raises(UsageError, match="set KUBECONFIG or run inside the cluster"):
        of_kubernetes()
    assert capfd.readouterr() == ("", "")


def test_inside_a_pod_its_own_account_is_used(
    serve: Callable[..., Api], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    need(official, "kubernetes", "k8s")
    from kubernetes.config import incluster_config

    pem = certificate(tmp_path)
    api = serve(cluster, pem)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(api.port))
    with pytest.raises(UsageError, match="no Kubernetes configuration was found"):
        of_kubernetes()
    (tmp_path / "token").write_text("invented")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(pem[0]))
    assert of_kubernetes() == IN_THE_CLUSTER
    assert len(api.asked) == 3

    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other")
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(other))
    with pytest.raises(ClusterFailed, match="over TLS; is its certificate the one expected"):
        of_kubernetes()
    assert len(api.asked) == 3


# --- Docker --------------------------------------------------------------------------------------


def engine(path: str, _: dict[str, list[str]]) -> tuple[int, Any]:
    """The recorded Docker engine; one container of its list is gone when asked about."""
    asked = re.sub(r"^/v1\.\d+", "", path)
    if asked == "/version":
        return 200, recorded("docker_version")
    if asked == "/containers/json":
        return 200, recorded("docker_containers")
    found = re.fullmatch(r"/containers/([0-9a-f]{64})/json", asked)
    if found is None or found[1][0] == "0":
        return 404, {"message": "No such container"}
    return 200, recorded(f"docker_{found[1][0]}")


IN_NETWORKS = {
    "172.17.0.2:6379",
    "172.18.0.2:6379",
    "[fd00:18::2]:6379",
    *(f"{host}:{port}" for host in ("172.18.0.3", "[fd00:18::3]") for port in (9200, 9300, 9600)),
    "[fd00:19::4]:53",
}
PUBLISHED = {
    "127.0.0.1:16379",
    "[::1]:16379",
    "127.0.0.1:19200",
    "10.0.0.5:10053",
    "127.0.0.1:10054",
    "127.0.0.1:11211",
}


@pytest.fixture
def docker(
    serve: Callable[[Answer], Api], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Answer], Api]:
    """Starts an engine and names it in DOCKER_HOST."""
    need(official, "docker", "docker")

    def start(answer: Answer) -> Api:
        api = serve(answer)
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{api.port}")
        return api

    return start


def test_containers(docker: Callable[[Answer], Api], capfd: pytest.CaptureFixture[str]) -> None:
    api = docker(engine)
    found = of_docker()
    assert set(found) == IN_NETWORKS | PUBLISHED
    assert len(found) == len(set(found))
    assert capfd.readouterr() == ("", "")
    (listed,) = [q for (_, path), q in zip(api.asked, api.queries, strict=True)
                 if path.endswith("/containers/json")]  # fmt: skip
    assert listed["all"] == ["0"], "stopped ones are not asked for"
    for target in found:
        assert parse_target(target, lambda _: []).port


@pytest.mark.parametrize(
    ("host", "machine"),
    [
        ("", None),
        ("unix:///var/run/docker.sock", None),
        ("tcp://localhost:2375", None),
        ("tcp://127.0.0.1:2375", None),
        ("tcp://[::1]:2375", None),
        ("tcp://10.0.0.9:2376", "10.0.0.9"),
        ("tcp://[fd00::9]:2376", "fd00::9"),
        ("ssh://audit@Docker.velmora.example", "docker.velmora.example"),
        ("https://docker.velmora.example:2376", "docker.velmora.example"),
    ],
)
def test_which_machine_an_engine_runs_on(host: str, machine: str | None) -> None:
    assert clusters._machine(host) == machine


def test_what_another_machine_publishes_is_not_looked_for_on_this_one() -> None:
    names = [f"docker_{letter}" for letter in "abcdef"]
    found = {t for n in names for t in clusters._of_container(recorded(n), "10.0.0.9")}
    there = {"10.0.0.9:16379", "10.0.0.5:10053", "10.0.0.9:10054", "10.0.0.9:11211"}
    assert found == IN_NETWORKS | there


@pytest.mark.parametrize(
    ("status", "told", "says"),
    [
        (403, {"message": "velmora"}, "did not answer"),
        (500, b"\x1b[2J", "did not answer"),
        (200, b"<html>velmora</html>", "did not answer"),
        (200, {"message": "velmora"}, "is no list of containers; does DOCKER_HOST"),
        (200, [7], "is no list of containers"),
        (200, [{"Id": "f" * 64}], "is no list of containers"),
    ],
)
def test_an_engine_that_does_not_list(
    docker: Callable[[Answer], Api], status: int, told: Any, says: str
) -> None:
    docker(lambda p, q: engine(p, q) if p.endswith("/version") else (status, told))
    with pytest.raises(ClusterFailed) as raised:
        of_docker()
    assert says in str(raised.value)
    assert "velmora" not in str(raised.value)
    assert str(raised.value).isprintable()


def test_no_docker_engine(docker: Callable[[Answer], Api]) -> None:
    docker(lambda path, query: (200, {"hello": "velmora"}))
    with pytest.raises(ClusterFailed):
        of_docker()


def test_an_engine_without_containers_is_not_taken_for_everything(
    docker: Callable[[Answer], Api],
) -> None:
    docker(lambda p, q: engine(p, q) if p.endswith("/version") else (200, []))
    with pytest.raises(UsageError, match="the Docker engine names no TCP port"):
        of_docker()


# The client leaves its socket open where it cannot connect; it is collected within the test.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("host", ["tcp://127.0.0.1:{port}", "unix:///no/such/socket", "nonsense:"])
def test_an_engine_that_is_gone(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    need(official, "docker", "docker")
    monkeypatch.setenv("DOCKER_HOST", host.format(port=free_port()))
    with pytest.raises(ClusterFailed, match="the Docker engine did not answer"):
        of_docker()
    gc.collect()


@pytest.mark.parametrize(
    ("module", "ask", "says"),
    [
        ("kubernetes", of_kubernetes, r"install leftopen\[k8s\]"),
        ("docker", of_docker, r"install leftopen\[docker\]"),
    ],
)
def test_without_the_client(
    monkeypatch: pytest.MonkeyPatch, module: str, ask: Callable[[], list[str]], says: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=says):
        ask()
