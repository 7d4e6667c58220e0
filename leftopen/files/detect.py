"""Which format a file has, by its first bytes; by its name only where those leave it open."""

from __future__ import annotations

import json
import re
import struct

from leftopen.files.encoding import by_mark

COMPRESSIONS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\xff\xff\xff\xff": "arrow stream",
    b"SQLite format 3\x00": "sqlite",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
_UNREAD = {
    b"PARE": "encrypted Parquet: leftopen has no key and tries none",
    b"FEA1": "Feather version 1: write it again as version 2 or as Parquet",
    b"PGDMP": "a pg_dump archive: make it text with pg_restore -f dump.sql",
    b"ORC": "an ORC file: write it as Parquet",
    b"Obj\x01": "an Avro file: write it as Parquet or JSON lines",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Office document: save its tables as CSV",
    b"\x89HDF": "an HDF5 file: write it as Parquet",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"\x04\x22\x4d\x18": "lz4-compressed: unpack it first",
}
_TABLES = (".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".data", ".ssv", ".dsv")
_LINES = (".jsonl", ".ndjson", ".jsonlines", ".ldjson")
_SQL = re.compile(
    rb"(?im)^\s*(?:INSERT\s+INTO|REPLACE\s+INTO|COPY\s+\S+\s*(?:\([^)]*\))?\s+FROM\s+stdin|CREATE\s+TABLE)\b"
)
_BSON_TYPES = frozenset(range(1, 0x14)) | {0x7F, 0xFF}


def magic(head: bytes, name: str) -> str | None:
    """The format that the bytes are in, if they are no text."""
    for start, kind in {**COMPRESSIONS, **_MAGIC}.items():
        if head.startswith(start):
            return kind
    if head[257:262] == b"ustar":
        return "tar"
    if _is_bson(head, name):
        return "bson"
    return None


def unread(head: bytes) -> str | None:
    """Why a format that is known is not read, and what to do."""
    for start, reason in _UNREAD.items():
        if head.startswith(start):
            return reason
    return None


def is_text(head: bytes) -> bool:
    """Whether the bytes could be text in some encoding."""
    if by_mark(head):
        return True
    controls = sum(
        head.count(bytes([code])) for code in (*range(9), *range(14, 27), 28, 29, 30, 31)
    )
    controls -= head.count(b"\x01") + head.count(b"\x02")  # Hive's delimiters
    return b"\x00" not in head and controls * 100 <= len(head)


def text_format(text: str, name: str) -> str:
    """json, jsonl, sql, or delimited: for text decoded from the head."""
    name = name.lower()
    start = text.lstrip("\ufeff \t\r\n")
    if name.endswith(_LINES):
        return "jsonl"
    if start[:1] == "[" and not name.endswith(_TABLES):
        return "json"
    if start[:1] == "{":
        first, _, rest = start.partition("\n")
        return "jsonl" if rest.strip()[:1] == "{" and _is_object(first) else "json"
    if name.endswith(".sql") or _SQL.search(text[:65_536].encode("utf-8", "replace")):
        return "sql"
    return "delimited"


def expects_table(name: str) -> bool:
    """Whether the name alone says that it is a table, though the text has but one column."""
    return name.lower().endswith(_TABLES)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_bson(head: bytes, name: str) -> bool:
    """A length, a known type, a field's name; and where the first document ends in it, its end."""
    if len(head) < 5:
        return False
    (length,) = struct.unpack("<i", head[:4])
    if length < 5 or length > 48 << 20:
        return False
    if length == 5:
        return head[4] == 0 and name.lower().endswith(".bson")
    if head[4] not in _BSON_TYPES or (length <= len(head) and head[length - 1] != 0):
        return False
    key, nul, _ = head[5:1_030].partition(b"\x00")
    return bool(nul) and (length > 0xFFFF or b"\x00" in head[:4]) and b"\n" not in key
