"""Patterns made deterministic: one table step a byte, for all values of one length at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier.regular import Automaton

_MOST = 400  # states: a pattern that needs more is run by RE2
_START = 256  # the second row
_BLOCK = 8_192  # values stepped through together: what is held stays in the cache


@dataclass(frozen=True, slots=True)
class Machine:
    """Patterns as one: states numbered by where their row begins; 0 is the state nothing leaves.

    `steps` has a row of 256 for each state, one for each byte; `ends` says for each state which of
    the patterns may end in it, one bit each.
    """

    steps: NDArray[np.int64]
    ends: NDArray[np.uint64]

    def matches(self, matrix: NDArray[np.uint8]) -> NDArray[np.uint64]:
        """Which of the patterns each value matches, one bit each; `matrix` has a row for each
        place and a column for each value.
        """
        count = matrix.shape[1]
        found = np.empty(count, dtype=np.uint64)
        for begin in range(0, count, _BLOCK):
            block = matrix[:, begin : begin + _BLOCK]
            state = np.full(block.shape[1], _START, dtype=np.int64)
            for row in block:
                state += row
                state = self.steps.take(state)
            found[begin : begin + _BLOCK] = self.ends.take(state >> 8)
        return found


def machine(automata: Sequence[Automaton], most: int = _MOST) -> Machine | None:
    """The machine of up to 64 automata; None if it would have more than `most` states."""
    whole = _side_by_side(automata)
    classes, members = _classes(whole)
    start = -1  # stands for the set of states that the machine begins in
    numbers: dict[int, int] = {0: 0}
    sets = [0, start]
    rows: list[list[int]] = [[0] * len(members), []]
    at = 1
    while at < len(sets):
        after = whole.first if sets[at] == start else whole.after(sets[at])
        row = []
        for member in members:
            there = after & member
            number = numbers.get(there)
            if number is None:
                if len(sets) >= most:
                    return None
                number = numbers[there] = len(sets)
                sets.append(there)
                rows.append([])
            row.append(number)
        rows[at] = row
        at += 1
    ends = np.zeros(len(sets), dtype=np.uint64)
    low = 0
    for bit, one in enumerate(automata):
        last = one.last << low
        low += len(one.takes)
        for number, states in enumerate(sets):
            if one.nullable if states == start else states & last:
                ends[number] |= np.uint64(1 << bit)
    return Machine(np.array(rows, dtype=np.int64)[:, classes].ravel() << 8, ends)


def _side_by_side(automata: Sequence[Automaton]) -> Automaton:
    """The automata as one, their states after one another."""
    whole = Automaton()
    for one in automata:
        low = len(whole.takes)
        whole.takes += one.takes
        whole.follow += [follow << low for follow in one.follow]
        whole.first |= one.first << low
    return whole


def _classes(automaton: Automaton) -> tuple[NDArray[np.uint8], list[int]]:
    """Bytes that no state tells apart share a class: the class of each byte, and the states that
    take each class.
    """
    distinct = sorted(set(automaton.takes))
    packed = b"".join(takes.to_bytes(32, "little") for takes in distinct)
    flags = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), bitorder="little")
    table = flags.reshape(len(distinct), 256).T
    rows, classes = np.unique(table, axis=0, return_inverse=True)
    taken: dict[int, int] = {}
    for state, takes in enumerate(automaton.takes):
        taken[takes] = taken.get(takes, 0) | 1 << state
    owners = [taken[takes] for takes in distinct]
    members = []
    for row in rows:
        found = 0
        for place in np.flatnonzero(row).tolist():
            found |= owners[place]
        members.append(found)
    return classes.reshape(-1).astype(np.uint8), members
