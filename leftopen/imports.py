"""Targets that another scanner found, or a list names: nmap, masscan, naabu, zmap, plain text.

What comes out are targets as an operator would write them (`10.0.0.5:6379`, `10.0.0.0/24`, a
name), so that they go the way of all others: through the scope. Which format a file has is told by
its content. Formats: nmap's XML (-oX) and grepable (-oG) output in its reference guide, masscan's
-oX, -oJ, -oD and -oL in its manual page, naabu's plain and -json lines, zmap's list and CSV with
`saddr` and `sport`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat

from leftopen.errors import UsageError

MAX_BYTES = 256 << 20  # of one file
MAX_TARGETS = 1_000_000  # of one file
_MASSCAN_LINE = re.compile(r"(open|closed|banner) (tcp|udp|sctp) (\d{1,5}) (\S+)(?: .*)?")
_GREPABLE = re.compile(r"(?:Timestamp: \d+\t)?Host: (\S+) \([^)\t]*\)\t(?:Ports: ([^\t]*))?.*")
_COLUMNS = ("saddr", "sport")  # zmap's names


def read(stream: BinaryIO, name: str) -> list[str]:
    """The targets of a file, in its order, each once; `name` is the file's, for errors.

    Only TCP ports told as open count. Raises UsageError with one line that says what is wrong and
    where.
    """
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name}: is larger than {MAX_BYTES >> 20} MiB; split it")
    try:
        found = dict.fromkeys(_targets(data))
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    if len(found) > MAX_TARGETS:
        raise UsageError(f"{name}: names more than {MAX_TARGETS} targets; split it")
    if not found:
        raise UsageError(
            f"{name}: names no target; give output of nmap, masscan, naabu or zmap, or a list"
        )
    return list(found)


def read_file(path: Path) -> list[str]:
    """The same for a file by its path."""
    try:
        with path.open("rb") as stream:
            return read(stream, str(path))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None


def _targets(data: bytes) -> Iterator[str]:
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return _of_xml(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("is neither text nor XML; give a scanner's output or a list") from None
    if start[:1] in (b"[", b"{") and not re.match(rb"\[[0-9A-Fa-f:.]+\]", start):
        return _of_json(text)
    return _of_lines(text)


# --- XML: nmap -oX, masscan -oX ------------------------------------------------------------------


def _of_xml(data: bytes) -> Iterator[str]:
    hosts = _Hosts()
    parser = expat.ParserCreate()
    parser.StartElementHandler = hosts.start
    parser.EndElementHandler = hosts.end
    parser.EntityDeclHandler = _no_entities
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UsageError(
            f"line {error.lineno} is not XML; was the scan broken off? Give whole output"
        ) from None
    if not hosts.is_scan:
        raise UsageError("is XML, but no output of nmap or masscan")
    return iter(hosts.targets)


def _no_entities(*_: object) -> None:
    raise UsageError("declares XML entities; no scanner does")


class _Hosts:
    """Open TCP ports of the hosts of an nmaprun document, as its elements come."""

    def __init__(self) -> None:
        self.is_scan = False
        self.targets: list[str] = []
        self._addresses: list[str] = []
        self._port: int | None = None
        self._open: list[int] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "nmaprun":
            self.is_scan = True
        elif tag == "host":
            self._addresses, self._open = [], []
        elif tag == "address" and attributes.get("addrtype") in ("ipv4", "ipv6"):
            self._addresses.append(attributes.get("addr", ""))
        elif tag == "port":
            tcp = attributes.get("protocol") == "tcp"
            self._port = _number(attributes.get("portid", "")) if tcp else None
        elif tag == "state" and self._port is not None and attributes.get("state") == "open":
            self._open.append(self._port)

    def end(self, tag: str) -> None:
        if tag == "port":
            self._port = None
        elif tag == "host":
            self.targets += [pair(a, port) for a in self._addresses for port in self._open]


# --- JSON: masscan -oJ and -oD, naabu -json ------------------------------------------------------


def _of_json(text: str) -> Iterator[str]:
    try:
        told = json.loads(text)
        return _of_records(enumerate(told if isinstance(told, list) else [told], 1))
    except (ValueError, RecursionError):
        return _of_records(_json_lines(text))


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    """A record a line; masscan sets an array's signs around them and a comma after each."""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip().rstrip(",").strip()
        if bare in ("", "[", "]", "{finished: 1}"):
            continue
        try:
            yield number, json.loads(bare)
        except (ValueError, RecursionError):
            raise UsageError(f"line {number} is not JSON") from None


def _of_records(records: Iterable[tuple[int, Any]]) -> Iterator[str]:
    for number, record in records:
        if not isinstance(record, Mapping):
            raise UsageError(f"record {number} is no object of masscan's or naabu's")
        if "finished" in record:
            continue
        address = record.get("ip") or record.get("host") or record.get("saddr")
        if not isinstance(address, str):
            raise UsageError(f"record {number} names no ip; give output of masscan or naabu")
        listed = record.get("ports")
        if isinstance(listed, list):
            ports = [p for p in listed if isinstance(p, Mapping) and _is_open_tcp(p)]
        else:
            ports = [{"port": record.get("port", record.get("sport"))}]
        for port in ports:
            told = port.get("port", port.get("Port"))
            where = f"record {number}"
            yield _target(address, None if told is None else str(told), where)


def _is_open_tcp(port: Mapping[str, Any]) -> bool:
    """masscan's and naabu's words for it; those of an open TCP port are also the defaults."""
    return port.get("proto", "tcp") in ("tcp", 0) and port.get("status", "open") == "open"


# --- lines: masscan -oL, nmap -oG, zmap's CSV, naabu, a list -------------------------------------


def _of_lines(text: str) -> Iterator[str]:
    columns: list[str] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        where = f"line {number}"
        if not line or line.startswith("#"):
            continue
        if (found := _MASSCAN_LINE.fullmatch(line)) is not None:
            if found[1] == "open" and found[2] == "tcp":
                yield _target(found[4], found[3], where)
        elif (found := _GREPABLE.fullmatch(line)) is not None:
            yield from _of_grepable(found[1], found[2] or "", where)
        elif columns is None and set(_COLUMNS[:1]) & set(line.split(",")):
            columns = line.split(",")
        elif columns is not None:
            cells = dict(zip(columns, next(csv.reader([line])), strict=False))
            yield _target(cells.get("saddr", ""), cells.get("sport"), where)
        else:
            yield line.split("#")[0].split()[0]


def _of_grepable(address: str, ports: str, where: str) -> Iterator[str]:
    for port in ports.split(", "):
        parts = port.strip().split("/")
        if len(parts) >= 3 and parts[1:3] == ["open", "tcp"]:
            yield _target(address, parts[0], where)


def _target(host: str, port: str | None, where: str) -> str:
    number = None if port is None else _number(port)
    if port is not None and number is None:
        raise UsageError(f"{where} has a port that is none from 1 to 65535")
    if not host:
        raise UsageError(f"{where} names no address")
    return host if number is None else pair(host, number)


def _number(port: str) -> int | None:
    plain = port.isascii() and port.isdigit() and len(port) <= 5
    return int(port) if plain and 0 < int(port) < 65_536 else None


def pair(host: str, port: int) -> str:
    """A host and its port as a target is written."""
    try:
        six = ip_address(host).version == 6
    except ValueError:  # a name, or nonsense that the plan will refuse
        six = False
    return f"[{host}]:{port}" if six else f"{host}:{port}"
