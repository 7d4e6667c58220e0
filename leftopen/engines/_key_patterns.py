"""Keys to key patterns: which part of a key is a name, and which part is data.

A key/value store has no tables; its keys are named by habit, `sess:8f3a…`, `user:17:cart`. A sample
of keys is split at the usual separators and laid in a tree. A segment that looks like data, or that
changes from key to key beneath one prefix, becomes `*`. Pure functions, no I/O.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

MAX_SEGMENTS = 8  # further ones are one changing part
MAX_TEXT = 256  # characters of a key that are looked at
FEW = 4  # more constant names than this beneath one prefix are no names but data
FEW_AT_ROOT = 16  # the same where there is no prefix: `config`, `counter`, `queue`, …
MANY = 16  # subtrees with changing parts of their own that may stand side by side

_STRONG_GAPS = ":/|{}#,;=&?\\>"
_STRONG = re.compile(f"([{re.escape(_STRONG_GAPS)}]+)")
_PARTS = re.compile(
    r"(?P<data>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # UUID
    r"|\d{4}-\d{2}-\d{2}"  # date
    r"|\d{1,3}(?:\.\d{1,3}){3})(?![^._~-])"  # IPv4
    r"|(?P<gap>[._~-]+)|(?P<word>[^._~-]+)"
)
_HEX = re.compile(r"[0-9a-fA-F]{8,}")
_SPELT = re.compile(r"[a-z]+\d{0,4}|[A-Z][a-z]+|[A-Z]+")  # as words are
_DIGITS = re.compile(r"\d+")


Member = tuple[bytes, tuple[str, ...]]  # a raw key, and the text of its changing parts in order


@dataclass(frozen=True, slots=True)
class Pattern:
    """Keys that share a pattern; each member has as many changing parts as `name` has stars."""

    name: str
    members: tuple[Member, ...]

    @property
    def constant(self) -> bool:
        """Whether the name is one whole key, so that the key itself is the collection."""
        return "*" not in self.name


class Shape:
    """What tells the keys of a pattern from others, beyond the members that it was learnt from."""

    def __init__(self, name: str, members: Iterable[Member]) -> None:
        self._pieces = name.split("*")
        # Parts in which separators were met are the rests of keys, others are single pieces.
        self._rests = {
            place
            for _, parts in members
            for place, part in enumerate(parts)
            if _STRONG.search(part)
        }

    @property
    def glob(self) -> bytes:
        """The pattern in the words of Redis' MATCH; other patterns' keys may fit it too."""
        pieces = (re.sub(r"([\\*?\[\]^])", r"\\\1", piece) for piece in self._pieces)
        return "*".join(pieces).encode()

    def parts(self, key: bytes) -> tuple[str, ...] | None:
        """The changing parts of a key, None where it is not one of the pattern's."""
        text = _looked_at(key)
        first, *others = self._pieces
        if not text.startswith(first):
            return None
        at, parts = len(first), list[str]()
        for place, piece in enumerate(others):
            end = text.find(piece, at)
            if place == len(others) - 1:
                end = len(text) - len(piece) if text.endswith(piece) else -1
            if end < at or (place not in self._rests and _STRONG.search(text, at, end)):
                return None
            parts.append(text[at:end])
            at = end + len(piece)
        return tuple(parts) if at == len(text) else None


@dataclass(frozen=True, slots=True)
class _Segment:
    gap: str  # the separator before it
    text: str
    label: str  # the text, its data replaced by stars
    parts: tuple[str, ...]  # what the stars stand for


@dataclass(slots=True)
class _Node:
    children: dict[tuple[str, str], _Node] = field(default_factory=dict)  # by gap and label
    ends: list[int] = field(default_factory=list)  # numbers of the keys that end here

    def total(self) -> int:
        return len(self.ends) + sum(child.total() for child in self.children.values())

    def numbers(self) -> Iterable[int]:
        yield from self.ends
        for child in self.children.values():
            yield from child.numbers()

    def take(self, other: _Node) -> None:
        """Merge another subtree into this one."""
        self.ends += other.ends
        for step, child in other.children.items():
            self.children.setdefault(step, _Node()).take(child)


def patterns(keys: Iterable[bytes]) -> list[Pattern]:
    """The patterns of the keys, those with most keys first. Names hold no control characters."""
    raw = list(keys)
    split = [_segments(key) for key in raw]
    root = _Node()
    for number, segments in enumerate(split):
        node = root
        for segment in segments:
            node = node.children.setdefault((segment.gap, segment.label), _Node())
        node.ends.append(number)
    _fold(root, split, 0)
    found: dict[str, list[tuple[bytes, tuple[str, ...]]]] = {}
    for path, node in _leaves(root, ()):
        for number in node.ends:
            name, changing = _named(path, split[number])
            found.setdefault(name, []).append((raw[number], changing))
    made = [Pattern(name, tuple(members)) for name, members in found.items()]
    return sorted(made, key=lambda pattern: (-len(pattern.members), pattern.name))


