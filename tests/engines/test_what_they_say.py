"""What an engine's module says of itself is printed in docs/engines.md: it says the same things of
every engine, for a reader."""

from __future__ import annotations

import inspect
import re
import sys

import pytest

from leftopen.engine import Engine
from leftopen.engines import all_engines
from leftopen.engines_listed import exchange
from leftopen.model import Verdict

every_engine = pytest.mark.parametrize("engine", all_engines().values(), ids=all_engines())
NOT_NAMED = {Verdict.NOT_THIS}  # said once for all engines


@every_engine
def test_every_verdict_that_it_gives_is_explained(engine: Engine) -> None:
    source = inspect.getsource(sys.modules[type(engine).__module__])
    given = {verdict for verdict in Verdict if re.search(rf"\bVerdict\.{verdict.name}\b", source)}
    said = {verdict for verdict in Verdict if re.search(rf"\b{verdict.name}\b", exchange(engine))}
    assert given - NOT_NAMED <= said


@every_engine
def test_it_says_what_proves_nothing_and_where_can_write_comes_from(engine: Engine) -> None:
    text = re.sub(r"\s+", " ", exchange(engine))
    assert re.search(r"\bprov(e|es|ing)\b[^.]* (nothing|identity only|no more)", text)
    assert "`can_write`" in text
    assert re.search(r"\bSources?: \S", text)


@every_engine
def test_it_is_written_for_a_reader(engine: Engine) -> None:
    text = exchange(engine)
    constants = set(re.findall(r"(?<![\w{.$])_[A-Z][A-Z_]+\b|\bMAX_[A-Z_]+\b", text))
    assert not constants, "constants of the code say nothing on a page"
    assert "see above" not in text.lower()
    assert "_wire" not in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert len(text.splitlines()) <= 45
