"""Targets that another scanner found, or a list names: nmap, masscan, naabu, zmap, plain text.

What comes out are targets as an operator would write them (`10.0.0.5:6379`, `10.0.0.0/24`, a
name), so that they go the way of all others: through the scope. Which format a file has is told by
its content. Formats: nmap's XML (-oX) and grepable (-oG) output in its reference guide; masscan's
-oX, -oG, -oJ, -oD and -oL as its version 1.3.2 writes them; naabu's plain, -json and -csv output
(-json also as it was before 2.1.7, with the port as an object); zmap's list, CSV and JSON with
`saddr` and `sport`. naabu writes IPv6 addresses in plain output without brackets, which cannot be
told from a longer address: its -json is for those.
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
_MASSCAN_LINE = re.compile(r"(open|closed|banner) (tcp|udp|sctp|icmp|oproto) (\d+) (\S+)(?: .*)?")
_GREPABLE = re.compile(r"(?:Timestamp: \d+\t)?Host: (\S+) \([^)\t]*\)\t(?:Ports: ([^\t]*))?.*")
# A list's line is one target, then perhaps what naabu knows of the service, and a comment.
_LISTED = re.compile(r"(\S+)(?:\s+\[[^\]]*\])*(?:\s+#.*)?")
_PROSE = ("Nmap scan report for ", "Starting Nmap ", "Discovered open port ")
_IS_OPEN = ("synack", "echoreply")  # zmap's classifications of hosts that answer as hoped


def read(stream: BinaryIO, name: str) -> list[str]:
    """The targets of a file, in its order, each once; `name` is the file's, for errors.

    Only TCP ports told as open count. Raises UsageError with one line that says what is wrong and
    where.
    """
    try:
        data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise UsageError(f"is larger than {MAX_BYTES >> 20} MiB; split it")
        found = _each_once(_targets(data))
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({error.strerror})") from None
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    if not found:
        raise UsageError(
            f"{name}: names no target and no open TCP port; "
            "give output of nmap, masscan, naabu or zmap, or a list"
        )
    return found


def read_file(path: Path) -> list[str]:
    """The same for a file by its path."""
    try:
        with path.open("rb") as stream:
            return read(stream, str(path))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None


def _each_once(targets: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for target in targets:
        found[target] = None
        if len(found) > MAX_TARGETS:
            raise UsageError(f"names more than {MAX_TARGETS} targets; split it")
    return list(found)


def _targets(data: bytes) -> Iterable[str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # what Windows' shell makes of any output
        data = _decoded(data, "utf-16").encode()
    if data.removeprefix(b"\xef\xbb\xbf")[:512].lstrip().startswith(b"<"):
        return _of_xml(data)
    text = _decoded(data, "utf-8-sig")
    start = text[:512].lstrip()
    if start.startswith(("[", "{")) and not re.match(r"\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]", start):
        return _of_json(text)
    return _of_lines(text)


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise UsageError("is neither text nor XML; give a scanner's output or a list") from None


# --- XML: nmap -oX, masscan -oX ------------------------------------------------------------------


def _of_xml(data: bytes) -> Iterator[str]:
    parser = expat.ParserCreate("utf-8")  # all of them write it, whatever a shell made of it
    hosts = _Hosts(parser)
    try:
        for start in range(0, len(data), 1 << 16):
            parser.Parse(data[start : start + (1 << 16)], False)
            yield from hosts.taken()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UsageError(
            f"line {error.lineno} is not XML; was the scan broken off? Give whole output"
        ) from None
    yield from hosts.taken()
    if not hosts.is_scan:
        raise UsageError("is XML, but no output of nmap or masscan")


class _Hosts:
    """Open TCP ports of the hosts of an nmaprun document, as its elements come."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self.is_scan = False
        self._parser = parser
        self._addresses: dict[str, None] = {}  # each once, or a small file could make many pairs
        self._port: int | None = None
        self._open: dict[int, None] = {}
        self._done: list[tuple[Iterable[str], Iterable[int]]] = []
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = parser.AttlistDeclHandler = self._declared

    def taken(self) -> Iterator[str]:
        """The targets since this was last asked."""
        done, self._done = self._done, []
        for addresses, ports in done:
            for address in addresses:
                yield from (pair(address, port) for port in ports)

    def _declared(self, *_: object) -> None:
        raise UsageError("declares XML entities or attributes; no scanner does")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        where = f"line {self._parser.CurrentLineNumber}"
        if tag == "nmaprun":
            self.is_scan = True
        elif tag == "host":
            self._addresses, self._open = {}, {}
        elif tag == "address" and attributes.get("addrtype") in ("ipv4", "ipv6"):
            self._addresses[_address(attributes.get("addr", ""), where)] = None
        elif tag == "port":
            tcp = attributes.get("protocol") == "tcp"
            self._port = _number(attributes.get("portid", ""), where) if tcp else None
        elif tag == "state" and self._port is not None and attributes.get("state") == "open":
            self._open[self._port] = None

    def _end(self, tag: str) -> None:
        if tag == "port":
            self._port = None
        elif tag == "host":
            if self.is_scan:
                self._done.append((self._addresses, self._open))
            self._addresses, self._open = {}, {}


# --- JSON: masscan -oJ and -oD, naabu -json, zmap -O json ----------------------------------------