def with_key_parts(batch: pa.RecordBatch, parts: Sequence[Sequence[str]]) -> pa.RecordBatch:
    """The batch with columns for the changing parts of each row's key: `@key`, `@key2`, …"""
    for place in range(max(map(len, parts), default=0)):
        column = [changing[place] if place < len(changing) else None for changing in parts]
        name = "@key" if place == 0 else f"@key{place + 1}"
        batch = batch.append_column(name, pa.array(column, pa.string()))
    return batch


def looks_like_data(word: str) -> bool:
    """Whether no programmer wrote this word: an e-mail address, a number, an id, a blank, …"""
    digits = sum(map(str.isdigit, word))
    return (
        not word.isprintable()
        or any(c in "@*\ufffd" or c.isspace() for c in word)
        or len(word) > 40
        or digits >= 5
        or digits == len(word)
        or _HEX.fullmatch(word) is not None
        or (len(word) >= 6 and len(_DIGITS.findall(word)) >= 2)
        or (len(word) >= 10 and digits > 0 and word.lower() != word != word.upper())
    )


def _looked_at(key: bytes) -> str:
    """As much of a key as is looked at, as text."""
    return key[: MAX_TEXT * 4].decode("utf-8", "replace")[:MAX_TEXT]


def _segments(key: bytes) -> list[_Segment]:
    """A key at its separators: `:` `/` `|` and the like; where it has none, at `.` `_` `-`.

    From the first byte on that is no text, the rest of the key is one changing part.
    """
    text = _looked_at(key)
    binary = next((i for i, c in enumerate(text) if c == "\ufffd" or not c.isprintable()), None)
    if binary is not None:
        head = max(text.rfind(gap, 0, binary) for gap in _STRONG_GAPS) + 1
        rest = text[head:]
        if head == 0:
            return [_Segment("", rest, "*", (rest,))]
        made = _strong_segments(text[:head])
        last = made.pop()  # what follows the last separator that was split at: often nothing
        rest = last.text + rest
        return [*made, _Segment(last.gap, rest, "*", (rest,))]
    if not text or ("@" in text and not _STRONG.search(text)):
        return [_Segment("", text, "*", (text,))]
    if _STRONG.search(text):
        return _strong_segments(text)
    found = _words(text)
    return [_Segment(gap, word, "*" if data else word, (word,) * data) for gap, word, data in found]


def _strong_segments(text: str) -> list[_Segment]:
    """At most MAX_SEGMENTS; the last then stands for all that follow."""
    pieces = _STRONG.split(text, MAX_SEGMENTS - 1)
    gaps, texts = ["", *pieces[1::2]], pieces[0::2]
    made = [_segment(gap, piece) for gap, piece in zip(gaps, texts, strict=True)]
    if _STRONG.search(texts[-1]):
        made[-1] = _Segment(gaps[-1], texts[-1], "*", (texts[-1],))
    return made


def _rest(segments: Sequence[_Segment]) -> _Segment:
    """All these segments as one changing part."""
    text = _text(segments)
    return _Segment(segments[0].gap, text, "*", (text,))


def _segment(gap: str, text: str) -> _Segment:
    """One piece between strong separators; data in it between weak ones is starred: `user_*`."""
    if text and looks_like_data(text) and not text[0].islower():
        return _Segment(gap, text, "*", (text,))
    if "@" in text or any(map(str.isspace, text)):
        return _Segment(gap, text, "*", (text,))
    found = _words(text)
    label = "".join(between + ("*" if data else word) for between, word, data in found)
    return _Segment(gap, text, label, tuple(word for _, word, data in found if data))


def _words(text: str) -> list[tuple[str, str, bool]]:
    """The words between weak separators: the separator before, the word, whether it is data.

    A run of data is one word. Separators at either end belong to data they touch. From a word on
    that is not spelt as words are, a rest of mixed case with digits is a token: one piece of data.
    """
    made: list[tuple[str, str, bool]] = []
    gap = ""
    for match in _PARTS.finditer(text):
        if match["gap"] is not None:
            gap += match["gap"]
            continue
        word, ended = match[0], False
        data = match["data"] is not None or looks_like_data(word)
        rest = text[match.start() :]
        if len(made) == MAX_SEGMENTS - 1 or (not _SPELT.fullmatch(word) and _is_token(rest)):
            word, data, ended = rest, True, True
        gap, word = gap[:1], gap[1:] + word  # of `__` the second is the word's own
        if data and made and made[-1][2]:
            before = made.pop()
            gap, word = before[0], before[1] + gap + word
        elif data and not made:
            gap, word = "", gap + word
        made.append((gap, word, data))
        gap = ""
        if ended:
            break
    if gap and made and made[-1][2]:
        made[-1] = (made[-1][0], made[-1][1] + gap, True)
    elif gap:
        made.append((gap, "", False))
    if sum(c.isdigit() for _, word, data in made if not data for c in word) >= 5:
        return [("", text, True)]
    return made


