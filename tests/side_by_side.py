"""Runs commands at the same time and prints what each wrote, one after another; fails when one failed.

Arguments: the commands, each as one text for the shell.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack


def main(commands: list[str]) -> int:
    """Return 1 when a command has failed; an interrupt reaches them also where it is ignored around here."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with ExitStack() as files:
        outputs = [files.enter_context(tempfile.TemporaryFile()) for _ in commands]
        running = [
            subprocess.Popen(command, shell=True, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
            for command, output in zip(commands, outputs, strict=True)
        ]
        codes = [process.wait() for process in running]
        for command, output in zip(commands, outputs, strict=True):
            output.seek(0)
            print(f"== {command}", output.read().decode(errors="replace"), sep="\n", flush=True)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
