"""Real servers of every engine, open, with canaries in them: unique values of invented people,
planted wherever such a store can hold them; and the dresses in which one could get out."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import html
import json
import time
import unicodedata
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from leftopen.model import OptIn
from leftopen.servers import (
    cassandra,
    chroma,
    clickhouse,
    couchdb,
    etcd,
    ftp,
    influxdb,
    jupyter,
    kafka,
    ldap,
    memcached,
    mongodb,
    mqtt,
    mysql,
    nats,
    neo4j,
    opensearch,
    postgresql,
    prometheus,
    rabbitmq,
    redis,
    registry,
    rsync,
    s3,
    solr,
    webhdfs,
    zookeeper,
)
from leftopen.servers.base import Server, ServerMissingError
from leftopen.servers.nginx import login_proxy

AT_ONCE = 4  # servers that are started side by side
PEOPLE = 40  # rows of each store; under the number that a scan samples, so that all are read
_DOMAIN = "velmora-canary.example"
# Persons' names in names of things; each pair is searched for as a whole.
_PERSONS = (
    "giulia.bianchi", "agnieszka.kowalska", "ingrid.johansson", "pedro.garcia", "hans.schmidt",
    "sofia.rossi", "piotr.nowak", "fatima.khan",
)  # fmt: skip


class Plant:
    """What was planted in one store: each canary by what it is and where it lies.

    The same engine, kind and place always bring the same value, so that a leak can be seen again.
    """

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.values: dict[str, str | bytes] = {}

    def _digest(self, what: str) -> tuple[str, str, bytes]:
        """Eight letters and eleven digits (the last not 0), and 24 bytes."""
        raw = hashlib.sha512(f"{self.engine} {what}".encode()).digest()
        letters = "".join("bcdfghjklmnpqrstvwxz"[byte % 20] for byte in raw[:8])
        digits = "".join(str(byte % 10) for byte in raw[8:18]) + str(raw[18] % 9 + 1)
        return letters, f"7{digits[1:]}", b"\xff\xd8" + raw[20:42]

    def _keep(self, what: str, value: str) -> str:
        self.values[what] = value
        return value

    def cell(self, kind: str) -> str:
        """A value for a cell: e-mail, name, phone, id, coordinate, token or text."""
        letters, digits, raw = self._digest(f"cell {kind}")
        made = {
            "email": f"zoe.{letters}@{_DOMAIN}",
            "name": f"Zanzi Quib{letters}",
            "phone": f"+999555{digits[:8]}",
            "id": f"{digits[:8]}X",
            "coordinate": f"41.{digits}",
            "token": raw[2:].hex()[:40],
            "text": f"Quux{letters} walked home alone past the mill",
        }[kind]
        return self._keep(f"cell: {kind}", made)

    def binary(self) -> bytes:
        """Bytes that are no text."""
        raw = self._digest("binary")[2]
        self.values["cell: binary"] = raw
        return raw

    def binary_as_text(self) -> str:
        """The same as stores of JSON hold it: base64."""
        return self._keep("cell: binary as text", base64.b64encode(self.binary()).decode())

    def name(self, kind: str, where: str) -> str:
        """A part of a name (of a key, a table, a file …): email, number, phone, token or person."""
        letters, digits, raw = self._digest(f"{where} {kind}")
        made = {
            "email": f"{letters}.canary@{_DOMAIN}",
            "number": digits,
            "phone": f"00999555{digits[:8]}",
            "token": raw[2:].hex()[:40],
            "person": _PERSONS[raw[-1] % len(_PERSONS)],
        }[kind]
        return self._keep(f"{where}: {kind}", made)

    def told(self, where: str) -> str:
        """A word for what servers say of themselves, or when they refuse."""
        return self._keep(f"told: {where}", f"canary{self._digest(where)[0]}")

    def people(self) -> list[dict[str, Any]]:
        """Rows of invented people, every fourth with all of the canaries in it."""
        kinds = ("email", "name", "phone", "id", "token", "text")
        hidden: dict[str, Any] = {kind: self.cell(kind) for kind in kinds}
        hidden["lat"] = float(self.cell("coordinate"))
        return [
            hidden
            if n % 4 == 0
            else {
                "email": f"maria.schneider{n}@example.org",
                "name": f"Maria {('Schneider', 'Rossi', 'Garcia')[n % 3]}",
                "phone": f"+4989123400{n:02}",
                "id": f"person {n}",
                "token": "none",
                "text": "was not there",
                "lat": round(48.1 + n / 64, 6),
            }
            for n in range(PEOPLE)
        ]


def dresses(value: str | bytes) -> dict[str, bytes]:
    """The value in every form in which it could have got out."""
    raw = value.encode() if isinstance(value, str) else value
    found: dict[str, bytes] = {"plain": raw}
    if isinstance(value, str):
        escaped = value.encode("unicode_escape").decode()
        forms = {"lower": value.lower(), "upper": value.upper(), "swapped": value.swapcase(),
                 "NFKC": unicodedata.normalize("NFKC", value), "reversed": value[::-1],
                 "JSON": json.dumps(value)[1:-1], "HTML": html.escape(value), "escaped": escaped,
                 "JSON twice": json.dumps(json.dumps(value)[1:-1])[1:-1]}  # fmt: skip
        found |= {name: form.encode() for name, form in forms.items()}
        found |= {name: value.encode(name) for name in ("UTF-16-LE", "UTF-16-BE")}
    else:
        found |= {"repr": repr(value)[2:-1].encode(), "reversed": raw[::-1],
                  "replaced": json.dumps(raw.decode("utf-8", "replace"))[1:-1].encode(),
                  "latin": raw.decode("latin-1").encode()}  # fmt: skip
    found |= {"URL": urllib.parse.quote(raw, safe="").encode(),
              "URL+": urllib.parse.quote_plus(raw).encode(),
              "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode(),
              "base32": base64.b32encode(raw).rstrip(b"=")[:-1]}  # fmt: skip
    for shift in range(3):  # base64 looks different at each of three positions
        coded = base64.b64encode(b"\x00" * shift + raw)
        cut = coded[4 if shift else 0 : len(coded) // 4 * 4 - 4]
        found[f"base64+{shift}"] = cut
        found[f"base64url+{shift}"] = cut.replace(b"+", b"-").replace(b"/", b"_")
    for algorithm in ("md5", "sha1", "sha256"):
        digest = hashlib.new(algorithm, raw, usedforsecurity=False)
        found[algorithm] = digest.hexdigest().encode()
        found[f"{algorithm} base64"] = base64.b64encode(digest.digest())[:-2]
        found[f"{algorithm} bytes"] = digest.digest()
    return {name: form for name, form in found.items() if len(form) >= 6}


def hits(values: Mapping[str, str | bytes], places: Mapping[str, bytes]) -> list[str]:
    """Which of the values is in which of the places, in which dress."""
    return [
        f"{what}: {dress} in {place}"
        for what, value in values.items()
        for dress, form in dresses(value).items()
        for place, content in places.items()
        if form in content
    ]


# --- one helper a store: start it, plant in it ----------------------------------------------------

Helper = Callable[[Plant, ExitStack], Server]
_COLUMNS = ("email", "name", "phone", "id", "token", "text", "lat")


def _started(stack: ExitStack, server: Server) -> Server:
    stack.callback(server.stop)
    return server


def _dotless(plant: Plant, where: str) -> str:
    """An address for where a dot parts names: written with underscores."""
    made = plant.values[f"{where}: email"] = plant.name("email", where).replace(".", "_")
    return made


def _values(row: Mapping[str, Any], quote: str = "''") -> str:
    """A row's values as SQL writes them."""
    quoted = (row[column] for column in _COLUMNS)
    return ", ".join(
        repr(v) if isinstance(v, float) else "'" + v.replace("'", quote) + "'" for v in quoted
    )


