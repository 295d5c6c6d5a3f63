#!/bin/sh
# Prints the supported Pythons of this machine that have venv, one "VERSION PATH" a line: from PATH and from pyenv.
for version in 3.11 3.12 3.13; do
    for python in "$(command -v "python$version")" "$HOME/.pyenv/versions/$version".*/bin/python3 "$(command -v python3)"; do
        [ -x "$python" ] || continue
        found=$("$python" -c 'import ensurepip, os, sys; print("%d.%d" % sys.version_info[:2], os.path.realpath(sys.executable))' 2>/dev/null)
        case $found in "$version "*) echo "$found"; break ;; esac
    done
done
