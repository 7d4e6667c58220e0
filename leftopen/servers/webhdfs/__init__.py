"""A real HDFS name node on loopback with WebHDFS: names without data, for it has no data nodes.

It writes every operation to its log, with who asked (its audit log); `operations` reads them back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leftopen.servers.base import Server, free_port, launch, new_folder, unless_failed
from leftopen.servers.calls import ask
from leftopen.servers.maven import JAVA, class_path

_OWNER = "keeper"  # the superuser is whoever started it
_START_SECONDS = 120.0  # about 2 on two idle cores
# Jersey, which its web server is made with, builds classes as Java has not allowed since 16.
_OPENED = ("--add-opens", "java.base/java.lang=ALL-UNNAMED")
_AUDIT = re.compile(r"audit allowed=(\w+)\tugi=(\S+) .*?\tcmd=(\w+)\tsrc=(\S+)\t.*proto=webhdfs")
_LOGGING = """\
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n
log4j.logger.org.apache.hadoop.hdfs.server.namenode.FSNamesystem.audit=INFO
"""


def webhdfs(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    tree: Sequence[tuple[str, ...]] = (),
) -> Server:
    """Start a name node that holds `tree`; anybody who can reach it may ask.

    Each of `tree` is done in turn, as the superuser: ("dir", path), ("file", path) for one without
    a byte, ("mode", path, octal), ("owner", path, user, group). Raises ServerMissingError where
    Maven or a JDK is missing.
    """
    classes = class_path(__name__, "WebHDFS")
    port = free_port(address) if port is None else port
    folder = new_folder("webhdfs")
    with unless_failed(folder):
        (folder / "log4j.properties").write_text(_LOGGING)
        (folder / "tree").write_text("".join("\t".join(line) + "\n" for line in tree))
        command = [*JAVA, *_OPENED, "-cp", f"{folder}:{classes}", "Node", address, str(port)]
        command += [str(free_port(address)), str(folder), str(folder / "tree")]
        return launch(
            "webhdfs",
            command,
            address,
            port,
            folder,
            ready=lambda: _answers(folder / "server.log", address, port),
            seconds=_START_SECONDS,
            env={"HADOOP_USER_NAME": _OWNER},
        )


def _answers(log: Path, address: str, port: int) -> bool:
    """Whether it holds its tree and has answered once: its first answer takes seconds to make."""
    if "FILLED" not in log.read_text(errors="replace"):
        return False
    return _ask("GET", address, port, "/?op=GETFILESTATUS") == 200


def _ask(method: str, address: str, port: int, path: str) -> int:
    """The status that a request of the owner's is answered with."""
    where = f"/webhdfs/v1{path}&user.name={_OWNER}"
    return ask(address, port, method, where, seconds=_START_SECONDS)[0]


@contextmanager
def mode(server: Server, path: str, octal: str, before: str) -> Iterator[Server]:
    """The server with other permissions of one directory, until the block ends and they are as
    `before` again. Raises RuntimeError where the server refuses."""
    _set_mode(server, path, octal)
    try:
        yield server
    finally:
        _set_mode(server, path, before)


def _set_mode(server: Server, path: str, octal: str) -> None:
    where = f"{path}?op=SETPERMISSION&permission={octal}"
    if _ask("PUT", server.address, server.port, where) != 200:
        raise RuntimeError(f"the name node did not set the permissions of {path}")


def operations(server: Server) -> list[tuple[str, str, str, str]]:
    """Whether allowed, user, operation and path of all that was asked by HTTP so far, in order."""
    return _AUDIT.findall(server.log.read_text(errors="replace"))