def _cassandra(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, cassandra.cassandra())
    options = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    column, key = plant.name("email", "column"), plant.name("email", "key of a map")
    keyspace = f"ward_{plant.name('number', 'keyspace')}"
    table = f"files_{plant.name('number', 'table')}"
    strings = ", ".join(f'"{name}" text' for name in _COLUMNS[:-1])
    statements = [
        f"CREATE KEYSPACE town WITH replication = {options}",
        f"CREATE KEYSPACE {keyspace} WITH replication = {options}",
        f"CREATE TABLE {keyspace}.{table} (n int PRIMARY KEY, email text)",
        f"INSERT INTO {keyspace}.{table} (n, email) VALUES (1, '{plant.cell('email')}')",
        f"CREATE TABLE town.people (n int PRIMARY KEY, {strings}, lat double, photo blob,"
        f' told map<text, text>, "{column}" text)',
    ]
    quoted = ", ".join(f'"{name}"' for name in _COLUMNS)
    names = f'n, {quoted}, photo, told, "{column}"'
    photo = plant.binary().hex()
    for n, row in enumerate(plant.people()):
        told = f"{{'{key}': '{plant.cell('text')}'}}"
        statements.append(
            f"INSERT INTO town.people ({names}) VALUES ({n}, {_values(row)}, 0x{photo}, {told},"
            f" '{plant.cell('name')}')"
        )
    cassandra.fill(server, statements)
    return server


