"""SQL dumps as text: the rows of INSERT and COPY statements of MySQL, PostgreSQL and SQLite.

Nothing is executed. Columns are named by the statement, or by the CREATE TABLE before it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

import pyarrow as pa

from leftopen.files.encoding import Utf8
from leftopen.files.item import BATCH_BYTES, BATCH_ROWS, LARGEST, Batches, Fault, Item, Options

_CHUNK = 1 << 20
_NAME = r"""(?:`(?:[^`]|``)+`|"(?:[^"]|"")+"|\[[^\]]+\]|[\w$]+)"""
_TABLE = rf"((?:{_NAME}\.){{0,2}}{_NAME})"
_COLUMNS = r"(?:\(((?:[^()'])*)\)\s*)?"
_BEGIN = re.compile(
    rf"\s*(?:(?P<create>CREATE\s+(?:\w+\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?){_TABLE}\s*\(?"
    rf"|(?P<insert>(?:INSERT\s+(?:\w+\s+)?INTO|REPLACE\s+INTO)\s+){_TABLE}\s*{_COLUMNS}"
    rf"(?:OVERRIDING\s+\w+\s+VALUE\s+)?VALUES?\b"
    rf"|(?P<copy>COPY\s+){_TABLE}\s*{_COLUMNS}FROM\s+stdin[^;]*;)",
    re.IGNORECASE,
)
_STARTS = re.compile(r"\s*(?:INSERT|REPLACE)\s", re.IGNORECASE)
_FIELD = re.compile(rf"\s*({_NAME})\s+\S")
_NO_FIELD = frozenset(
    {"PRIMARY", "KEY", "UNIQUE", "CONSTRAINT", "FOREIGN", "INDEX", "CHECK", "FULLTEXT", "SPATIAL"}
    | {"EXCLUDE", "LIKE", "PERIOD"}
)
_ESCAPING, _PLAIN = r"(?:[^'\\]|\\.|'')*", r"(?:[^']|'')*"
_CALL = rf"\w+\((?:[^()']|'{_PLAIN}'|\([^()]*\))*\)"  # of a function, as SQLite's .dump has them
_AROUND = (
    rf"\s*(?:[Ee]'({_ESCAPING})'|(?:[NXBnxb_]\w*\s*)?'({{}})'|({_CALL}|[^\s,()';][^,()';]*))(?!')"
    r"(?:::[\w ]+)?\s*(?=[,)])"
)
_VALUE = {  # by whether a backslash escapes in every string
    True: re.compile(_AROUND.format(_ESCAPING), re.DOTALL),
    False: re.compile(_AROUND.format(_PLAIN), re.DOTALL),
}
_QUOTED = re.compile(rf"'({_PLAIN})'")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "", "Z": "", "b": ""}
Row = list[str | None]


def read(text: Utf8, item: Item, options: Options) -> Batches:
    """Batches of text columns for each table, in the order of the dump."""
    item.format = "sql"
    dump = _Dump(text)
    yield from dump.tables()
    if dump.unread:
        statements = "1 statement" if dump.unread == 1 else f"{dump.unread:,} statements"
        item.fault(f"{statements} with data could not be read, the first at line {dump.first:,}")
    text.finish()


class _Dump:
    """The dump read line by line; statements that no rows come from are passed over."""

    def __init__(self, text: Utf8) -> None:
        self._text = text
        self._left, self._ready = b"", deque[bytes]()
        self._line = self.unread = self.first = 0
        self._fields: dict[str, list[str]] = {}
        begin = text.peek(64 << 10)
        self._escapes = b"`" in begin or b"MySQL" in begin or b"MariaDB" in begin

    def tables(self) -> Batches:
        for line in self._lines():
            found = _BEGIN.match(line)
            if found is None:
                if _STARTS.match(line) and not line.lstrip().startswith("--"):
                    yield from self._continued(line)
            elif found["create"]:
                self._fields[found[2]] = self._create(line[found.end() :])
            elif found["insert"]:
                yield from self._insert(found, line)
            else:
                yield from self._copy(found[7], found[8])

    def _lines(self) -> Iterator[str]:
        while (line := self._next_line()) is not None:
            yield line

    def _next_line(self) -> str | None:
        if not self._ready:
            self._fill()
        if not self._ready:
            return None
        self._line += 1
        return self._ready.popleft().decode("utf-8", "replace")

    def _fill(self) -> None:
        """Whole lines, as many as the next piece of the text has."""
        pieces = [self._left]
        size = len(self._left)
        while True:
            piece = self._text.read(_CHUNK)
            pieces.append(piece)
            size += len(piece)
            if b"\n" in piece or not piece:
                break
            if size > LARGEST:
                raise Fault(
                    f"line {self._line + 1:,} is over {LARGEST >> 20} MiB long; "
                    "the rest was not read"
                )
        lines = b"".join(pieces).split(b"\n")
        self._left = lines.pop() if piece else b""
        self._ready.extend(line + b"\n" for line in lines if line or piece)

    def _continued(self, line: str) -> Batches:
        """A statement whose VALUES stand on a later line."""
        start = self._line
        while (more := self._next_line()) is not None and len(line) < LARGEST:
            line += more
            if found := _BEGIN.match(line):
                yield from self._insert(found, line)
                return
            if more.rstrip().endswith(";"):
                break
        self._miss(start)

    def _miss(self, line: int) -> None:
        self.unread += 1
        self.first = self.first or line

    def _create(self, rest: str) -> list[str]:
        """The names of the columns; each stands at the beginning of a line or after a comma."""
        whole = rest
        while not re.search(r"\)[^()]*;\s*$", whole) and len(whole) < 1 << 20:
            line = self._next_line()
            if line is None:
                break
            whole += line
        fields, depth, start = [], 0, 0
        for match in re.finditer(r"'(?:[^']|'')*'|[(),]", whole):
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            if depth < 0 or (match[0] == "," and depth == 0):
                fields.append(whole[start : match.start()])
                start = match.end()
            if depth < 0:
                break
        found = [_FIELD.match(field) for field in fields]
        names = [match[1] for match in found if match]
        return [_bare(name) for name in names if name.upper() not in _NO_FIELD]

    def _insert(self, found: re.Match[str], text: str) -> Batches:
        """The tuples after VALUES; a value may go over lines."""
        table, listed, start = found[4], found[5], self._line
        names = _listed(listed) or self._fields.get(table, [])
        at, rows, size = found.end(), list[Row](), 0
        value = _VALUE[self._escapes]
        while True:
            row: Row = []
            opened = re.compile(r"\s*,?\s*\(").match(text, at)
            if opened is None:
                if text[at:].strip(" ,\t\r\n") or (more := self._next_line()) is None:
                    break  # the semicolon, ON CONFLICT, or the end
                text, at = more, 0
                continue
            cursor = opened.end()
            while True:
                match = value.match(text, cursor)
                if match is None:
                    more = self._next_line() if len(text) - at < LARGEST else None
                    if more is None or _whole(text, cursor, self._escapes):
                        break
                    text, cursor, at = text[at:] + more, cursor - at, 0
                    continue
                row.append(_value(match, self._escapes))
                cursor = match.end() + 1
                if text[match.end()] == ")":
                    break
            else:
                continue
            if match is None:
                self._miss(start)
                break
            at = cursor
            rows.append(row)
            size += sum(len(cell) for cell in row if cell)
            if len(rows) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield _shown(table), _batch(rows, names)
                rows, size = [], 0
        if rows:
            yield _shown(table), _batch(rows, names)

    def _copy(self, table: str, listed: str | None) -> Batches:
        names = _listed(listed) or self._fields.get(table, [])
        rows, size = list[Row](), 0
        for line in self._lines():
            line = line.rstrip("\r\n")
            if line == "\\.":
                break
            rows.append([_copied(cell) for cell in line.split("\t")])
            size += len(line)
            if len(rows) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield _shown(table), _batch(rows, names)
                rows, size = [], 0
        yield _shown(table), _batch(rows, names)


