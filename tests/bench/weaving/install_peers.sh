#!/bin/sh
# Installs what weaving is compared with, each by itself, and names what cannot be installed. Argument: a Python.
cd "$(dirname "$0")/../../.." || exit 1
read_extra='
import tomllib
with open("pyproject.toml", "rb") as file:
    print("\n".join(tomllib.load(file)["project"]["optional-dependencies"]["bench"]))
'
"$1" -c "$read_extra" | while read -r peer; do
    "$1" -m pip --disable-pip-version-check -q install "$peer" </dev/null || echo "not installed: $peer" >&2
done
