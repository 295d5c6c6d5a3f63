# make run        set up, then start the server under the weaver with two demo phones; ARGS="--http 127.0.0.1:9000" adds options
# make test       set up, install the programs that the tests use, run every test
# make lint       ruff: rules and layout            make types      mypy --strict
# make contracts  who may import whom               make bench      every benchmark, one after another; says what falls short
# make docs       write the tables of docs/ anew
# make clean      remove what these targets made
#
# PYTHON=/usr/bin/python3.12 chooses the interpreter of .venv; without it the first of 3.11, 3.12, 3.13 that has venv is taken.

PYTHON ?= $(shell sh tests/pythons.sh | sed -n '1s/^[^ ]* //p')
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# the profile of hypothesis that does not measure time and takes the same examples every run
PYTEST := $(BIN)/python -m pytest --hypothesis-profile=ci
ARGS ?=
# percent of branches and lines that the tests must reach; it only ever goes up, to 95
COVERAGE := 84

.PHONY: run test lint types contracts bench docs clean

run: $(VENV)/.run
	$(BIN)/python -m weaver.run apps.click2call --demo $(ARGS)

test: $(VENV)/.test
	sh tests/install_programs.sh
	$(BIN)/python -m coverage erase
	$(PYTEST) tests --ignore=tests/interop --ignore=tests/scenarios --cov --cov-report=
	sh tests/other_pythons.sh $(BIN)/python
	$(PYTEST) tests/scenarios tests/interop --cov --cov-append --cov-report=
	$(BIN)/python -m coverage report --fail-under=$(COVERAGE)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.lint
	$(BIN)/mypy

contracts: $(VENV)/.lint
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/python tests/bench/run_all.py $(ARGS)

docs: $(VENV)/.test
	$(BIN)/python -m docs.generate

clean:
	rm -rf .venv .venv-* build .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# What is installed stands in stamps, so that a second run begins at once.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv was found. Debian: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml
	$(PIP) install -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(PIP) install -e '.[test,interop]'
	@touch $@

$(VENV)/.lint: $(VENV)/.run
	$(PIP) install -e '.[test,lint]'
	@touch $@
