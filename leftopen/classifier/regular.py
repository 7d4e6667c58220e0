"""Which byte a pattern allows at which place: its automaton, cut to one length.

A pattern (RE2 syntax) becomes a position automaton (Glushkov, 1961) over bytes. For values of one
length the states that lie on a way from the start to the end say which bytes each place allows.
What is not allowed cannot match, so most patterns are settled by table without being run. Where
every way through the states is a match, the table is the answer itself.

Never too narrow: what this cannot read (an assertion, a class of Unicode) is taken wider.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

HIGH = ((1 << 256) - 1) ^ ((1 << 128) - 1)  # bytes of characters outside ASCII
_ASCII = (1 << 128) - 1
_LEAD = ((1 << 256) - 1) ^ ((1 << 0xC0) - 1)
_CONTINUED = ((1 << 0xC0) - 1) ^ _ASCII
_MANY = 2_000  # states: a pattern with more is not read
LONGEST = 64  # places that are looked at
ENDLESS = 1 << 40  # bytes: no end to how long a match may be


class Unread(Exception):
    """A pattern uses what this parser does not know; it has to be run."""


def _span(first: str, last: str) -> int:
    return (1 << (ord(last) + 1)) - (1 << ord(first))


_DIGIT = _span("0", "9")
_UPPER, _LOWER = _span("A", "Z"), _span("a", "z")
_WORD = _DIGIT | _UPPER | _LOWER | 1 << ord("_")
_SPACE = sum(1 << ord(c) for c in "\t\n\f\r ")
_PUNCTUATION = _span("!", "/") | _span(":", "@") | _span("[", "`") | _span("{", "~")
_CLASSES = {
    "d": _DIGIT, "w": _WORD, "s": _SPACE,
    "D": _ASCII ^ _DIGIT | HIGH, "W": _ASCII ^ _WORD | HIGH, "S": _ASCII ^ _SPACE | HIGH,
}  # fmt: skip
_UNICODE = {
    "L": _UPPER | _LOWER, "Lu": _UPPER, "Ll": _LOWER, "M": 0, "N": _DIGIT, "Nd": _DIGIT,
    "P": _PUNCTUATION, "S": _PUNCTUATION, "Z": 1 << 32, "Zs": 1 << 32,
    "Latin": _UPPER | _LOWER, "Common": _ASCII,
}  # fmt: skip
_CONTROL = {"t": 9, "n": 10, "r": 13, "f": 12, "v": 11}


@dataclass(slots=True)
class _Part:
    """A piece of the automaton: the states it may start and end with, and how many bytes it takes
    at the least and at the most.
    """

    nullable: bool
    first: int
    last: int
    least: int = 0
    most: int = 0


@dataclass(slots=True)
class Automaton:
    """A pattern's states: the bytes each takes and the states that may follow."""

    takes: list[int] = field(default_factory=list)
    follow: list[int] = field(default_factory=list)
    first: int = 0
    last: int = 0
    nullable: bool = False
    exact: bool = True  # nothing was taken wider than it is, in ASCII
    exact_wide: bool = True  # nor outside it
    least: int = 0  # bytes of a value that matches
    most: int = ENDLESS
    _ahead: list[int] = field(default_factory=list)  # states after so many bytes
    _behind: list[int] = field(default_factory=list)  # states so many bytes before the end
    _unions: dict[int, int] = field(default_factory=dict)  # the bytes that sets of states take

    def state(self, takes: int) -> _Part:
        if len(self.takes) >= _MANY:
            raise Unread
        bit = 1 << len(self.takes)
        self.takes.append(takes)
        self.follow.append(0)
        return _Part(False, bit, bit, 1, 1)

    def join(self, one: _Part, other: _Part) -> _Part:
        """One, then the other."""
        for state in bits(one.last):
            self.follow[state] |= other.first
        return _Part(
            one.nullable and other.nullable,
            one.first | (other.first if one.nullable else 0),
            other.last | (one.last if other.nullable else 0),
            one.least + other.least,
            one.most + other.most,
        )

    def loop(self, part: _Part) -> _Part:
        """The part, any number of times."""
        for state in bits(part.last):
            self.follow[state] |= part.first
        return _Part(True, part.first, part.last, 0, ENDLESS)

    def allowed(self, length: int) -> tuple[list[int], bool] | None:
        """For values of so many bytes, the bytes allowed at each place, and whether whatever they
        allow is a match; None if no value of that length is. Of values longer than `LONGEST` only
        the beginning is looked at.
        """
        places = min(length, LONGEST)
        whole = length <= LONGEST
        if not length or not self.takes or length > self.most or (whole and length < self.least):
            return None
        self._reach(places)
        layers = []
        for place in range(places):
            left = places - 1 - place
            states = self._ahead[place] & (self._behind[left] if whole else -1)
            if not states:
                return None
            layers.append(states)
        tables = [self._union(states) for states in layers]
        exact = whole and self.exact and self.exact_wide and self._complete(layers)
        return tables, exact

    def ascii(self) -> Automaton:
        """The same for values in ASCII only."""
        states = sum(1 << n for n, takes in enumerate(self.takes) if takes & ~HIGH)
        return Automaton(
            takes=[takes & ~HIGH for takes in self.takes],
            follow=[follow & states for follow in self.follow],
            first=self.first & states,
            last=self.last & states,
            nullable=self.nullable,
            exact=self.exact,
            least=self.least,
            most=self.most,
        )

    def after(self, states: int) -> int:
        """The states that may follow any of these."""
        found = 0
        for state in bits(states):
            found |= self.follow[state]
        return found

    def _union(self, states: int) -> int:
        found = self._unions.get(states)
        if found is None:
            found = 0
            for state in bits(states):
                found |= self.takes[state]
            self._unions[states] = found
        return found

    def _complete(self, layers: list[int]) -> bool:
        """Whether any state of a layer may be followed by every state of the next."""
        return all(
            not there & ~self.follow[state]
            for here, there in dict.fromkeys(itertools.pairwise(layers))
            for state in bits(here)
        )

    def _reach(self, places: int) -> None:
        if not self._ahead:
            self._ahead, self._behind = [self.first], [self.last]
        _grow(self._ahead, places, self.after)
        _grow(self._behind, places, self._before)

    def _before(self, states: int) -> int:
        found = 0
        for state, follow in enumerate(self.follow):
            if follow & states:
                found |= 1 << state
        return found


