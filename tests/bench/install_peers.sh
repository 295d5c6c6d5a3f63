#!/bin/sh
# Installs what is compared with, each package of the extra "bench" by itself, and names what cannot be installed.
# Arguments: a Python, and the names of those that are wanted; without any, all.
cd "$(dirname "$0")/../.." || exit 1
read_extra='
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    peers = tomllib.load(file)["project"]["optional-dependencies"]["bench"]
print("\n".join(peer for peer in peers if not sys.argv[1:] or peer.startswith(tuple(sys.argv[1:]))))
'
python=$1
shift
"$python" -c "$read_extra" "$@" | while read -r peer; do
    "$python" -m pip --disable-pip-version-check -q install "$peer" </dev/null || echo "not installed: $peer" >&2
done
