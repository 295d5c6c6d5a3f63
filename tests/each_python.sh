#!/bin/sh
# Runs a command on every supported Python of this machine, each in its virtual environment; fails when it failed on one.
# Arguments: the Python of the environment that is there already, then what that is given.
cd "$(dirname "$0")/.."
present=$1
shift
failed=0
for python in $(sh tests/venvs.sh "$present" | sed 's/^[^ ]* //'); do
    "$python" "$@" </dev/null || failed=1
done
exit $failed