def _is_token(text: str) -> bool:
    return (
        len(text) >= 10 and any(c.isdigit() for c in text) and text.lower() != text != text.upper()
    )


def _fold(node: _Node, split: list[list[_Segment]], depth: int) -> None:
    """Replace names that change from key to key by a star, here and below.

    `split` holds the segments of each key, `depth` is which of them the children stand for.
    """
    shapes: dict[tuple[str, bool, frozenset[tuple[str, str]]], list[tuple[str, str]]] = {}
    scattered: dict[str, list[tuple[str, str]]] = {}
    for step, child in node.children.items():
        gap, label = step
        if label == "*":
            continue
        below = frozenset(child.children)
        if child.total() <= max(1, 2 * len(below)):  # a few keys: an entity, not a table
            shapes.setdefault((gap, bool(child.ends), below), []).append(step)
            scattered.setdefault(gap, []).append(step)
    for gap, steps in scattered.items():
        _fold_alike(node, gap, steps, split, depth)
    varying: set[tuple[str, str]] = set()
    for (_, _, below), steps in shapes.items():
        allowed = FEW
        if not below:
            allowed = FEW_AT_ROOT if depth == 0 else FEW
        elif any("*" in label for _, label in below):
            allowed = MANY
        if len(steps) > allowed:
            varying.update(steps)
    for steps in scattered.values():
        if len(steps) > 2 * MANY:
            varying.update(steps)
    for step in [step for step in node.children if step in varying]:
        taken = node.children.pop(step)
        node.children.setdefault((step[0], "*"), _Node()).take(taken)
    for child in node.children.values():
        _fold(child, split, depth + 1)


def _fold_alike(
    node: _Node,
    gap: str,
    steps: Iterable[tuple[str, str]],
    split: list[list[_Segment]],
    depth: int,
) -> None:
    """Fold keys into the star beside them whose rest is as long as what the star stands for: of a
    thousand random tokens some hold no digit and look like words."""
    star = node.children.get((gap, "*"))
    if star is None or len(star.ends) <= FEW:
        return
    texts = [_text(split[number][depth:]) for number in star.ends]
    counts = Counter(map(len, texts))
    usual = {length for length, count in counts.items() if count > FEW and count * 10 > len(texts)}
    signs = set().union(*map(_signs, texts))
    for step in steps:
        numbers = list(node.children[step].numbers())
        rests = [_text(split[number][depth:]) for number in numbers]
        if all(len(rest) in usual and _signs(rest) <= signs for rest in rests):
            del node.children[step]
            for number in numbers:
                split[number][depth:] = [_rest(split[number][depth:])]
                star.ends.append(number)


def _text(segments: Sequence[_Segment]) -> str:
    """The text of these segments, without the separator before the first."""
    return "".join(segment.gap + segment.text for segment in segments)[len(segments[0].gap) :]


def _signs(text: str) -> set[str]:
    """Which sorts of characters a text is made of."""
    return {"d" if c.isdigit() else "u" if c.isupper() else "l" for c in text if c.isalnum()}


def _leaves(
    node: _Node, path: tuple[tuple[str, str], ...]
) -> Iterable[tuple[tuple[tuple[str, str], ...], _Node]]:
    if node.ends:
        yield path, node
    for step, child in node.children.items():
        yield from _leaves(child, (*path, step))


def _named(
    path: Sequence[tuple[str, str]], segments: Sequence[_Segment]
) -> tuple[str, tuple[str, ...]]:
    """The pattern's name, and the changing parts of one key that has it."""
    name = ""
    changing: list[str] = []
    after_star = False
    for (gap, label), segment in zip(path, segments, strict=True):
        weak = not _STRONG.search(gap)
        if label == "*" and weak and after_star:
            changing[-1] += gap + segment.text  # `*-*` says no more than `*`
            continue
        if label == "*" and weak and not name:
            name = "*"
            changing.append(gap + segment.text)
        elif label == "*":
            name += gap + label
            changing.append(segment.text)
        else:
            name += gap + label
            changing.extend(segment.parts)
        after_star = label == "*"
    return name, tuple(changing)
