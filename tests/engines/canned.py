"""Recordings of a scripted site, played back: what a honeypot with canned answers would give."""

from __future__ import annotations

from collections.abc import Callable

from tests.scripted_http import Answer, Asked, Site

Played = Callable[[list[tuple[Asked, Answer]]], Site]


def recorder(site: Site, tape: list[tuple[Asked, Answer]]) -> Site:
    """The same site; what is asked and answered goes onto the tape."""

    def answer(asked: Asked) -> Answer:
        given = site(asked)
        tape.append((asked, given))
        return given

    return answer


def in_order(tape: list[tuple[Asked, Answer]]) -> Site:
    """The recorded answers one after the other, whatever is asked; then the last one for ever."""
    left = [answer for _, answer in tape]
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


def by_path(tape: list[tuple[Asked, Answer]]) -> Site:
    """The recorded answers by path, each path's own in order; what was not recorded is not found.

    A path that is new gets the answers recorded for paths of as many segments under the same
    first one, as when a random name is part of it.
    """
    left: dict[str, list[Answer]] = {}
    for asked, recorded in tape:
        for key in (asked.path, _like(asked.path)):
            left.setdefault(key, []).append(recorded)

    def answer(asked: Asked) -> Answer:
        answers = left.get(asked.path) or left.get(_like(asked.path))
        if answers is None:
            return Answer({"error": "not_found"}, 404)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return answer


def _like(path: str) -> str:
    """What paths that differ in their last segment have in common."""
    parts = path.strip("/").split("/")
    return f"{len(parts)} segments under {parts[0] if len(parts) > 1 else ''}"


PLAYED: list[Played] = [in_order, by_path]
