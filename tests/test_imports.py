"""Reading other scanners' output: real runs of nmap and masscan, recorded samples, any bytes.

Samples of programs that are not installed follow their own sources: naabu's pkg/runner/output.go
(and its issue 731 for the port as an object), zmap's src/output_modules and the field lists of
its tcp_synscan probe; masscan's of old, its issues 215 and 288.
"""

from __future__ import annotations

import io
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leftopen import imports
from leftopen.discover import parse_target
from leftopen.errors import UsageError
from leftopen.imports import pair, read, read_file
from leftopen.servers.base import ServerMissingError, free_port
from leftopen.testing import need


def targets(text: str | bytes) -> list[str]:
    return read(io.BytesIO(text.encode() if isinstance(text, str) else text), "f")


def refusal(text: str | bytes) -> str:
    """The one line that refuses this; checks that it is one and safe to show."""
    with pytest.raises(UsageError) as raised:
        targets(text)
    line = str(raised.value)
    assert line.startswith("f: ")
    assert line.isprintable()
    assert len(line) < 200
    return line


# --- the programs themselves ---------------------------------------------------------------------


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ServerMissingError(f"{name} is not installed (Debian: apt install {name})")
    return found


@pytest.fixture
def listeners() -> Iterator[list[str]]:
    """Three ports open on loopback, as targets."""
    opened: list[socket.socket] = []
    for address in ("127.0.0.1", "127.0.0.2", "::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        one = socket.socket(family, socket.SOCK_STREAM)
        one.bind((address, 0))
        one.listen()
        opened.append(one)
    try:
        yield [pair(*one.getsockname()[:2]) for one in opened]
    finally:
        for one in opened:
            one.close()


@pytest.mark.parametrize("kind", ["-oX", "-oG", "-oN"])
def test_nmap(tmp_path: Path, listeners: list[str], kind: str) -> None:
    nmap = need(program, "nmap")
    ports = ",".join([*(t.rpartition(":")[2] for t in listeners), str(free_port())])
    scan = [nmap, "-n", "-Pn", "-sT", "-p", ports]
    four, six = tmp_path / "4", tmp_path / "6"
    subprocess.run([*scan, kind, four, "127.0.0.1-2"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*scan, kind, six, "-6", "::1"], check=True, stdout=subprocess.DEVNULL)
    if kind == "-oN":
        with pytest.raises(UsageError, match="line 2 is meant for people; give nmap's -oX or -oG"):
            read_file(four)
    else:
        tried = {f"127.0.0.{n}:{port}" for n in (1, 2) for port in ports.split(",")}
        # A port may by chance be open on the other address of the two as well.
        assert set(listeners[:2]) <= set(read_file(four)) <= tried
        assert listeners[2] in read_file(six)
        assert len(read_file(four)) < 8, "closed ports are no targets"


def scanned(kind: int, address: str, protocol: int, port: int) -> bytes:
    """One record of masscan's own binary output, 1.1: type and length, then the fields; types 6
    and 7 are an open and a closed port of an IPv4 address, 10 and 11 of an IPv6 one."""
    packed, when, reason, ttl = ip_address(address).packed, 1795317239, 0x12, 64
    if len(packed) == 4:
        fields = struct.pack(">I4sBHBB", when, packed, protocol, port, reason, ttl)
    else:
        fields = struct.pack(">IBHBBB16s", when, protocol, port, reason, ttl, 6, packed)
    return bytes([kind, len(fields)]) + fields


# masscan cannot scan loopback: it makes frames for a network card. Its binary output can be made,
# and masscan itself turns that into each of its formats.
SCANNED = b"".join([
    b"masscan/1.1\ns:1795317239\n".ljust(99, b"\0"),
    scanned(6, "10.0.0.5", 6, 6379),
    scanned(6, "10.0.0.6", 6, 9200),
    scanned(7, "10.0.0.5", 6, 27017),
    scanned(6, "10.0.0.7", 17, 53),
    scanned(10, "fd00::5", 6, 5432),
    scanned(6, "10.0.0.5", 6, 6379),
    b"masscan/1.1".ljust(99, b"\0"),
])  # fmt: skip


@pytest.mark.parametrize("kind", ["-oX", "-oG", "-oJ", "-oD", "-oL"])
def test_masscan(tmp_path: Path, kind: str) -> None:
    masscan = need(program, "masscan")
    (tmp_path / "binary").write_bytes(SCANNED)
    written = tmp_path / "written"
    told = [masscan, "--readscan", "binary", "--show", "closed", kind, "written"]
    subprocess.run(told, check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)
    text = written.read_text()
    assert "27017" in text, "what is closed is in the file"
    assert "53" in text
    assert read_file(written) == ["10.0.0.5:6379", "10.0.0.6:9200", "[fd00::5]:5432"]


def test_masscans_binary_output_is_refused() -> None:
    assert "is neither text nor XML" in refusal(SCANNED + b"\xff")


# --- recorded ------------------------------------------------------------------------------------

NMAP_XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/bin/../share/nmap/nmap.xsl" type="text/xsl"?>
<!-- Nmap 7.93 scan initiated Sun Nov 22 03:13:59 2026 as: nmap -oX x 10.0.0.4/30 -->
<nmaprun scanner="nmap" start="1795317239" version="7.93" xmloutputversion="1.05">
<scaninfo type="connect" protocol="tcp" numservices="3" services="6379,9200,27017"/>
<hosthint><status state="up" reason="arp-response" reason_ttl="0"/>
<address addr="10.0.0.7" addrtype="ipv4"/>
</hosthint>
<host starttime="1795317239" endtime="1795317239"><status state="up" reason="syn-ack"/>
<address addr="10.0.0.5" addrtype="ipv4"/>
<address addr="02:00:00:00:00:05" addrtype="mac" vendor="Velmora"/>
<hostnames>
<hostname name="db.example.org" type="PTR"/>
</hostnames>
<ports><extraports state="filtered" count="997"><extrareasons reason="no-response" count="997"/>
</extraports>
<port protocol="tcp" portid="6379"><state state="open" reason="syn-ack" reason_ttl="64"/>\
<service name="redis" product="&lt;b&gt;open&lt;/b&gt; 9/open/tcp" method="probed" conf="10"/>\
<script id="x" output="state=open"><elem key="state">open</elem></script></port>
<port protocol="tcp" portid="9200"><state state="closed" reason="conn-refused"/></port>
<port protocol="tcp" portid="27017"><state state="filtered" reason="no-response"/></port>
<port protocol="udp" portid="53"><state state="open" reason="udp-response"/></port>
<port protocol="udp" portid="161"><state state="open|filtered" reason="no-response"/></port>
<port protocol="tcp" portid="80"><state state="open" reason="syn-ack" reason_ttl="64"/></port>
</ports>
<os><portused state="open" proto="tcp" portid="7"/></os>
</host>
<host><status state="down" reason="no-response" reason_ttl="0"/>
<address addr="10.0.0.6" addrtype="ipv4"/>
</host>
<host><status state="up" reason="syn-ack"/>
<address addr="fd00::5" addrtype="ipv6"/>
<ports><port protocol="tcp" portid="5432"><state state="open" reason="syn-ack"/></port></ports>
</host>
<runstats><finished time="1795317239" exit="success"/><hosts up="2" down="1" total="3"/>
</runstats>
</nmaprun>
"""
FOUND = ["10.0.0.5:6379", "10.0.0.5:80", "[fd00::5]:5432"]
NMAP_GREPABLE = (
    "# Nmap 7.93 scan initiated Sun Nov 22 03:13:59 2026 as: nmap -oG x 10.0.0.4/30\n"
    "Host: 10.0.0.5 (db.example.org)\tStatus: Up\n"
    "Host: 10.0.0.5 (db.example.org)\tPorts: 6379/open/tcp//redis//Redis 6, 9|open|tcp/, "
    "9200/closed/tcp/////, 27017/filtered/tcp/////, 53/open/udp//domain///, "
    "161/open|filtered/udp//snmp///, 80/open/tcp//http//nginx/\tIgnored State: closed (994)\n"
    "Host: 10.0.0.6 ()\tStatus: Down\n"
    "Host: fd00::5 ()\tPorts: 5432/open/tcp//postgresql///\n"
    "# Nmap done at Sun Nov 22 03:13:59 2026 -- 4 IP addresses (2 hosts up) scanned\n"
)
MASSCAN = (
    '{   "ip": "%s",   "timestamp": "1501607463", "ports": [ {"port": %d, "proto": "tcp", %s} ] }'
)
ONE = MASSCAN % ("10.0.0.5", 6379, '"status": "open", "reason": "syn-ack", "ttl": 64')
TWO = MASSCAN % ("10.0.0.5", 80, '"service": {"name": "http", "banner": "[ {\\u0022}, "}')
SIX = MASSCAN % ("fd00::5", 5432, '"status": "open", "reason": "syn-ack", "ttl": 64')
SHUT = MASSCAN % ("10.0.0.5", 9200, '"status": "closed", "reason": "rst-ack", "ttl": 64')
MASSCAN_GREPABLE = (
    "# Masscan 1.3.2 scan initiated Sun Nov 22 03:13:59 2026\n"
    "Timestamp: 1795317239\tHost: 10.0.0.5 ()\tPorts: 6379/open/tcp//redis//\n"
    "Host: 10.0.0.5 ()\tPort: 6379\tService: http\tBanner: Ports: 1/open/tcp\n"
    "Timestamp: 1795317239\tHost: 10.0.0.5 ()\tPorts: 80/open/tcp//http//\n"
    "Timestamp: 1795317239\tHost: fd00::5 ()\tPorts: 5432/open/tcp//postgresql//\n"
)
MASSCAN_LIST = (
    "#masscan\nopen tcp 6379 10.0.0.5 1390380064\nbanner tcp 6379 10.0.0.5 1390380065 http a b\n"
    "closed tcp 9200 10.0.0.5 1390380064\nopen udp 53 10.0.0.5 1390380064\n"
    "open icmp 0 10.0.0.5 1390380064\nopen tcp 80 10.0.0.5 1390380066\n"
    "open tcp 5432 fd00::5 1390380067\n# end\n"
)
NAABU = '{"host":"db.example.org","ip":"%s","timestamp":"2026-07-10T11:43:17Z",%s,"tls":false}'
NAABU_HEADER = "host,ip,port,protocol,tls,cdn,cdn-name,timestamp,mac_address,,cpes\n"
NAABU_CELLS = "false,false,,2026-07-10 11:43:17 +0000 UTC,,,,,,0,\n"
ZMAP_HEADER = "saddr,daddr,sport,dport,classification,repeat,success\n"
ZMAP_JSON = '{"saddr":"%s","sport":%d,"classification":"%s","success":%s}'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (NMAP_XML, FOUND),
        (NMAP_GREPABLE, FOUND),
        (f"[\n{ONE}\n,\n{TWO}\n,\n{SHUT}\n,\n{SIX}\n]\n", FOUND),
        (f"[\n{ONE},\n{SHUT},\n{TWO},\n{SIX},\n]\n", FOUND),  # not JSON: a comma too many
        (f"{ONE},\n{TWO},\n{SIX},\n{{finished: 1}}\n", FOUND),  # nor is this
        (f'[{ONE},\n{TWO},\n{SIX},\n{{"finished": 1}}]', FOUND),
        (f"[\n{ONE}\n,\n{TWO}\n,\n{SIX}\n", FOUND),  # the end is missing
        (MASSCAN_LIST, FOUND),
        (MASSCAN_GREPABLE, FOUND),
        ("10.0.0.5:6379\n10.0.0.5:80 [http nginx/1.25] [cdn]\n[fd00::5]:5432\n", FOUND),
        ("db.example.org:443\n10.0.0.5:6379 [redis]\n", ["db.example.org:443", "10.0.0.5:6379"]),
        ('{"ip":"104.16.99.52","port":443}\n{"ip":"104.16.99.52","port":80}\n',
         ["104.16.99.52:443", "104.16.99.52:80"]),
        ('{"host":"db.example.org","port":443}', ["db.example.org:443"]),
        (NAABU % ("10.0.0.5", '"port":6379,"protocol":"tcp"') + "\n"
         + NAABU % ("10.0.0.5", '"port":53,"protocol":"udp"') + "\n"
         + NAABU % ("10.0.0.5", '"port":80,"protocol":"tcp","proto":"http","name":"http"') + "\n"
         + NAABU % ("fd00::5", '"port":{"Port":5432,"Protocol":0,"TLS":false}') + "\n"
         + NAABU % ("fd00::5", '"port":{"Port":53,"Protocol":1,"TLS":false}') + "\n", FOUND),
        (NAABU % ("10.0.0.5", '"port":0,"protocol":""'), ["10.0.0.5"]),
        (NAABU_HEADER + "db.example.org,10.0.0.5,6379,tcp," + NAABU_CELLS
         + ",10.0.0.5,53,udp," + NAABU_CELLS + ",10.0.0.5,80,tcp," + NAABU_CELLS
         + ",fd00::5,5432,tcp," + NAABU_CELLS, FOUND),
        (NAABU_HEADER + ",10.0.0.5,0,tcp," + NAABU_CELLS, ["10.0.0.5"]),
        ("10.0.0.5\n10.0.0.6\n10.0.0.5\n", ["10.0.0.5", "10.0.0.6"]),  # zmap without a header
        ("saddr\n10.0.0.5\n10.0.0.6\n", ["10.0.0.5", "10.0.0.6"]),
        ("saddr,sport\n10.0.0.5,6379\n10.0.0.5,80\nfd00::5,5432\n", FOUND),
        (ZMAP_HEADER + "10.0.0.5,10.0.0.1,6379,40001,synack,0,1\n"
         "10.0.0.5,10.0.0.1,6379,40001,synack,1,1\n10.0.0.5,10.0.0.1,9200,40001,rst,0,0\n"
         '10.0.0.5,10.0.0.1,"80",40001,synack,0,1\nfd00::5,fd00::1,5432,40001,synack,0,1\n', FOUND),
        ("saddr,classification\n10.0.0.5,echoreply\n10.0.0.6,unreach\n", ["10.0.0.5"]),
        ("saddr,sport,classification\n10.0.0.5,6379,synack\n10.0.0.5,123,udp\n", FOUND[:1]),
        ("\n".join([ZMAP_JSON % ("10.0.0.5", 6379, "synack", "1"),
                    ZMAP_JSON % ("10.0.0.5", 9200, "rst", "0"),
                    ZMAP_JSON % ("10.0.0.5", 9201, "rst", "false"),
                    ZMAP_JSON % ("10.0.0.5", 80, "synack", "true"),
                    ZMAP_JSON % ("fd00::5", 5432, "synack", "1")]), FOUND),
        ("# ours\n\n  10.0.0.0/24  \n[::1]:6379 # the cache\n::1\nfd00::/64\ndb.example.org\n"
         "db.example.org:27017\n10.0.0.5:6379\n\t#end",
         ["10.0.0.0/24", "[::1]:6379", "::1", "fd00::/64", "db.example.org",
          "db.example.org:27017", "10.0.0.5:6379"]),
        ("[::1]:6379\n", ["[::1]:6379"]),
        ("[fd00::5]", ["[fd00::5]"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shell", ["as it is", "BOM", "CRLF", "UTF-16"])
def test_samples(text: str, found: list[str], shell: str) -> None:
    made = {
        "as it is": text.encode(),
        "BOM": b"\xef\xbb\xbf" + text.encode(),
        "CRLF": text.replace("\n", "\r\n").encode(),
        "UTF-16": text.encode("utf-16"),  # with its byte order mark
    }
    assert targets(made[shell]) == found
    for target in found:
        assert parse_target(target, lambda _: [ip_address("10.0.0.5")]).networks


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE nmaprun [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><nmaprun>&j;</nmaprun>"
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no target"),
        ("\n \n# nothing\n", "names no target"),
        ("\ufeff", "names no target"),
        (NMAP_GREPABLE.replace("/open/", "/closed/"), "names no target and no open TCP port"),
        ("#masscan\n# end\n", "names no target"),
        ("[\n]\n", "names no target"),
        (ZMAP_HEADER, "names no target"),
        ("\x00\x01\x02\xff".encode("latin-1"), "neither text nor XML"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb", "neither text nor XML"),
        (b"\xff\xfe\x00\xd8\x00\x00", "neither text nor XML"),
        (NMAP_XML[:2000], "is not XML; was the scan broken off"),
        (NMAP_XML.replace("</nmaprun>", ""), "is not XML; was the scan broken off"),
        ("<html><body>6379</body></html>", "no output of nmap or masscan"),
        ('<x><host><address addr="10.0.0.5" addrtype="ipv4"/><port protocol="tcp" portid="1">'
         '<state state="open"/></port></host></x>', "no output of nmap or masscan"),
        (BOMB, "declares XML entities"),
        ('<!DOCTYPE n [<!ENTITY x SYSTEM "file:///etc/passwd">]><nmaprun>&x;</nmaprun>',
         "declares XML entities"),
        ('<!DOCTYPE n [<!ATTLIST host x CDATA "y">]><nmaprun/>', "declares XML entities"),
        ("<nmaprun>" + "<host>" * 20_000, "is not XML"),
        (NMAP_XML.replace('portid="80"', 'portid="65536"'), "line 23 has a port that is none"),
        (NMAP_XML.replace('portid="80"', 'portid="0"'), "has a port that is none"),
        (NMAP_XML.replace('portid="80"', 'portid="٣"'), "has a port that is none"),
        (NMAP_XML.replace("fd00::5", "a.example.org"), "line 31 has an address that is none"),
        ("<?xml\x1b?>" + NMAP_XML, "line 1 is not XML"),
        (NMAP_GREPABLE.replace("80/open", "99999/open"), "line 3 has a port that is none"),
        (NMAP_GREPABLE.replace("Host: fd00::5", "Host: x"), "line 5 has an address that is none"),
        ("open tcp 0 10.0.0.5 1", "line 1 has a port that is none"),
        ("open tcp 6379 \x1b[2J 1", "line 1 has an address that is none"),
        ("Nmap scan report for 10.0.0.5\nHost is up.\n", "line 1 is meant for people"),
        ("Discovered open port 80/tcp on 10.0.0.5 \n", "line 1 is meant for people"),
        ("10.0.0.1\n10.0.0.5 10.0.0.6\n", "line 2 holds more than one target"),
        ("PORT STATE SERVICE\n", "line 1 holds more than one target"),
        ("saddr,sport\n10.0.0.5\n", "line 2 has fewer columns"),
        ("saddr,sport\n10.0.0.5,70000\n", "line 2 has a port that is none"),
        ("saddr,sport\n,80\n", "line 2 names no address"),
        ("saddr,sport\nx,80\n", "line 2 has an address that is none"),
        ('saddr,sport\n10.0.0.5,"80\n', "line 2 is not CSV"),
        ("saddr,sport\n10.0.0.5," + "8" * 200_000, "line 2 is not CSV"),
        (f"[\n{ONE},\n{TWO[:40]}", "line 3 is not JSON; was the scan broken off"),
        ("[" * 100_000, "line 1 is not JSON"),
        ('{"a":' * 100_000, "line 1 is not JSON"),
        ("{]", "line 1 is not JSON"),
        ("[1]", "record 1 is no object"),
        ('{"x":1}\n[2]\n', "line 1 names no address"),
        ("[null]", "record 1 is no object"),
        ('{"ip":7,"port":1}', "record 1 names no address"),
        ('{"ip":"\\ud800","port":1}', "record 1 has an address that is none"),
        ('{"ip":"a.example.org","port":1}', "record 1 has an address that is none"),
        ('{"ip":"10.0.0.5","port":65536}', "record 1 has a port that is none"),
        ('{"ip":"10.0.0.5","port":-1}', "record 1 has a port that is none"),
        ('{"ip":"10.0.0.5","port":0,"protocol":"tcp"}', "record 1 has a port that is none"),
        ('{"ip":"10.0.0.5","port":true}', "record 1 has a port that is none"),
        ('{"ip":"10.0.0.5","port":"6379/tcp"}', "record 1 has a port that is none"),
        ('{"ip":"10.0.0.5","port":1e400}', "record 1 has a port that is none"),
        ('{"ip":"10.0.0.5","port":' + "9" * 5_000 + "}", "line 1 is not JSON"),
        ('{"ip":"10.0.0.5","port":[80]}', "record 1 has a port that is none"),
    ],
)  # fmt: skip
def test_refusals(text: str | bytes, says: str) -> None:
    line = refusal(text)
    assert says in line
    assert "\x1b" not in line


def test_what_came_before_the_break_of_a_line_format_is_kept() -> None:
    assert targets(NMAP_GREPABLE[: NMAP_GREPABLE.index("Host: fd00") + 30]) == FOUND[:2]
    assert targets("#masscan\nopen tcp 6379 10.0.0.5 13903") == ["10.0.0.5:6379"]


def test_a_huge_line_is_one_target_that_the_plan_refuses_in_one_short_line() -> None:
    (target,) = targets("x" * 3_000_000)
    with pytest.raises(UsageError) as raised:
        parse_target(target, lambda _: [])
    assert len(str(raised.value)) < 300


def test_no_file_makes_more_targets_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_TARGETS", 100_000)
    hosts = "".join(f'<address addr="fd00::{n:x}" addrtype="ipv6"/>' for n in range(400))
    ports = "".join(
        f'<port protocol="tcp" portid="{n}"><state state="open"/></port>' for n in range(1, 400)
    )
    line = refusal(f"<nmaprun><host>{hosts}<ports>{ports}</ports></host></nmaprun>")
    assert "names more than 100000 targets; split it" in line
    monkeypatch.setattr(imports, "MAX_TARGETS", 3)
    assert len(targets("a\nb\nc\na\n")) == 3
    assert "names more than 3 targets" in refusal("a\nb\nc\nd\n")


def test_a_file_that_is_too_large_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_BYTES", 1 << 20)
    with pytest.raises(UsageError, match="/dev/zero: is larger than 1 MiB"):
        read_file(Path("/dev/zero"))


class _Broken(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"f: cannot be read \(Input/output error\)"):
        read(_Broken(), "f")
    with pytest.raises(UsageError, match=r"none: cannot be read \(No such file"):
        read_file(tmp_path / "none")
    with pytest.raises(UsageError, match=r"cannot be read \(Is a directory"):
        read_file(tmp_path)


_pieces = st.sampled_from(
    [ONE, SHUT, "{finished: 1}", "[", "]", ",", "\n", "\t", "\x1b[31m", "\u202e", "\ud7ff", "saddr",
     "sport", "ip,port\n", ZMAP_HEADER, "10.0.0.5", "fd00::5", ":6379", "Host: ", "()", "\tPorts: ",
     "80/open/tcp//", "open tcp 80 ", "<nmaprun>", "<host>", "</host>", "</nmaprun>", "<!DOCTYPE a",
     '<address addr="10.0.0.5" addrtype="ipv4"/>', '<port protocol="tcp" portid="80">', "&amp;",
     '<state state="open"/>', "</port>", '{"ip":"10.0.0.5","port":', "80}", '"', "'", "#", " ",
     "\ufeff", "\x00", "\x85", "\u2028"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.binary(max_size=200) | st.lists(_pieces | st.text(max_size=5), max_size=30).map("".join))
@example("[\ud800".encode("utf-16", "surrogatepass"))
@example(b'<?xml version="1.0" encoding="utf-7"?><nmaprun/>')
@example(b'<?xml version="1.0" encoding="no-such"?><nmaprun/>')
def test_any_bytes_are_targets_or_one_clear_line(data: bytes | str) -> None:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    line = ""
    try:
        found = read(io.BytesIO(raw), "f")
    except UsageError as error:
        line = str(error)
        assert line.startswith("f: ")
        assert len(line) < 200
    else:
        assert found
        assert len(set(found)) == len(found)
        for target in found:
            try:
                parse_target(target, lambda _: [ip_address("10.0.0.5")])
            except UsageError as error:
                line += str(error)
    assert line.isprintable()
