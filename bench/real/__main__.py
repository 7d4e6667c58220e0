"""`python -m bench.real DIR CHECKOUT…`: builds the corpus below DIR from local git checkouts.

A checkout is a git directory (bare, or the `.git` of a clone) that holds the commit named in
`sources.toml`. Databases without a checkout are named and left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.real.build import build
from bench.real.sources import Checkout, databases


def main(words: list[str]) -> int:
    if len(words) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    into, git_dirs = Path(words[0]), [Path(word) for word in words[1:]]
    missing = 0
    for database in databases():
        checkout = Checkout.find(database, git_dirs)
        if checkout is None:
            missing += 1
            print(f"{database.name}: no checkout has {database.repository}@{database.commit}")
            continue
        names = build(database, checkout, into)
        print(f"{database.name}: {len(names)} tables")
    return 1 if missing else 0


sys.exit(main(sys.argv[1:]))