def _chroma(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, chroma.chroma())
    key = plant.name("email", "key")
    records = [
        {
            "id": row["email"] if n == 0 else f"p{n}",
            "embedding": [1.0, float(n), 0.5],
            "metadata": {**row, key: plant.cell("id")},
            "document": plant.cell("text"),
        }
        for n, row in enumerate(plant.people())
    ]
    chroma.fill(server, "people", records)
    chroma.fill(server, f"files-{plant.name('number', 'collection')}", records[:3])
    database = f"ward-{plant.name('person', 'database')}"
    chroma.fill(server, "visits", records[:3], database=database)
    return server


def _clickhouse(plant: Plant, stack: ExitStack) -> Server:
    server = clickhouse.clickhouse()
    _started(stack, server)
    column, table = plant.name("email", "column"), plant.name("email", "table")
    database = f"ward_{plant.name('number', 'database')}"
    rows = ", ".join(f"({_values(row)}, ['{plant.cell('text')}'], 1)" for row in plant.people())
    strings = ", ".join(f"{column} String" for column in _COLUMNS[:-1])
    clickhouse.fill(
        server,
        "CREATE DATABASE town",
        f"CREATE TABLE town.people ({strings}, lat Float64, notes Array(String), `{column}` UInt8)"
        " ENGINE = Memory",
        f"INSERT INTO town.people VALUES {rows}",
        f"CREATE TABLE town.`{table}` (photo String) ENGINE = Memory",
        f"INSERT INTO town.`{table}` VALUES (unhex('{plant.binary().hex()}'))",
        f"CREATE DATABASE {database}",
        f"CREATE TABLE {database}.visits (who String) ENGINE = Memory",
        f"INSERT INTO {database}.visits VALUES ('{plant.cell('name')}')",
    )
    return server


def _couchdb(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, couchdb.couchdb())
    key, inner = plant.name("email", "key"), plant.name("number", "key of an object")
    docs = [
        {**row, "_id": f"{plant.name('email', 'id of a document')}:{n}", key: 1,
         "visits": {inner: plant.cell("text")}}
        for n, row in enumerate(plant.people())
    ]  # fmt: skip
    couchdb.fill(server, "people", docs)
    couchdb.fill(server, f"files-{plant.name('number', 'database')}", docs[:3])
    return server


def _elasticsearch(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, opensearch.opensearch())
    mail, number = _dotless(plant, "key"), plant.name("number", "key")
    docs = [
        {**row, "_id": f"{plant.name('email', 'id of a document')}-{n}",
         "visits": {mail: n, number: plant.cell("text")},
         "photo": plant.binary_as_text()}
        for n, row in enumerate(plant.people())
    ]  # fmt: skip
    opensearch.fill(server, "people", docs)
    opensearch.fill(server, plant.name("email", "index"), docs[:3])
    opensearch.fill(server, f"files-{plant.name('number', 'index')}", docs[:3])
    return server


