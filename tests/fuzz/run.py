"""Fuzzes one target or all, one after another: ``python -m tests.fuzz.run SECONDS [TARGET]``; extra ``fuzz``.

It begins with the kept corpus, ``tests/fuzz/corpus/TARGET``; what it finds of interest goes to ``build/fuzz/TARGET``,
and so does an input that breaks something or takes more than 10 ms.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["server.sip", "server.transport"]):
    from tests.fuzz.targets import TARGETS

MOST = 0.010
"""Seconds that one input may take."""
TRIES = 5
LONGEST = {"framing": 1_024, "websocket": 1_024}
"""Bytes of an input, where 16 KiB are too many: a stream is fed byte by byte."""
CORPUS = Path(__file__).parent / "corpus"
FOUND = Path("build") / "fuzz"


class SlowInputError(Exception):
    """An input took too long, every time."""


def fuzz_all(seconds: int) -> int:
    """Fuzz every target in a process of its own; return the exit code."""
    broken = []
    for name in TARGETS:
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", "tests.fuzz.run", str(seconds), name], check=False)
        if done.returncode:
            broken.append(name)
    print(f"broken: {', '.join(broken)}; the inputs lie in {FOUND}/" if broken else "nothing was found")
    return 1 if broken else 0


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target; does not return."""
    target = TARGETS[name]

    def run(data: bytes) -> None:
        begin = time.perf_counter()
        target(data)
        if time.perf_counter() - begin > MOST:
            check_again(data)

    def check_again(data: bytes) -> None:
        """Measure once more, since a machine may be busy, and the instrumented code is slower than the real one."""
        times = []
        for _ in range(TRIES):
            begin = time.process_time()
            target(data)
            times.append(time.process_time() - begin)
        if min(times) > MOST:
            raise SlowInputError(f"{min(times) * 1000:.1f} ms for {len(data)} bytes")

    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    longest = LONGEST.get(name, 16_384)
    arguments = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={found}/",
        f"-max_len={longest}",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *arguments, str(found), str(CORPUS / name)], run)
    atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.exit(fuzz_all(int(sys.argv[1])))
    fuzz(sys.argv[2], int(sys.argv[1]))
