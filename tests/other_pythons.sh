#!/bin/sh
# Runs the weaver's tests on every other supported Python of this machine, each in a virtual environment of its own, all
# at the same time; what they cover is in .coverage.VERSION. Argument: the Python whose version has been tested already.
cd "$(dirname "$0")/.." || exit 1
present=$1
venvs=$(sh tests/venvs.sh "$present") || exit 1
set --
while read -r version python; do
    [ "$python" = "$present" ] ||
        set -- "$@" "COVERAGE_FILE=.coverage.$version $python -m pytest tests/weaver tests/woven -q --cov --cov-report="
done <<LIST
$venvs
LIST
[ $# = 0 ] || exec "$present" tests/side_by_side.py "$@"
