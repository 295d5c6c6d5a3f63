#!/bin/sh
# Installs this project into a virtual environment: PYTHON LOCK EXTRAS. Every package must have a hash of the lock;
# the lock holds the build system, too, so nothing else is fetched. LOCKED=no: what pyproject.toml allows, with EXTRAS.
set -e
cd "$(dirname "$0")/.."
pip="$1 -m pip --disable-pip-version-check -q install"
if [ "${LOCKED:-yes}" = no ]; then
    $pip -e ".[$3]"
else
    $pip --require-hashes -r "$2"
    $pip --no-deps --no-build-isolation -e .
fi
