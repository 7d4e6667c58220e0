"""Tables out of SQL dumps: CREATE TABLE, INSERT and COPY of the usual dialects.

A dump is cut into tokens, and the statements of interest are read where they begin; whatever else
is in it is passed over. Nothing is executed. MySQL, PostgreSQL, SQLite, Oracle and SQL Server
write their literals differently; all forms are understood at once, but for the backslash, which
escapes only where the dump is MySQL's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

Value = str | int | float | bool | None

_TOKEN = re.compile(
    r"""
    (?P<skip> ^[ \t]*(?:REM\b|Prompt\b|\#)[^\n]* | \n | [^\S\n]+ | --[^\n]* | /\*.*?\*/ )
  | (?P<text> [NEBX]?'(?:[^'\\]|''|\\.)*' )
  | (?P<dollar> \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
  | (?P<quoted> "(?:[^"\\]|""|\\.)*" | `(?:[^`]|``)*` | \[[^\]\n]*\] )
  | (?P<hex> 0x[0-9A-Fa-f]+ )
  | (?P<number> \d+\.?\d*(?:[eE][+-]?\d+)? | \.\d+(?:[eE][+-]?\d+)? )
  | (?P<word> [^\W\d][\w$\#]* )
  | (?P<sign> ::|\|\||. )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
# The same without the backslash as an escape: PostgreSQL, Oracle, SQLite, SQL Server.
_PLAIN = re.compile(
    _TOKEN.pattern.replace(r"'(?:[^'\\]|''|\\.)*'", r"'(?:[^']|'')*'").replace(
        r'"(?:[^"\\]|""|\\.)*"', r'"(?:[^"]|"")*"'
    ),
    _TOKEN.flags,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}
_NOT_COLUMNS = frozenset(
    {
        "PRIMARY",
        "KEY",
        "UNIQUE",
        "CONSTRAINT",
        "FOREIGN",
        "INDEX",
        "CHECK",
        "FULLTEXT",
        "EXCLUDE",
        "LIKE",
        "SPATIAL",
        "PERIOD",
    }
)
_AUTO = frozenset(
    {"IDENTITY", "AUTO_INCREMENT", "AUTOINCREMENT", "SERIAL", "BIGSERIAL", "SMALLSERIAL"}
)
# Words that a literal's expression begins with; any other function makes something new.
_LITERAL = frozenset(
    {
        "CAST",
        "CONVERT",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TO_DATE",
        "TO_TIMESTAMP",
        "STR_TO_DATE",
        "TO_CLOB",
        "UNISTR",
        "UTL_RAW",
        "ARRAY",
        "N",
        "E",
        "B",
        "X",
    }
)
_INSERT_NOISE = frozenset(
    {"INTO", "IGNORE", "LOW_PRIORITY", "DELAYED", "OR", "REPLACE", "OVERWRITE"}
)


@dataclass
class Dump:
    """One table of a dump: declared column types by name (small letters) and rows.

    `auto` names columns, in small letters, that the database counts up itself.
    """

    columns: list[str]
    types: dict[str, str] = field(default_factory=dict)
    auto: set[str] = field(default_factory=set)
    rows: list[list[Value]] = field(default_factory=list)

    def unnamed(self, width: int) -> list[str]:
        """The columns that an INSERT of so many values without names fills."""
        given = [column for column in self.columns if column.lower() not in self.auto]
        for columns in (self.columns, given):
            if len(columns) == width:
                return columns
        return [f"column{i}" for i in range(1, width + 1)]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    end: int


def read(text: str, limit: int | None = None) -> dict[str, Dump]:
    """All tables of a dump by their name; at most `limit` rows of each."""
    mysql = re.search(r"(INTO|TABLE|EXISTS)\s+`|ENGINE\s*=|AUTO_INCREMENT", text, re.I) is not None
    return _Reader(text, _TOKEN if mysql else _PLAIN, mysql, limit).read()


class _Reader:
    """Reads one dump from front to back, a token at a time."""

    def __init__(self, text: str, pattern: re.Pattern[str], escapes: bool, limit: int | None):
        self.text, self.pattern, self.escapes, self.limit = text, pattern, escapes, limit
        self.tables: dict[str, Dump] = {}
        self.at = 0
        self.token = _Token("end", "", 0)
        self._next()

    def read(self) -> dict[str, Dump]:
        while self.token.kind != "end":
            word = self._word()
            self._next()
            if word == "CREATE":
                self._create()
            elif word in ("INSERT", "REPLACE"):
                self._insert()
            elif word == "COPY":
                self._copy()
        return {name: table for name, table in self.tables.items() if table.columns}

    # ------------------------------------------------------------------------------- statements

    def _create(self) -> None:
        while self._word() in ("GLOBAL", "LOCAL", "TEMPORARY", "TEMP", "UNLOGGED"):
            self._next()
        if self._word() != "TABLE":
            return
        self._next()
        while self._word() in ("IF", "NOT", "EXISTS"):
            self._next()
        name = self._name()
        if name is None or self.token.text != "(":
            return
        table = Dump([])
        for part in self._list():
            if len(part) < 2 or part[0].kind not in ("word", "quoted"):
                continue
            if part[0].kind == "word" and part[0].text.upper() in _NOT_COLUMNS:
                continue
            column = _bare(part[0])
            table.columns.append(column)
            table.types[column.lower()] = " ".join(_bare(token) for token in part[1:5]).lower()
            if _AUTO & {token.text.upper() for token in part if token.kind == "word"}:
                table.auto.add(column.lower())
        self.tables[name] = table

    def _insert(self) -> None:
        while self._word() in _INSERT_NOISE:
            self._next()
        name = self._name()
        if name is None:
            return
        named: list[str] = []
        if self.token.text == "(":
            named = [_bare(part[0]) for part in self._list() if part]
        if self._word() == "OVERRIDING":
            for _ in range(3):
                self._next()
        if self._word() not in ("VALUES", "VALUE"):
            return
        self._next()
        table = self.tables.setdefault(name, Dump([]))
        while self.token.text == "(":
            values = [self._value(part) for part in self._list()]
            columns = named or table.unnamed(len(values))
            if len(columns) == len(values) and any(value is not None for value in values):
                self._row(table, columns, values)
            if self.token.text != ",":
                return
            self._next()

    def _copy(self) -> None:
        name = self._name()
        if name is None:
            return
        columns: list[str] = []
        if self.token.text == "(":
            columns = [_bare(part[0]) for part in self._list() if part]
        if self._word() != "FROM":
            return
        self._next()
        if self._word() != "STDIN":
            return
        start = self.text.find("\n", self.token.end) + 1
        stop = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE).search(self.text, start)
        end = stop.start() if stop else len(self.text)
        table = self.tables.setdefault(name, Dump(columns))
        columns = columns or table.columns
        for line in self.text[start:end].split("\n"):
            values: list[Value] = [_copied(cell) for cell in line.rstrip("\r").split("\t")]
            if line and len(values) == len(columns):
                self._row(table, columns, values)
        self.at = stop.end() if stop else len(self.text)
        self._next()

    def _row(self, table: Dump, columns: list[str], values: list[Value]) -> None:
        if self.limit is not None and len(table.rows) >= self.limit:
            return
        known = {column.lower(): i for i, column in enumerate(table.columns)}
        for column in columns:
            if column.lower() not in known:
                known[column.lower()] = len(table.columns)
                table.columns.append(column)
        row: list[Value] = [None] * len(table.columns)
        for column, value in zip(columns, values, strict=True):
            row[known[column.lower()]] = value
        table.rows.append(row)

    # ------------------------------------------------------------------------------------ parts

    def _list(self) -> Iterator[list[_Token]]:
        """The parts of a list in brackets, split at its commas; none if it is never closed."""
        parts: list[list[_Token]] = [[]]
        depth = 0
        while self.token.kind != "end":
            sign = self.token.text if self.token.kind == "sign" else ""
            if sign == "(":
                depth += 1
            elif sign == ")":
                depth -= 1
                if not depth:
                    self._next()
                    return iter(parts)
            if sign == "," and depth == 1:
                parts.append([])
            elif not (sign == "(" and depth == 1):
                parts[-1].append(self.token)
            self._next()
        return iter(())

    def _value(self, part: list[_Token]) -> Value:
        """A literal, also in a cast; texts are joined where the dump joins them."""
        if not part:
            return None
        texts = [t for t in part if t.kind in ("text", "dollar")]
        first = part[0].text.upper()
        plain = part[0].kind != "word" or first in _LITERAL or first.startswith("_")
        if texts and plain:
            joined = [texts[0]]
            for i, token in enumerate(part[:-1]):
                if token.text in ("||", "+") and part[i + 1] in texts[1:]:
                    joined.append(part[i + 1])
            return "".join(self._unquoted(token) for token in joined)
        signed = first in ("-", "+")
        token = part[-1] if signed else part[0]
        if token.kind == "number" and len(part) <= 2:
            return -_number(token.text) if first == "-" else _number(token.text)
        if token.kind == "hex":
            return token.text
        if token.kind == "quoted":  # MySQL and SQLite let a text stand in double quotes
            return self._unescaped(_bare(token))
        if first in ("TRUE", "FALSE"):
            return first == "TRUE"
        numbers = [t for t in part if t.kind == "number"]
        return _number(numbers[0].text) if first == "CAST" and numbers else None

    def _unquoted(self, token: _Token) -> str:
        if token.kind == "dollar":
            return token.text[token.text.index("$", 1) + 1 : token.text.rindex("$", 0, -1)]
        body = token.text[token.text.index("'") + 1 : -1].replace("''", "'")
        return self._unescaped(body)

    def _unescaped(self, body: str) -> str:
        if not self.escapes or "\\" not in body:
            return body
        return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), body, flags=re.DOTALL)

    def _name(self) -> str | None:
        """A table's name without schema and quotes."""
        name = None
        while self.token.kind in ("word", "quoted"):
            name = _bare(self.token)
            self._next()
            if self.token.text != ".":
                break
            self._next()
        return name

    def _word(self) -> str:
        return self.token.text.upper() if self.token.kind == "word" else ""

    def _next(self) -> None:
        while True:
            match = self.pattern.match(self.text, self.at)
            if match is None:
                self.token = _Token("end", "", len(self.text))
                return
            self.at = match.end()
            kind = match.lastgroup or "sign"
            if kind == "tag":
                kind = "dollar"
            if kind != "skip":
                self.token = _Token(kind, match.group(), match.end())
                return


def _bare(token: _Token) -> str:
    if token.kind != "quoted":
        return token.text
    mark, body = token.text[0], token.text[1:-1]
    return body if mark == "[" else body.replace(mark * 2, mark)


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


def _copied(cell: str) -> str | None:
    if cell == "\\N":
        return None
    if "\\" not in cell:
        return cell
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), cell, flags=re.DOTALL)
