#!/bin/sh
# Runs the weaver's tests on every other supported Python of this machine, each in a virtual environment of its own, all
# at the same time; what they cover is in .coverage.VERSION. Argument: the Python whose version has been tested already.
cd "$(dirname "$0")/.." || exit 1
venvs=$(sh tests/venvs.sh "$1") || exit 1
set -- "$1" $(echo "$venvs" | while read -r version python; do [ "$python" = "$1" ] || echo "$version=$python"; done)
shift
for other; do
    shift
    version=${other%%=*} python=${other#*=}
    set -- "$@" "COVERAGE_FILE=.coverage.$version $python -m pytest tests/weaver tests/woven -q --cov --cov-report="
done
[ $# = 0 ] || exec sh tests/side_by_side.sh "$@"