def _whole(text: str, at: int, escapes: bool) -> bool:
    """Whether what stands here is no string that goes on in the next line."""
    bare = text[at:].lstrip()
    return bool(bare) and not re.match(r"(?:[NnEeXxBb_]\w*\s*)?'", bare)


def _value(match: re.Match[str], escapes: bool) -> str | None:
    escaping, quoted, bare = match.groups()
    if bare is not None:
        inner = _QUOTED.search(bare)  # the text that a function is called with
        if inner is not None:
            return inner[1].replace("''", "'")
        return None if bare.strip().upper() == "NULL" else bare.strip()
    text: str = (quoted if escaping is None else escaping).replace("''", "'")
    if (escapes or escaping is not None) and "\\" in text:
        text = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)
    return text


def _copied(cell: str) -> str | None:
    if cell == "\\N":
        return None
    if "\\" in cell:
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), cell)
    return cell


def _batch(rows: list[Row], names: list[str]) -> pa.RecordBatch:
    width = max([len(names), *map(len, rows)])
    names = names + [f"column_{number + 1}" for number in range(len(names), width)]
    columns = [
        pa.array([row[at] if at < len(row) else None for row in rows], pa.string())
        for at in range(width)
    ]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _listed(columns: str | None) -> list[str]:
    return [_bare(name) for name in re.findall(_NAME, columns)] if columns else []


def _bare(name: str) -> str:
    if name[:1] in '`"[':
        return name[1:-1].replace("``", "`").replace('""', '"')
    return name


def _shown(table: str) -> str:
    return ".".join(_bare(part) for part in re.findall(_NAME, table))
