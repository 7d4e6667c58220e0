"""Run inside a network namespace of its own: real servers at private addresses, and a scan of them.

`python -m tests.live.private_network FOLDER` prints what the scans said, as JSON. The namespace has
one network, 10.99.0.0/29, and no way out: whatever is not in it cannot be reached.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from leftopen.servers.redis import redis
from leftopen.testing import leftopen

SCOPE = """
[scope]
owner = "Velmora"
authorised_by = "A. Clerk"
reference = "V-2026-1"
expires = 2099-12-31
targets = ["10.99.0.0/29"]
exclusions = ["10.99.0.3"]
"""


def main(folder: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for number in (1, 2, 3):
        address = f"10.99.0.{number}/29"
        subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
    (folder / "scope.toml").write_text(SCOPE)
    with (
        redis("10.99.0.1", port=6379, protected_mode=True),
        redis("10.99.0.2", port=6379),
        redis("10.99.0.3", port=6379),
    ):
        told = [
            leftopen("scan", *targets, "--format", "json", store=folder / "r.db", cwd=folder)
            for targets in (
                ["--scope", "scope.toml"],
                ["10.99.0.1"],
                ["--scope", "scope.toml", "10.99.0.3"],
            )
        ]
    json.dump([{"code": ran.code, "out": ran.out, "err": ran.err} for ran in told], sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