def _pairs(plant: Plant, separator: str) -> dict[str, bytes | str]:
    """Keys and values for a store of those: JSON, text and bytes, persons in the keys."""
    inner = plant.name("email", "key of an object")
    pairs: dict[str, bytes | str] = {
        f"user{separator}{n}": json.dumps({**row, inner: {"at": n}})
        for n, row in enumerate(plant.people())
    }
    pairs[plant.name("email", "key")] = plant.cell("text")
    pairs[f"mail{separator}{plant.name('email', 'end of a key')}"] = plant.cell("phone")
    pairs[f"{plant.name('number', 'key')}{separator}photo"] = plant.binary()
    pairs[f"call{separator}{plant.name('phone', 'key')}{separator}to"] = plant.cell("name")
    pairs[f"sess{separator}{plant.name('token', 'key')}"] = plant.cell("token")
    pairs[f"desk.{plant.name('person', 'key')}"] = plant.cell("id")
    return pairs


def _etcd(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, etcd.etcd())
    etcd.fill(server, {f"/{key}": value for key, value in _pairs(plant, "/").items()})
    return server


def _files(plant: Plant) -> dict[str, bytes]:
    """Files by name, a folder among them, persons in the names and in what is inside."""
    inside = json.dumps(plant.people()).encode()
    folder = plant.name("email", "folder")
    return {
        **{f"maria.schneider{n}@example.org.pdf": b"x" for n in range(20)},
        f"{plant.name('email', 'file')}.pdf": inside,
        f"scan {plant.name('number', 'file')}.dcm": plant.binary(),
        f"{plant.name('person', 'file')}.txt": inside,
        f"{folder}/": b"",
        f"{folder}/letter to {plant.name('email', 'file in a folder')}.txt": inside,
    }


def _ftp(plant: Plant, stack: ExitStack) -> Server:
    settings = f"ftpd_banner={plant.told('banner')} of {plant.cell('email')}"
    server = _started(stack, ftp.vsftpd(settings=settings))
    ftp.fill(server, _files(plant))
    return server


def _rsync(plant: Plant, stack: ExitStack) -> Server:
    module = plant.name("email", "module")
    comment = f"comment = {plant.told('comment')} of {plant.cell('email')}"
    modules = (("files", comment), (module, ""))
    server = _started(stack, rsync.rsyncd(modules=modules, motd=plant.told("motd")))
    rsync.fill(server, "files", _files(plant))
    rsync.fill(server, module, {"a.txt": b"x"})
    return server


def _influxdb(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, influxdb.influxdb())
    tag, key = plant.name("email", "tag"), plant.name("email", "field")

    def point(measurement: str, n: int, row: Mapping[str, Any]) -> str:
        tags = f"user={row['email']},{tag}={n}"
        told = ",".join(f'{name}="{row[name]}"' for name in _COLUMNS[1:-1])
        moment = 1_700_000_000 + n
        return f'{measurement},{tags} {told},lat={row["lat"]},{key}="{row["name"]}" {moment}'

    rows = list(enumerate(plant.people()))
    influxdb.fill(server, "town", [point("visits", n, row) for n, row in rows])
    influxdb.fill(server, "town", [point(plant.name("email", "measurement"), *rows[0])])
    database = f"ward {plant.name('number', 'database')}"
    influxdb.fill(server, database, [point("pulse", *rows[0])])
    return server


def _csv(plant: Plant) -> str:
    """A table of the people with a person in its header."""
    header = ",".join((*_COLUMNS, plant.name("email", "column")))
    lines = [",".join(str(row[column]) for column in _COLUMNS) + ",1" for row in plant.people()]
    return "\n".join([header, *lines]) + "\n"


def _jupyter(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, jupyter.jupyter())
    inner = plant.name("email", "key")
    rows = [{**row, inner: n} for n, row in enumerate(plant.people())]
    cells = [{"cell_type": "raw", "metadata": {}, "source": plant.cell("text")}]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    folder = plant.name("email", "folder")
    files = {
        "people.csv": _csv(plant),
        f"{folder}/{plant.name('number', 'file')}.json": json.dumps(rows),
        f"{plant.name('email', 'file')}.csv": _csv(plant),
        f"about {plant.name('person', 'file')}.ipynb": json.dumps(book),
    }
    jupyter.fill(server, files)
    return server


