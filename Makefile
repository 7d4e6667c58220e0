# Everything a newcomer needs: make demo, make test. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help install demo test check kinds engines servers lock clean
help:
	@echo "make demo     real servers on loopback, left open; scan them; report"
	@echo "make test     set up everything and run the tests"
	@echo "make check    ruff, mypy, import-linter"
	@echo "make install  build $(VENV) with the leftopen command in it"
	@echo "make kinds    renew docs/kinds.md from the catalogue"
	@echo "make engines  renew docs/engines.md from the code"
	@echo "make lock     renew requirements.lock from pyproject.toml"

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml scripts/venv.sh
	PYTHON="$(PYTHON)" sh scripts/venv.sh "$(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install
	$(BIN)/leftopen demo

test: install servers
	$(BIN)/python -m pytest

# The servers that PyPI does not have. As root on Debian they are installed; elsewhere pytest
# names at its end each one that is missing and what is therefore not tested.
servers:
	@sh scripts/servers.sh

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/leftopen kinds --format markdown | diff -u docs/kinds.md - || (echo "docs/kinds.md is not what the catalogue says: make kinds" >&2; exit 1)
	$(BIN)/leftopen engines --format markdown | diff -u docs/engines.md - || (echo "docs/engines.md is not what the code says: make engines" >&2; exit 1)

engines: install
	$(BIN)/leftopen engines --format markdown > docs/engines.md

kinds: install
	$(BIN)/leftopen kinds --format markdown > docs/kinds.md

lock: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --extra postgresql --extra demo --extra k8s --extra docker --extra servers --extra dev --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .cache
