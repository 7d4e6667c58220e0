"""Settings of a scan, with the defaults that are kind to others' servers."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leftopen.budget import Budget, StoreLimits
from leftopen.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """How fast and how much. `rate` and `host_rate` are connections a second (None: no limit),
    `timeout` seconds to wait for a connection, `probes` how many targets are judged at once."""

    rate: float | None = 1_000.0
    host_rate: float | None = 20.0
    timeout: float = 1.5
    probes: int = 32
    limits: StoreLimits = field(default_factory=StoreLimits)

    def budget(self) -> Budget:
        return Budget(self.rate, self.host_rate)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Settings:
        return cls(**{**told, "limits": StoreLimits(**told["limits"])})


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