def _kafka(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, kafka.kafka())
    inner = plant.name("email", "key of an object")
    topics = [f"files-{plant.name('number', 'topic')}", f"desk.{plant.name('person', 'topic')}"]
    orders = [kafka.topic(name) for name in ("people", "plain", *topics)]
    for row in plant.people():
        told = json.dumps({**row, inner: 1}).encode()
        orders.append(kafka.record("people", told, plant.cell("email").encode(), "gzip"))
    orders.append(kafka.record("plain", plant.binary(), plant.cell("phone").encode()))
    orders += [kafka.record(name, plant.cell("text").encode()) for name in topics]
    kafka.fill(server, orders)
    return server


def _ldap(plant: Plant, stack: ExitStack) -> Server:
    rows = plant.people()
    people = [(row["name"].split()[0], row["name"].split()[1], row["email"]) for row in rows]
    unit, person = plant.name("email", "unit"), plant.name("number", "entry")
    photo = base64.b64encode(plant.binary()).decode()
    entries = [
        f"dn: ou={unit},{ldap.BASE}\nobjectClass: organizationalUnit\nou: {unit}\n"
        f"description: {plant.cell('text')}\n",
        f"dn: uid={person},ou={unit},{ldap.BASE}\nobjectClass: inetOrgPerson\nuid: {person}\n"
        f"cn: {plant.cell('name')}\nsn: {plant.cell('name')}\n"
        f"telephoneNumber: {plant.cell('phone')}\nemployeeNumber: {plant.cell('id')}\n"
        f"userPassword: {plant.cell('token')}\njpegPhoto:: {photo}\n",
    ]
    ldif = "\n".join([ldap.fill(people), *entries])
    return _started(stack, ldap.slapd(ldif=ldif))


def _memcached(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, memcached.memcached())
    memcached.fill(server, _pairs(plant, ":"))
    return server


def _redis(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, redis.redis())
    commands: list[tuple[redis.Argument, ...]] = [
        ("SET", key, value) for key, value in _pairs(plant, ":").items()
    ]
    commands += [
        ("HSET", "sess:1", "user", plant.cell("email"), plant.name("email", "field"), "1"),
        ("RPUSH", "queue:mail", plant.cell("text")),
        ("SADD", "members", plant.cell("name")),
        ("ZADD", "ranking", plant.cell("coordinate"), plant.cell("email")),
        ("XADD", "stream:1", "*", "who", plant.cell("email"), plant.name("number", "field"), "1"),
    ]
    redis.fill(server, commands)
    return server


def _mongodb(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, mongodb.secantus())
    inner, number = _dotless(plant, "key"), plant.name("number", "key")
    docs = [
        {**row, "home": {"street": plant.cell("text"), inner: n}, "tags": [plant.cell("name")],
         "photo": plant.binary(), "account": int(plant.name("number", "value")), number: n}
        for n, row in enumerate(plant.people())
    ]  # fmt: skip
    mongodb.fill(server, "town", "people", docs)
    mongodb.fill(server, "town", plant.name("number", "collection"), docs[:3])
    mongodb.fill(server, f"ward-{plant.name('number', 'database')}", "visits", docs[:3])
    return server


def _mqtt(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, mqtt.mosquitto())
    topic = f"homes/{plant.name('email', 'topic')}/heart"
    messages = [(topic, plant.binary()), (f"desk/{plant.name('number', 'topic')}", b"1")]
    messages += [
        (f"homes/{n}/who", json.dumps(row).encode()) for n, row in enumerate(plant.people())
    ]
    mqtt.fill(server, messages)
    return server


_MYSQL_ACCOUNT = "reader"


