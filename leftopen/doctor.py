"""What this machine can do, and whether leftopen itself is left open: `leftopen doctor`.

Its own record is looked at as anybody else's store is: a file by who may read it, a database by
asking it without a name, with the same engines.
"""

from __future__ import annotations

import importlib.util
import platform
import resource
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from leftopen import __version__
from leftopen.budget import Budget
from leftopen.engines import all_engines
from leftopen.errors import LeftopenError
from leftopen.model import Target
from leftopen.net.dial import TcpDialer
from leftopen.net.resolve import resolve
from leftopen.net.sweep import IN_FLIGHT
from leftopen.prober import judge
from leftopen.scope import Scope
from leftopen.servers.needs import missing
from leftopen.store import default_url

_EXTRAS = {
    "postgresql": "psycopg",
    "k8s": "kubernetes",
    "docker": "docker",
}
_DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: `well` is None where there is nothing to judge."""

    about: str
    text: str
    well: bool | None = None


async def examine() -> list[Finding]:
    """Everything the doctor looks at, in the order in which it is told."""
    return [*_machine(), *await _record(), *_engines()]


def _machine() -> Iterator[Finding]:
    yield Finding("leftopen", f"{__version__} on Python {platform.python_version()}")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft == resource.RLIM_INFINITY or soft > IN_FLIGHT
    advice = "" if enough else f"; a sweep uses up to {IN_FLIGHT}: raise it with ulimit -n"
    yield Finding("open files", f"at most {soft}{advice}", enough)
    for extra, package in _EXTRAS.items():
        here = importlib.util.find_spec(package) is not None
        told = "installed" if here else f"not installed: pip install 'leftopen[{extra}]'"
        yield Finding(f"leftopen[{extra}]", told)


async def _record() -> list[Finding]:
    """Whether anybody but us may read what leftopen has recorded."""
    url = make_url(default_url())
    if url.get_backend_name() == "sqlite":
        return [*_file(Path(url.database))] if url.database else []
    return [await _server(url)]


def _file(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield Finding("record", f"{path}: not made yet")
        return
    for each in (path, path.parent):
        mode = stat.S_IMODE(each.stat().st_mode)
        shut = not mode & _OTHERS
        told = "readable by you alone" if shut else f"others may use it ({mode:o})"
        advice = "" if shut else f"; close it with: chmod go-rwx {each}"
        # a folder others may look into is no harm as long as the file in it is shut
        yield Finding("record", f"{each}: {told}{advice}", shut if each == path else None)


async def _server(url: URL) -> Finding:
    """The database that holds the record, asked as any other is."""
    port = url.port or _DEFAULT_PORTS.get(url.get_backend_name(), 0)
    host = url.host or "localhost"
    if not port or host.startswith("/"):
        return Finding("record", "a database behind a socket of this machine")
    try:
        address = resolve(host)[0]
    except (LeftopenError, IndexError):
        return Finding("record", f"{host} has no address here; is LEFTOPEN_STORE right?", False)
    scope = Scope(targets=(ip_network(address),), owner="leftopen's own record")
    target = Target(address, port, None if host == str(address) else host)
    judged = await judge(TcpDialer(scope, Budget()), target, all_engines())
    service = judged.service
    told = f"{target} is {service.verdict} from {service.vantage}: {service.reason}"
    return Finding("record", told, not service.exposed)


def _engines() -> Iterator[Finding]:
    for engine in all_engines().values():
        if engine.verified == "scripted":
            yield Finding(engine.name, "known from its documentation only; no real server to try")
            continue
        install = missing(engine.name)
        told = "can be exercised here" if install is None else f"its server is missing: {install}"
        yield Finding(engine.name, told, None if install is None else False)