def _grow(steps: list[int], places: int, step: Callable[[int], int]) -> None:
    """More steps, until there are so many; a step that changes nothing need not be taken again."""
    while len(steps) < places:
        last = steps[-1]
        still = len(steps) > 1 and steps[-2] == last
        steps.append(last if still else step(last))


def bits(number: int) -> Iterator[int]:
    """The places of the ones in a number."""
    text = bin(number)[:1:-1]  # the lowest first
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


def read(pattern: str) -> Automaton:
    """The automaton of a pattern that is searched for; raises Unread."""
    made = Automaton()
    reader = _Reader(pattern, made)
    whole = reader.alternatives(outer=True)
    if reader.at < len(pattern):
        raise Unread
    made.first, made.last, made.nullable = whole.first, whole.last, whole.nullable
    made.least, made.most = whole.least, whole.most
    return made


class _Reader:
    """Recursive descent over one pattern."""

    def __init__(self, pattern: str, into: Automaton) -> None:
        self.text, self.at, self.into = pattern, 0, into
        self.fold = False  # small and capital letters are the same
        self.lines = False  # a dot is a line end, too
        self.ended = False  # the end of the value was asked for within the group

    def alternatives(self, outer: bool = False) -> _Part:
        """Alternatives up to a closing bracket; at the outside each may be tied to the ends."""
        found = self._sequence(outer)
        while self._peek() == "|":
            self.at += 1
            found = self._either(found, self._sequence(outer))
        return found

    @staticmethod
    def _either(one: _Part, other: _Part) -> _Part:
        return _Part(
            one.nullable or other.nullable,
            one.first | other.first,
            one.last | other.last,
            min(one.least, other.least),
            max(one.most, other.most),
        )

    def _sequence(self, outer: bool) -> _Part:
        self._flags()
        tied = outer and self._peek() == "^"
        if tied:
            self.at += 1
        found = _Part(True, 0, 0) if tied or not outer else self._anything()
        closed = False
        while self.at < len(self.text) and self._peek() not in "|)":
            if closed:
                raise Unread  # something stands after $
            if self._peek() == "$":
                closed = self.ended = True
                self.at += 1
                continue
            found = self.into.join(found, self._repeated())
        if outer and not closed:
            found = self.into.join(found, self._anything())
        return found

    def _flags(self) -> None:
        while self.text.startswith(("(?i)", "(?s)"), self.at):
            if self.text[self.at + 2] == "i":
                self.fold = True
            else:
                self.lines = True
            self.at += 4

    def _anything(self) -> _Part:
        return self.into.loop(self.into.state((1 << 256) - 1))

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _repeated(self) -> _Part:
        start = self.at
        found = self._atom()
        low, high = self._counts()
        if (low, high) == (1, 1):
            return found
        after = self.at
        if high is not None and high > LONGEST + 1:  # no value that is looked at whole has so many
            high = None
        low = min(low, LONGEST + 1)
        if high == 0:
            return _Part(True, 0, 0)
        copies = [found]
        for _ in range(max(low, high or low, 1) - 1):
            self.at = start
            copies.append(self._atom())
        self.at = after
        if high is None:
            last = self.into.loop(copies[-1])
            last.nullable = found.nullable or low == 0
            last.least = 0 if last.nullable else found.least
            copies[-1] = last
        whole = _Part(True, 0, 0)
        for copy in copies[: max(low, 1) if high is None else low]:
            whole = self.into.join(whole, copy)
        if high is None:
            return whole
        # what may be missing hangs on what stands before it: x(x(x)?)?
        rest = _Part(True, 0, 0)
        for copy in reversed(copies[low:]):
            rest = self.into.join(copy, rest)
            rest.nullable, rest.least = True, 0
        return self.into.join(whole, rest)

    def _counts(self) -> tuple[int, int | None]:
        sign = self._peek()
        low: int
        high: int | None
        if sign and sign in "*+?":
            self.at += 1
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        elif sign == "{" and self.text[self.at + 1 : self.at + 2].isdigit():
            stop = self.text.index("}", self.at)
            least, comma, most = self.text[self.at + 1 : stop].partition(",")
            low = int(least)
            high = int(most) if most else (None if comma else low)
            self.at = stop + 1
        else:
            return 1, 1
        if self._peek() == "?":  # lazy: the same values
            self.at += 1
        return low, high

    def _atom(self) -> _Part:
        sign = self._peek()
        self.at += 1
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._characters(self._class())
        if sign == ".":
            return self._characters(_ASCII & ~(0 if self.lines else 1 << 10) | HIGH)
        if sign == "\\":
            if self._peek() in ("b", "B"):
                self.at += 1
                self.into.exact = False
                return _Part(True, 0, 0)
            return self._characters(self._escape()[0])
        if not sign or sign in "^$*+?{|":
            raise Unread
        return self._characters(self._one(ord(sign)))

    def _group(self) -> _Part:
        fold = self.fold
        if self._peek() == "?":
            stop = self.at + 1
            while self.text[stop : stop + 1] in ("i", "s", "-"):
                stop += 1
            flags = self.text[self.at + 1 : stop]
            if self.text[stop : stop + 1] != ":" or "s" in flags:
                raise Unread
            self.fold = False if "-i" in flags else (self.fold or "i" in flags)
            self.at = stop + 1
        before, self.ended = self.ended, False
        found = self.alternatives()
        if self._peek() != ")":
            raise Unread
        self.at += 1
        if self.ended and self.text[self.at :].lstrip(")") not in ("", "$"):
            self.into.exact = False  # the end was asked for in the midst
        self.ended = self.ended or before
        self.fold = fold
        return found

    def _one(self, code: int) -> int:
        """The bytes of one character."""
        if code >= 128:
            self.into.exact_wide = False
            return HIGH
        found = 1 << code
        if self.fold and chr(code).isalpha():
            found |= 1 << ord(chr(code).swapcase())
        return found

    def _escape(self) -> tuple[int, int | None]:
        """What stands after a backslash: its bytes, and its code if it is one character."""
        sign = self._peek()
        self.at += 1
        if sign and sign in _CLASSES:
            return _CLASSES[sign], None
        if sign in ("p", "P"):
            self.into.exact_wide = False
            name = self._name()
            if sign == "P" or name.startswith("^"):
                return _ASCII | HIGH, None
            # a script's own name: no ASCII in it
            return _UNICODE.get(name, _ASCII if len(name) <= 2 else 0) | HIGH, None
        if sign == "x":
            code = int(self._name(2), 16)
        elif sign in _CONTROL:
            code = _CONTROL[sign]
        elif sign and not sign.isalnum():
            code = ord(sign)
        else:
            raise Unread
        return self._one(code), code

    def _name(self, size: int = 1) -> str:
        """What stands in braces, or so many characters."""
        if self._peek() == "{":
            stop = self.text.index("}", self.at)
            name = self.text[self.at + 1 : stop]
            self.at = stop + 1
        else:
            name = self.text[self.at : self.at + size]
            self.at += size
        return name

    def _class(self) -> int:
        negated = self._peek() == "^"
        self.at += negated
        found, first = 0, True
        while first or self._peek() != "]":
            first = False
            takes, code = self._member()
            rest = self.text[self.at : self.at + 2]
            if code is not None and rest[:1] == "-" and rest != "-]":
                self.at += 1
                _, last = self._member()
                if last is None:
                    raise Unread
                takes = self._between(code, last)
            found |= takes
        self.at += 1
        if not negated:
            return found
        if found & HIGH:
            self.into.exact_wide = False
        return _ASCII & ~found | HIGH

    def _member(self) -> tuple[int, int | None]:
        sign = self._peek()
        if not sign or self.text.startswith("[:", self.at):
            raise Unread
        self.at += 1
        return self._escape() if sign == "\\" else (self._one(ord(sign)), ord(sign))

    def _between(self, first: int, last: int) -> int:
        if first >= 128:
            self.into.exact_wide = False
            return HIGH
        found = (1 << (min(last, 127) + 1)) - (1 << first)
        if self.fold:
            found |= (found & _UPPER) << 32 | (found & _LOWER) >> 32
        if last >= 128:
            self.into.exact_wide = False
            found |= HIGH
        return found

    def _characters(self, takes: int) -> _Part:
        """One character: a byte of ASCII, or a leading byte and those that continue it."""
        plain, wide = takes & _ASCII, takes & HIGH
        if not wide:
            return self.into.state(plain)
        lead = self.into.state(_LEAD)
        rest = self.into.loop(self.into.state(_CONTINUED))
        rest.nullable, rest.least, rest.most = False, 1, 3
        self.into.exact_wide = False
        found = self.into.join(lead, rest)
        return self._either(self.into.state(plain), found) if plain else found