def _mysql(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, mysql.mysql())
    column, table = plant.name("email", "column"), plant.name("email", "table")
    database = f"ward {plant.name('number', 'database')}"
    strings = ", ".join(f"`{column}` VARCHAR(80)" for column in _COLUMNS[:-1])
    rows = ", ".join(
        f"({_values(row)}, x'{plant.binary().hex()}', JSON_OBJECT('{plant.name('email', 'key')}',"
        f" '{plant.cell('text')}'), 1)"
        for row in plant.people()
    )
    mysql.fill(
        server,
        f"""CREATE DATABASE town; CREATE DATABASE `{database}`;
        CREATE TABLE town.people ({strings}, lat DOUBLE, photo BLOB, told JSON, `{column}` INT);
        INSERT INTO town.people VALUES {rows};
        CREATE TABLE town.`{table}` (a INT); INSERT INTO town.`{table}` VALUES (1);
        CREATE TABLE `{database}`.visits (who VARCHAR(80));
        INSERT INTO `{database}`.visits VALUES ('{plant.cell("name")}');
        CREATE USER {_MYSQL_ACCOUNT}@'127.0.0.1';
        GRANT SELECT ON *.* TO {_MYSQL_ACCOUNT}@'127.0.0.1';""",
    )
    return server


def _nats(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, nats.nats())
    inner = plant.name("email", "key")
    word = _dotless(plant, "subject")
    number = f"files-{plant.name('number', 'stream')}"
    people = [(f"people.{word}", json.dumps({**row, inner: 1}).encode()) for row in plant.people()]
    nats.fill(
        server,
        {
            "people": people,
            "plain": [("plain.photo", plant.binary())],
            number: [(f"{number}.{plant.name('number', 'subject')}", b"1")],
        },
    )
    return server


def _neo4j(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, neo4j.neo4j())
    key = plant.name("email", "property")
    statements = [
        f"CREATE (:Person {{{', '.join(f'{c}: {row[c]!r}' for c in _COLUMNS)}, `{key}`: 1}})"
        for row in plant.people()
    ]
    label, kind = plant.name("email", "label"), plant.name("number", "type")
    link = f"[:`{kind}` {{note: {plant.cell('text')!r}}}]"
    statements += [
        f"CREATE (:`{label}` {{name: {plant.cell('name')!r}}})",
        f"MATCH (a:Person), (b:`{label}`) CREATE (a)-{link}->(b)",
    ]
    neo4j.fill(server, statements)
    return server


def _postgresql(plant: Plant, stack: ExitStack) -> Server:
    server = postgresql.postgres()
    _started(stack, server)
    column, table = plant.name("email", "column"), plant.name("number", "table")
    schema = f"ward {plant.name('email', 'schema')}"
    strings = ", ".join(f"{column} text" for column in _COLUMNS[:-1])
    doc = json.dumps({plant.name("email", "key"): plant.cell("text")})
    born = plant.values["cell: timestamp"] = "1931-07-19 03:14:15"
    key = plant.values["cell: uuid"] = "6f2c1e0a-9b7d-4c53-8e21-0d94ab77c9f1"
    address = plant.values["cell: address"] = "203.0.113.197"
    odd = plant.values["cell: umlauts"] = "Ümläut-Canary Qvåstberg"
    rows = ", ".join(
        f"({_values(row)}, {plant.name('number', 'value')}, '\\x{plant.binary().hex()}', '{doc}',"
        f" ARRAY['{plant.cell('name')}'], '{key}', '{address}', '{born}', '{date(1931, 7, 19)}',"
        f" '{odd}', 1)"
        for row in plant.people()
    )
    postgresql.fill(
        server,
        f"""CREATE TABLE people ({strings}, lat double precision, account bigint, raw bytea,
            doc jsonb, tags text[], key uuid, ip inet, born timestamp, day date, odd text,
            "{column}" int);
        INSERT INTO people VALUES {rows};
        CREATE TABLE "{table}" (id int); INSERT INTO "{table}" VALUES (1);
        CREATE SCHEMA "{schema}"; CREATE TABLE "{schema}".visits AS SELECT 1 AS a;""",
    )
    return server


