# make run   - set up, start the server under the weaver with two demo phones
# make test  - set up, install what the tests need, run everything
PYTHON ?= $(shell for v in 3.11 3.12 3.13; do command -v python$$v && break; done || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
ARGS ?=

.PHONY: run test lint types contracts bench clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -e .
	touch $@

$(VENV)/.test: $(VENV)/.installed
	$(PIP) install -e '.[test,interop]'
	touch $@

$(VENV)/.lint: $(VENV)/.installed
	$(PIP) install -e '.[test,lint]'
	touch $@

run: $(VENV)/.installed
	$(BIN)/python -m weaver.run apps.click2call --demo $(ARGS)

test: $(VENV)/.test
	sh tests/install_programs.sh
	$(BIN)/python -m pytest tests --cov --cov-report=term-missing:skip-covered $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.lint
	$(BIN)/mypy

contracts: $(VENV)/.lint
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/python tests/bench/run_all.py $(ARGS)

clean:
	rm -rf .venv .venv-* build .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
