"""Many patterns at once: tables say which patterns a value can still match.

For values of one length, a table has a row for each place and an entry for each byte: the patterns
(one bit each) that allow the byte there. Ands along the value leave the patterns that allow all of
it. `regular` makes the tables and says where they are the whole answer; the rest is run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier.deterministic import Machine, machine
from leftopen.classifier.regular import LONGEST, Automaton, Unread, read

_WORD = 64  # patterns in a table
_MOST_JOINT = 3_000  # states of a machine of several patterns
Words = NDArray[np.uint64]


@dataclass(slots=True)
class _Table:
    """Up to 64 patterns for values of one length."""

    bytes: Words  # (places, 256)
    patterns: list[int] = field(default_factory=list)
    exact: int = 0  # the patterns of which the table is the whole answer


class Sieve:
    """The patterns known so far, and their tables by length; apart for values in ASCII only."""

    def __init__(self) -> None:
        self.patterns: list[str] = []
        self._numbers: dict[str, int] = {}
        self._automata: list[Automaton | None] = []
        self._plain: dict[int, Automaton] = {}  # the same for values in ASCII, once asked for
        self._tables: dict[tuple[bool, int], list[_Table]] = {}
        self._seen: dict[tuple[bool, int], int] = {}  # how many patterns those tables know of
        self._machines: dict[tuple[int, ...], Machine | None] = {}

    def number(self, pattern: str) -> int | None:
        """The pattern's number; None if only a run can tell what it matches."""
        found = self._numbers.get(pattern)
        if found is None:
            found = self._numbers[pattern] = len(self.patterns)
            self.patterns.append(pattern)
            try:
                self._automata.append(read(pattern))
            except (Unread, ValueError, IndexError):
                self._automata.append(None)
        return found if self._automata[found] is not None else None

    def _automaton(self, number: int, plain: bool) -> Automaton | None:
        found = self._automata[number]
        if found is None or not plain:
            return found
        if number not in self._plain:
            self._plain[number] = found.ascii()
        return self._plain[number]

    def machine(self, numbers: tuple[int, ...]) -> Machine | None:
        """What says of values in ASCII, up to LONGEST bytes, which of the patterns they match;
        None if only RE2 can, or each pattern has to be asked by itself.
        """
        if numbers not in self._machines:
            known = [self._automaton(number, plain=True) for number in numbers]
            some = [automaton for automaton in known if automaton and automaton.exact]
            complete = len(some) == len(numbers)
            most = {} if len(numbers) == 1 else {"most": _MOST_JOINT}
            self._machines[numbers] = machine(some, **most) if complete else None
        return self._machines[numbers]

    def tables(self, length: int, plain: bool) -> list[_Table]:
        """The tables for values of so many bytes (over LONGEST: their beginnings)."""
        key = (plain, min(length, LONGEST + 1))
        tables = self._tables.setdefault(key, [])
        for number in range(self._seen.get(key, 0), len(self.patterns)):
            automaton = self._automaton(number, plain)
            allowed = automaton.allowed(key[1]) if automaton else None
            if allowed is None:
                continue
            if not tables or len(tables[-1].patterns) == _WORD:
                tables.append(_Table(np.zeros((min(length, LONGEST), 256), dtype=np.uint64)))
            table = tables[-1]
            bit = len(table.patterns)
            table.patterns.append(number)
            takes, exact = allowed
            table.bytes |= _unpacked(tuple(takes)).astype(np.uint64) << np.uint64(bit)
            table.exact |= int(exact) << bit
        self._seen[key] = len(self.patterns)
        return tables


def _unpacked(takes: tuple[int, ...]) -> NDArray[np.uint8]:
    """Sets of bytes as rows of zeros and ones."""
    packed = b"".join(mask.to_bytes(32, "little") for mask in takes)
    flat = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), bitorder="little")
    return flat.reshape(len(takes), 256)


@cache
def sieve() -> Sieve:
    """The one sieve of the process."""
    return Sieve()