def _prometheus(plant: Plant, stack: ExitStack) -> Server:
    metric, label = f"calls_{plant.name('phone', 'metric')}", f"of_{plant.name('number', 'label')}"
    now = int(time.time())
    lines = ["# TYPE logins gauge"]
    for row in plant.people():
        labels = ",".join(f'{name}="{row[name]}"' for name in _COLUMNS[:-1])
        lines.append(f'logins{{{labels},{label}="1"}} {row["lat"]} {now}')
    lines += [f"# TYPE {metric} gauge", f'{metric}{{who="{plant.cell("name")}"}} 1 {now}']
    # series with the same labels are one: every person has a name of their own
    samples = "\n".join(dict.fromkeys(lines)) + "\n"
    return _started(stack, prometheus.prometheus(samples=samples))


def _rabbitmq(plant: Plant, stack: ExitStack) -> Server:
    secret = "an owner's word"
    broker = _started(stack, rabbitmq.rabbitmq(password=secret))
    queues = {f"mail.{plant.name('email', 'queue')}": 1, plant.name("number", "queue"): 1}
    for vhost in ("/", f"ward {plant.name('number', 'virtual host')}"):
        # the launcher's own writer knows its default password alone
        inside = urllib.parse.quote(vhost, safe="")
        rabbitmq.call(broker, "PUT", f"/api/vhosts/{inside}", password=secret)
        for queue in ("orders", *queues):
            path = f"/api/queues/{inside}/{urllib.parse.quote(queue, safe='')}"
            rabbitmq.call(broker, "PUT", path, {"durable": True}, password=secret)
            body = {"properties": {}, "routing_key": queue, "payload_encoding": "string",
                    "payload": json.dumps(plant.people()[0])}  # fmt: skip
            path = f"/api/exchanges/{inside}/amq.default/publish"
            rabbitmq.call(broker, "POST", path, body, password=secret)
    return _started(stack, login_proxy(broker.where, rabbitmq.USER, secret))


def _registry(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, registry.registry())
    inner = {
        "Env": ["PATH=/bin", f"SMTP_PASSWORD={plant.cell('token')}",
                f"OF_{plant.name('number', 'variable')}=1"],
        "Labels": {"org.opencontainers.image.authors": plant.cell("email"),
                   plant.name("email", "label"): plant.cell("phone")},
    }  # fmt: skip
    author = f"{plant.cell('name')} <{plant.cell('email')}>"
    image = {"architecture": "amd64", "os": "linux", "author": author, "config": inner,
             "created": "2024-03-01T10:00:00Z", "rootfs": {"type": "layers", "diff_ids": []},
             "history": [{"created_by": plant.cell("text"), "author": author}]}  # fmt: skip
    registry.fill(server, "town/shop", {"1.0": image, plant.name("token", "tag"): image})
    registry.fill(server, f"town/files-{plant.name('number', 'repository')}", {"1": image})
    registry.fill(server, f"desk/{plant.name('person', 'repository')}", {"1": image})
    return server


_BUCKET = "town"


def _s3(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, s3.s3())
    inner = plant.name("email", "key of an object")
    lines = "\n".join(json.dumps({**row, inner: 1}) for row in plant.people())
    folder = plant.name("email", "folder")
    objects = {
        "people/people.csv": _csv(plant).encode(),
        f"{folder}/{plant.name('number', 'object')}.jsonl": lines.encode(),
        f"{plant.name('email', 'object')}.csv": _csv(plant).encode(),
        f"scans/{plant.name('person', 'object')}.jpg": plant.binary(),
    }
    s3.fill(server, _BUCKET, objects, acl="public-read")
    s3.fill(server, f"files-{plant.name('number', 'bucket')}", objects, acl="public-read")
    return server


def _solr(plant: Plant, stack: ExitStack) -> Server:
    core = f"files_{plant.name('number', 'core')}"
    server = _started(stack, solr.solr(cores=("people", core)))
    number = plant.name("number", "field")
    mail = plant.name("email", "field")
    docs = [
        {**{name: str(value) for name, value in row.items()},
         "id": f"{plant.name('email', 'id of a document')}-{n}", f"of_{number}": "1", mail: "1",
         "photo": plant.binary_as_text()}
        for n, row in enumerate(plant.people())
    ]  # fmt: skip
    solr.fill(server, "people", docs)
    solr.fill(server, core, docs[:3])
    return server


