#!/bin/sh
# Prints every supported Python of this machine in a virtual environment with what the tests need, "VERSION PATH" a line;
# makes those that are missing. Argument: the Python of the environment that is there for its version already.
set -e
cd "$(dirname "$0")/.."
present=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in 3.11 3.12 3.13; do
    python=$(sh tests/pythons.sh | sed -n "s/^$version //p")
    if [ "$version" = "$present" ]; then
        echo "$version $1"
        continue
    elif [ -z "$python" ]; then
        echo "Python $version is not installed here" >&2
        continue
    fi
    venv=.venv-$version
    if [ ! -e "$venv/.test" ] || [ pyproject.toml -nt "$venv/.test" ] || [ requirements-test.lock -nt "$venv/.test" ]; then
        "$python" -m venv "$venv" >&2
        sh tests/install.sh "$venv/bin/python" requirements-test.lock test >&2
        touch "$venv/.test"
    fi
    echo "$version $venv/bin/python"
done
