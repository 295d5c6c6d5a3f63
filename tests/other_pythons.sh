#!/bin/sh
# Runs the weaver's tests on every other supported Python of this machine, each in a virtual environment of its own.
# Argument: the Python whose version has been tested already.
set -e
cd "$(dirname "$0")/.."
tested=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
sh tests/pythons.sh | while read -r version python; do
    [ "$version" = "$tested" ] && continue
    venv=.venv-$version
    echo "== tests/weaver on Python $version"
    if [ ! -e "$venv/.test" ] || [ pyproject.toml -nt "$venv/.test" ] || [ requirements-test.lock -nt "$venv/.test" ]; then
        "$python" -m venv "$venv"
        sh tests/install.sh "$venv/bin/python" requirements-test.lock test
        touch "$venv/.test"
    fi
    "$venv/bin/python" -m pytest tests/weaver -q --hypothesis-profile=ci --cov --cov-append --cov-report= </dev/null
done