def _webhdfs(plant: Plant, stack: ExitStack) -> Server:
    folder = f"/{plant.name('email', 'directory')}"
    owner = plant.name("email", "owner")
    tree = (
        *(("file", f"/people/maria.schneider{n}@example.org.dcm") for n in range(30)),
        ("file", f"/people/{plant.name('email', 'file')}.dcm"),
        ("file", f"/people/scan {plant.name('number', 'file')}.dcm"),
        ("owner", "/people", owner, plant.name("person", "group")),
        ("file", f"{folder}/{plant.name('phone', 'file')}"),
    )
    return _started(stack, webhdfs.webhdfs(tree=tree))


def _zookeeper(plant: Plant, stack: ExitStack) -> Server:
    server = _started(stack, zookeeper.zookeeper())
    zookeeper.fill(server, {f"/{key}": value for key, value in _pairs(plant, "/").items()})
    return server


STORES: dict[str, Helper] = {
    "cassandra": _cassandra, "chroma": _chroma, "clickhouse": _clickhouse, "couchdb": _couchdb,
    "elasticsearch": _elasticsearch, "etcd": _etcd, "ftp": _ftp, "influxdb": _influxdb,
    "jupyter": _jupyter, "kafka": _kafka, "ldap": _ldap, "memcached": _memcached,
    "mongodb": _mongodb, "mqtt": _mqtt, "mysql": _mysql, "nats": _nats, "neo4j": _neo4j,
    "postgresql": _postgresql, "prometheus": _prometheus, "rabbitmq": _rabbitmq, "redis": _redis,
    "registry": _registry, "rsync": _rsync, "s3": _s3, "solr": _solr, "webhdfs": _webhdfs,
    "zookeeper": _zookeeper,
}  # fmt: skip
OPT_INS: dict[str, OptIn] = {
    "ftp": OptIn(anonymous_login=True),
    "mysql": OptIn(blank_password_check=True, account=_MYSQL_ACCOUNT),
    "s3": OptIn(buckets=(_BUCKET,)),
    "zookeeper": OptIn(session=True),
}


@dataclass
class Standing:
    """The servers that stand: by engine the server and what is planted in it, or why it is not
    there."""

    servers: dict[str, Server] = field(default_factory=dict)
    plants: dict[str, Plant] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def targets(self) -> list[str]:
        return [server.where for server in self.servers.values()]


def _twice(helper: Helper, plant: Plant, stack: ExitStack) -> Server:
    """A free port may be taken by another server that starts at the same moment: then once more."""
    for last in (False, True):
        own = stack.enter_context(ExitStack())
        try:
            return helper(plant, own)
        except RuntimeError:
            own.close()
            if last:
                raise
    raise AssertionError


@contextlib.contextmanager
def standing(names: Sequence[str] = tuple(STORES)) -> Iterator[Standing]:
    """Start the stores of these engines, several at a time, until the block ends."""
    made = Standing()
    with ExitStack() as stack:

        def one(name: str) -> None:
            plant = Plant(name)
            try:
                made.servers[name] = _twice(STORES[name], plant, stack)
                made.plants[name] = plant
            except ServerMissingError as missing:
                made.missing[name] = str(missing)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(one, names))
        yield made


def scope_file(folder: Path, opt_ins: Mapping[str, OptIn]) -> Path:
    """A scope file for this machine's loopback with opt-ins, each for one `address:port`."""
    lines = [
        "[scope]", 'owner = "the owner of the tests"', 'authorised_by = "the same"',
        'reference = "tests"', "expires = 2999-12-31", 'targets = ["127.0.0.0/8"]',
    ]  # fmt: skip
    for where, allowed in opt_ins.items():
        lines += ["[[scope.opt_in]]", f"targets = {json.dumps([where])}"]
        for name, value in dataclasses.asdict(allowed).items():
            if value:
                lines.append(f"{name} = {json.dumps(value)}")
    made = folder / "scope.toml"
    made.write_text("\n".join(lines) + "\n")
    return made
