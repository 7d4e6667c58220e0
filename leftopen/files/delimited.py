"""CSV and its relatives: delimiter, quotes and header found from the beginning, then streamed.

Every column is read as text, so that leading zeros stay. A row with too few or too many cells is
looked at as well, under the columns it has.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from leftopen.files.encoding import Utf8
from leftopen.files.item import BATCH_BYTES, Batches, Fault, Item, Options

_SNIFFED = 128 << 10  # bytes that the dialect is found from
_RECORDS = 200  # of them
_BLOCK = BATCH_BYTES
_LONGEST_ROW = 32 << 20
_DELIMITERS = ",;\t|\x01^~"
_NEVER = "\x1f"  # stands in no text: every line is one cell
_EVEN = 0.5  # of the rows have one width, where the name says that it is a table
_NULLS = ["", "NULL", "null", "\\N"]
_MAX_RAGGED = 10_000  # odd rows held until the next batch
_WORD = re.compile(r"[^\W\d][\w .()/#%°&'-]{0,63}|_\w{1,63}")
_DATUM = re.compile(
    r"[-+]?\d[\d .,:/TZ+-]*|.*@.*\..*|.*\d{5,}.*|https?://.*|[0-9a-fA-F-]{32,}|[tT]rue|[fF]alse"
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are parted and quoted."""

    delimiter: str
    quote: str
    escape: str | None


def is_table(text: str) -> bool:
    """Whether the text is rows of several cells, and not prose, code or a log."""
    found = _sniff(text)
    records = _records(text, found)
    if len(records) < 2 or not text.strip():
        return False
    width, share = _width(records)
    return width >= 2 and share >= 0.9


def read(text: Utf8, item: Item, options: Options) -> Batches:
    """Batches of text columns; columns without a header are column_1, column_2, …"""
    begin = text.peek(_SNIFFED).decode("utf-8", "replace")
    if not begin.strip():
        item.format = "empty"
        return
    dialect = _sniff(begin)
    records = _records(begin, dialect)
    width, share = _width(records)
    if width < 2 or share < _EVEN:  # lines of something, such as a list of addresses
        dialect = replace(dialect, delimiter=_NEVER)
        records = _records(begin, dialect)
    item.format = "csv"
    item.delimiter = None if dialect.delimiter == _NEVER else dialect.delimiter
    header = has_header(records, options.known)
    names = records[0] if header else [f"column_{n + 1}" for n in range(_width(records)[0])]
    while header and len(names) > 1 and not names[-1] and len(names) > _width(records[1:])[0]:
        names = names[:-1]  # a delimiter at the end of the header alone
    names = [name.strip() or f"column_{n + 1}" for n, name in enumerate(names)]
    if header and len(records) == 1:
        yield "", _batch([pa.nulls(0, pa.string()) for _ in names], names)
    else:
        yield from _stream(text, item, dialect, names, header)
    text.finish()


def _stream(text: Utf8, item: Item, dialect: Dialect, names: list[str], header: bool) -> Batches:
    keys = [f"f{number}" for number in range(len(names))]
    odd = _Odd(dialect, names)
    try:
        reader = arrow_csv.open_csv(
            pa.PythonFile(text, "r"),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK, column_names=keys, skip_rows=0,
                skip_rows_after_names=int(header),
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote,
                double_quote=True,
                escape_char=dialect.escape or False,
                newlines_in_values=True,
                invalid_row_handler=odd.take,
            ),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=False,  # it was made UTF-8 on the way
                column_types=dict.fromkeys(keys, pa.string()),
                null_values=_NULLS, strings_can_be_null=True, quoted_strings_can_be_null=False,
            ),
        )  # fmt: skip
        rows = 0
        for batch in reader:
            rows += batch.num_rows
            yield "", _batch(batch.columns, names)
            if odd.held:
                yield "", odd.batch()
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            where = f"after row {rows:,}" if "rows" in locals() else "in the first rows"
            raise Fault(
                f"{where}: a cell in quotes has no end or a row is over {_BLOCK >> 20} MiB long; "
                "the rest was not read"
            ) from None
    if odd.held:
        yield "", odd.batch()
    if odd.count:
        rows_are = "1 row has" if odd.count == 1 else f"{odd.count:,} rows have"
        item.remark(
            f"{rows_are} more or fewer cells than the {len(names):,} of the others, the first is "
            f"row {odd.first:,}; looked at as well"
        )


