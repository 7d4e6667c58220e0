"""What happens during a scan, as events, and the listener that shows them.

`leftopen.scan` yields these events; the recorder keeps them and a Listener (terminal, web, none)
shows them. They carry model types only, so nothing a listener shows can hold a person's value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from leftopen.model import Exposure, People, ScanError, Service, Target


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """`done` of `total` address and port pairs tried; `answering` accepted a connection.

    `cursor` is where a resumed sweep goes on.
    """

    done: int
    total: int
    answering: int
    cursor: int


@dataclass(frozen=True, slots=True)
class TargetFound:
    """Somebody listens there; what it is is not known yet."""

    target: Target


@dataclass(frozen=True, slots=True)
class ServiceJudged:
    """A target has its verdict."""

    service: Service


@dataclass(frozen=True, slots=True)
class ProfileStarted:
    """An open store is being read."""

    service: Service


@dataclass(frozen=True, slots=True)
class CollectionRead:
    """`done` of `total` collections of the store at `target` are profiled."""

    target: Target
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ExposureRated:
    """An exposure is profiled and rated; the last word on a store in this run."""

    exposure: Exposure


@dataclass(frozen=True, slots=True)
class PeopleCounted:
    """How many people are in all stores of the run, each counted once."""

    people: People


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong; the scan goes on."""

    error: ScanError


@dataclass(frozen=True, slots=True)
class Finished:
    """The scan is at its end. `complete` is False where something was left undone."""

    complete: bool


Event = (
    SweepProgress
    | TargetFound
    | ServiceJudged
    | ProfileStarted
    | CollectionRead
    | ExposureRated
    | PeopleCounted
    | Failed
    | Finished
)


class Listener(Protocol):
    """Shows events as they come. A listener that fails must not stop a scan: keep it simple."""

    def on(self, event: Event) -> None: ...


class Silence:
    """The listener that shows nothing."""

    def on(self, event: Event) -> None:
        pass
