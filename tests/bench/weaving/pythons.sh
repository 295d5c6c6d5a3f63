#!/bin/sh
# Runs the weaving benchmarks on every supported Python of this machine, each in a virtual environment of its own that
# also has what weaving is compared with (extra "bench"). What cannot be installed on a Python is named.
# Arguments: parts of paths, to run only those benchmarks.
cd "$(dirname "$0")/../../.." || exit 1
sh tests/pythons.sh | {
    short=0
    while read -r version python; do
        venv=.venv-bench-$version
        echo "== weaving benchmarks on Python $version"
        if [ ! -e "$venv/.bench" ] || [ pyproject.toml -nt "$venv/.bench" ] || [ requirements.lock -nt "$venv/.bench" ]; then
            "$python" -m venv "$venv" &&
                sh tests/install.sh "$venv/bin/python" requirements.lock build &&
                sh tests/bench/install_peers.sh "$venv/bin/python" &&
                touch "$venv/.bench" || exit 1
        fi
        "$venv/bin/python" tests/bench/run_all.py "${@:-weaving/}" </dev/null || short=1
    done
    exit $short
}
