"""Settings of a scan, with the defaults that are kind to others' servers."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leftopen.budget import Budget, StoreLimits
from leftopen.errors import UsageError


@dataclass(frozen=True, slots=True)
class Measuring:
    """What is measured of a store beyond the kinds of its data, and how it may be shown.

    `deep` streams the fields that tell people apart through a sketch. `epsilon` is what releases of
    composition may cost in privacy loss (None: none is made). `threshold` is the number of people
    below which nothing is told (privacy rule R4: 5 to 20), `resolution` that of H3 cells.
    `look_seconds` is the longest wait between two looks at a store.
    """

    deep: bool = False
    epsilon: float | None = None
    threshold: int = 10
    resolution: int = 4
    look_seconds: float = 5.0

    def __post_init__(self) -> None:
        if not 5 <= self.threshold <= 20:
            raise UsageError(
                f"a threshold of {self.threshold} people is not allowed; choose from 5 to 20"
            )
        if not 0 <= self.resolution <= 5:
            raise UsageError(
                f"H3 cells of resolution {self.resolution} are not allowed; choose from 0 to 5"
            )


@dataclass(frozen=True)
class Settings:
    """How fast and how much. `rate` and `host_rate` are connections a second (None: no limit),
    `timeout` seconds to wait for a connection, `probes` how many targets are judged at once."""

    rate: float | None = 1_000.0
    host_rate: float | None = 20.0
    timeout: float = 1.5
    probes: int = 32
    limits: StoreLimits = field(default_factory=StoreLimits)
    measuring: Measuring = field(default_factory=Measuring)

    def budget(self) -> Budget:
        return Budget(self.rate, self.host_rate)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Settings:
        measuring = Measuring(**told.get("measuring", {}))  # runs of earlier versions have none
        limits = StoreLimits(**told["limits"])
        return cls(**{**told, "limits": limits, "measuring": measuring})


def defaults_of(path: Path) -> dict[str, Any]:
    """Defaults for the command line from a leftopen.toml: its tables but [scope], by command.

    `[scan] rate = 50` stands for `leftopen scan --rate 50`. No file, no defaults.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file: {error}") from None
    return {name: table for name, table in tables.items() if name != "scope"}