def _of_json(text: str) -> Iterator[str]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return _of_records(_json_lines(text))
    records = told if isinstance(told, list) else [told]
    return _of_records((f"record {number}", record) for number, record in enumerate(records, 1))


def _json_lines(text: str) -> Iterator[tuple[str, Any]]:
    """A record a line; masscan sets an array's signs around them and commas before or after."""
    for where, line in _lines(text):
        bare = line.strip(",").strip()
        if bare in ("", "[", "]", "{finished: 1}"):
            continue
        try:
            yield where, json.loads(bare)
        except (ValueError, RecursionError):
            raise UsageError(
                f"{where} is not JSON; was the scan broken off? Give whole output"
            ) from None


def _of_records(records: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for where, record in records:
        if not isinstance(record, Mapping):
            raise UsageError(f"{where} is no object of masscan's, naabu's or zmap's")
        if "finished" in record:
            continue
        listed = record.get("ports")
        for told in listed if isinstance(listed, list) else [record.get("port")]:
            # masscan lists objects; naabu had one, now has a number beside its own keys.
            port = {**record, **told} if isinstance(told, Mapping) else dict(record)
            if _is_open_tcp(port):
                yield _of_record(port, where)


def _of_record(port: Mapping[str, Any], where: str) -> str:
    names = [port.get(key) for key in ("ip", "saddr", "host")]
    address, host = names[0] or names[1], names[2]
    number = next((port[key] for key in ("Port", "port", "sport") if key in port), None)
    if isinstance(address, str):
        named = _address(address, where)
    elif address is None and isinstance(host, str) and host:
        named = host
    else:
        raise UsageError(f"{where} names no address; give output of masscan, naabu or zmap")
    if number is None or (number == 0 and port.get("protocol") == ""):  # naabu found a host only
        return named
    return pair(named, _number(str(number), where))


def _is_open_tcp(port: Mapping[str, Any]) -> bool:
    """masscan's, naabu's and zmap's words for it; what is not told is as they default."""
    data = port.get("data")
    status = data.get("status", "open") if isinstance(data, Mapping) else "open"
    # naabu's `proto` is a guess at the service; its protocol is in `protocol`, once in `Protocol`.
    own = "protocol" if "protocol" in port else "Protocol" if "Protocol" in port else "proto"
    return (
        port.get(own, "tcp") in ("tcp", "", 0)
        and port.get("status", "open") == "open"
        and status == "open"
        and port.get("success", 1) in (1, True)
        and port.get("classification", "synack") in _IS_OPEN
    )


# --- lines: masscan -oL, nmap and masscan -oG, naabu's and zmap's CSV and plain output, a list ----


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Lines that hold something, each with where it stands."""
    for number, raw in enumerate(text.split("\n"), 1):
        if line := raw.strip():
            yield f"line {number}", line


def _of_lines(text: str) -> Iterator[str]:
    columns: list[str] = []
    for where, line in _lines(text):
        if line.startswith("#"):
            continue
        if line.startswith(_PROSE):
            raise UsageError(
                f"{where} is meant for people; give nmap's -oX or -oG, masscan's -oJ or -oL"
            )
        if columns:
            yield from _of_row(columns, line, where)
        elif (found := _MASSCAN_LINE.fullmatch(line)) is not None:
            if found[1] == "open" and found[2] == "tcp":
                yield pair(_address(found[4], where), _number(found[3], where))
        elif (found := _GREPABLE.fullmatch(line)) is not None:
            yield from _of_grepable(found[1], found[2] or "", where)
        elif {"saddr", "ip"} & set(line.split(",")):
            columns = line.split(",")
        elif (found := _LISTED.fullmatch(line)) is not None:
            yield found[1]
        else:
            raise UsageError(f"{where} holds more than one target; write each on its own line")


def _of_grepable(address: str, ports: str, where: str) -> Iterator[str]:
    for port in ports.split(", "):
        parts = port.strip().split("/")
        if len(parts) >= 3 and parts[1:3] == ["open", "tcp"]:
            yield pair(_address(address, where), _number(parts[0], where))


def _of_row(columns: list[str], line: str, where: str) -> Iterator[str]:
    """A row of zmap's or naabu's CSV; naabu's are longer than its header by columns of no name."""
    try:
        cells = next(csv.reader([line], strict=True))
    except csv.Error:
        raise UsageError(f"{where} is not CSV") from None
    if len(cells) < len(columns):
        raise UsageError(f"{where} has fewer columns than the first; was the scan broken off?")
    row: dict[str, Any] = dict(zip(columns, cells, strict=False))
    row["success"] = int(row.get("success", "1") in ("1", "true"))
    if row.get("port") == "0":  # naabu found a host only
        del row["port"]
    if not row.get("ip") and not row.get("saddr"):
        raise UsageError(f"{where} names no address")
    if _is_open_tcp(row):
        yield _of_record(row, where)


def _address(text: str, where: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise UsageError(f"{where} has an address that is none") from None


def _number(port: str, where: str) -> int:
    plain = port.isascii() and port.isdigit() and len(port) <= 5
    if not plain or not 0 < int(port) < 65_536:
        raise UsageError(f"{where} has a port that is none from 1 to 65535")
    return int(port)


def pair(host: str, port: int) -> str:
    """A host and its port as a target is written."""
    try:
        six = ip_address(host).version == 6
    except ValueError:  # a name, or nonsense that the plan will refuse
        six = False
    return f"[{host}]:{port}" if six else f"{host}:{port}"