class _Odd:
    """Rows with another number of cells than the rest, held as batches of their own."""

    def __init__(self, dialect: Dialect, names: list[str]) -> None:
        self._dialect, self._names = dialect, names
        self.held: list[list[str]] = []
        self.count = self.first = 0

    def take(self, row: arrow_csv.InvalidRow) -> str:
        self.count += 1
        self.first = self.first or int(row.number or 0)
        if len(self.held) < _MAX_RAGGED or row.actual_columns > 1:
            self.held += _records(row.text, self._dialect)[:1]
        return "skip"

    def batch(self) -> pa.RecordBatch:
        """The rows held; cells beyond the last column are columns of their own, numbered."""
        width = max(len(row) for row in self.held)
        names = self._names + [f"column_{n + 1}" for n in range(len(self._names), width)]
        columns = [
            pa.array([_cell(row, number) for row in self.held], pa.string())
            for number in range(len(names))
        ]
        self.held = []
        return _batch(columns, names)


def _cell(row: list[str], number: int) -> str | None:
    value = row[number] if number < len(row) else ""
    return None if value in _NULLS else value


def _batch(columns: list[pa.Array], names: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(columns, names=names)


def _sniff(text: str) -> Dialect:
    """The delimiter under which most rows have the same number of cells, and more than one."""
    quote = "'" if _quoted("'", text) > 4 * _quoted('"', text) else '"'
    escape = (
        "\\" if f"\\{quote}" in text and f"{quote}{quote}" not in _unempty(text, quote) else None
    )
    best, score = ",", 0.0
    for delimiter in _DELIMITERS:
        if delimiter not in text:
            continue
        records = _records(text, Dialect(delimiter, quote, escape))
        width, share = _width(records)
        # the first of equals wins; wide and even rows before narrow and uneven ones
        worth = share**3 * min(width, 4) if width > 1 else 0.0
        if worth > score * 1.05:
            best, score = delimiter, worth
    return Dialect(best, quote, escape)


def _quoted(quote: str, text: str) -> int:
    """How many cells seem to begin with the quote."""
    return len(re.findall(rf"(?:^|[{re.escape(_DELIMITERS)}]){quote}", text[:32_768], re.MULTILINE))


def _unempty(text: str, quote: str) -> str:
    """Without empty quoted cells, whose two quotes escape nothing."""
    edge = rf"[{re.escape(_DELIMITERS)}\r\n]"
    return re.sub(rf"(?:(?<={edge})|^){quote}{quote}(?={edge}|$)", "", text)


def _records(text: str, dialect: Dialect) -> list[list[str]]:
    """The first rows; the last is left out where the text is cut in it."""
    if len(text.encode("utf-8", "replace")) >= _SNIFFED - 4 and "\n" in text:
        text = text[: text.rindex("\n") + 1]
    reader = csv.reader(
        StringIO(text.replace("\x00", ""), newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        strict=False,
    )
    found: list[list[str]] = []
    limit = csv.field_size_limit(_LONGEST_ROW)
    try:
        for row in reader:
            if row:
                found.append(row)
            if len(found) >= _RECORDS:
                break
    except csv.Error:  # the rows so far have to do
        pass
    finally:
        csv.field_size_limit(limit)
    return found


def _width(records: list[list[str]]) -> tuple[int, float]:
    """The most common number of cells, and the share of the rows that have it."""
    if not records:
        return 1, 0.0
    width, count = Counter(map(len, records)).most_common(1)[0]
    return width, count / len(records)


def has_header(records: list[list[str]], known: Callable[[str], bool]) -> bool:
    """Whether the first row names the columns.

    In doubt it does not: a row taken for a header would show a person's data as names of fields.
    So every cell must look like a name, none may come again below it, and either some cells are
    words that fields are called by or the columns below look otherwise than their first cell.
    """
    first, rest = [cell.strip() for cell in records[0]], records[1:]
    named = [cell for cell in first if cell]
    if not named or len(named) * 2 < len(first) or len({*named}) * 10 < len(named) * 9:
        return False
    if any(_DATUM.fullmatch(cell) or not _WORD.fullmatch(cell) for cell in named):
        return False
    words = sum(known(cell) for cell in named[:500])
    again = other = 0
    for at, cell in enumerate(first[:500]):
        below = [value for row in rest if at < len(row) and (value := row[at].strip())]
        if not cell or not below:
            continue
        again += cell in below
        other += sum(bool(_DATUM.fullmatch(value)) for value in below) * 5 >= len(below) * 4
    if again:
        return False
    return words * 4 >= min(len(named), 500) or other > 0
