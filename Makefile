# make run        set up, then start the server under the weaver with two demo phones; ARGS="--http 127.0.0.1:9000" adds options
# make test       set up, install the programs that the tests use, run every test
# make lint       ruff: rules and layout            make types      mypy --strict
# make contracts  who may import whom               make bench      every benchmark, one after another; says what falls short
# make bench-weaving   the weaving benchmarks on every Python of this machine, beside other tools that do the like
# make bench-sip       the SIP benchmarks beside other SIP stacks, in an environment of their own
# make docs       write the tables of docs/ anew          make lock       write the locks anew; UPGRADE=--upgrade for newer releases
# make verify     weave every function of the standard library, on every Python, and check the code statically
# make explore    test suites of well-known packages and of the server, plain and woven, on every Python: takes half an
#                 hour a Python; ARGS="attrs json" chooses some
# make fuzz       random bytes at every parser, a minute each; SECONDS=3600 for longer
# make clean      remove what these targets made
#
# PYTHON=/usr/bin/python3.12 chooses the interpreter of .venv; without it the first of 3.11, 3.12, 3.13 that has venv is taken.
# LOCKED=no installs what pyproject.toml allows instead of what the locks say.

PYTHON ?= $(shell sh tests/pythons.sh | sed -n '1s/^[^ ]* //p')
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
ARGS ?=
LOCKED ?= yes
UPGRADE ?=
LOCK := $(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --custom-compile-command 'make lock' $(UPGRADE)
SECONDS := 60
# percent of branches and lines that the tests must reach
COVERAGE := 95

# tests of the server alone, which run beside the others; and of whole calls, which have the machine to themselves
SERVER := tests/server tests/conformance tests/fuzz
WHOLE := tests/scenarios tests/interop

.PHONY: run test lint types contracts bench bench-sip bench-weaving docs lock verify explore fuzz clean

run: $(VENV)/.run
	$(BIN)/python -m weaver.run apps.click2call --demo $(ARGS)

test: $(VENV)/.test
	sh tests/install_programs.sh
	$(BIN)/python -m coverage erase
	$(BIN)/python tests/side_by_side.py \
		'COVERAGE_FILE=.coverage.server $(BIN)/python -m pytest $(SERVER) --cov --cov-report=' \
		'COVERAGE_FILE=.coverage.rest $(BIN)/python -m pytest tests $(SERVER:%=--ignore=%) $(WHOLE:%=--ignore=%) --cov --cov-report='
	sh tests/other_pythons.sh $(BIN)/python
	$(BIN)/python -m coverage combine
	$(BIN)/python -m pytest $(WHOLE) --cov --cov-append --cov-report=
	$(BIN)/python -m coverage report --fail-under=$(COVERAGE)
	$(BIN)/python -m coverage report --include='server/sip/*' --fail-under=100
	test $$(sh tests/pythons.sh | wc -l) -lt 3 || \
		$(BIN)/python -m coverage report --include='weaver/weaving/*,weaver/pointcut/*' --fail-under=100

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.lint
	$(BIN)/mypy

contracts: $(VENV)/.lint
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/python tests/bench/run_all.py $(ARGS)

bench-weaving:
	sh tests/bench/weaving/pythons.sh $(ARGS)

bench-sip: $(VENV)-bench-sip/.peers
	sh tests/install_programs.sh
	$(VENV)-bench-sip/bin/python tests/bench/run_all.py $(or $(ARGS),sip/)

docs: $(VENV)/.test
	$(BIN)/python -m docs.generate

# One after another: each holds the one before it, at the same versions.
lock: $(VENV)/.made
	$(PIP) install -e '.[lock]'
	$(LOCK) --extra build pyproject.toml -o requirements.lock
	$(LOCK) --extra build --extra test --extra interop -c requirements.lock pyproject.toml -o requirements-test.lock
	$(LOCK) --extra build --extra test --extra lint -c requirements-test.lock pyproject.toml -o requirements-lint.lock

verify: $(VENV)/.test
	sh tests/each_python.sh $(BIN)/python tests/woven/verify_library.py $(ARGS)

explore: $(VENV)/.test
	EXPLORE_EXAMPLES=2000 sh tests/each_python.sh $(BIN)/python -m pytest -q --timeout=3600 \
		tests/weaver/weaving/test_generated.py
	sh tests/each_python.sh $(BIN)/python tests/woven/explore.py $(ARGS)

fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tests.fuzz.run $(SECONDS)

clean:
	rm -rf .venv .venv-* build .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# What is installed stands in stamps, so that a second run begins at once.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv was found. Debian: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml requirements.lock
	LOCKED=$(LOCKED) sh tests/install.sh $(BIN)/python requirements.lock build
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements-test.lock
	LOCKED=$(LOCKED) sh tests/install.sh $(BIN)/python requirements-test.lock test,interop
	@touch $@

$(VENV)-bench-sip/.peers: $(VENV)/.made pyproject.toml requirements-test.lock
	$(PYTHON) -m venv $(VENV)-bench-sip
	LOCKED=$(LOCKED) sh tests/install.sh $(VENV)-bench-sip/bin/python requirements-test.lock test
	sh tests/bench/install_peers.sh $(VENV)-bench-sip/bin/python aiosipua sipmessage sippy
	@touch $@

$(VENV)/.lint: $(VENV)/.run requirements-lint.lock
	LOCKED=$(LOCKED) sh tests/install.sh $(BIN)/python requirements-lint.lock test,lint
	@touch $@

$(VENV)/.fuzz: $(VENV)/.test
	$(PIP) install -e '.[test,fuzz]'
	@touch $@
