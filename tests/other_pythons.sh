#!/bin/sh
# Runs the weaver's tests on every other supported Python of this machine, each in a virtual environment of its own.
# Argument: the Python whose version has been tested already.
set -e
cd "$(dirname "$0")/.."
sh tests/venvs.sh "$1" | while read -r version python; do
    [ "$python" = "$1" ] && continue
    echo "== tests/weaver and tests/woven on Python $version"
    "$python" -m pytest tests/weaver tests/woven -q --cov --cov-append --cov-report= </dev/null
done
