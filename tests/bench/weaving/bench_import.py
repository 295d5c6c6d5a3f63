"""What weaving adds to the import of a package, in processor time of fresh processes, paired.

With everything woven, from the build and at import; and with a match-all pointcut while nothing is enabled.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.figures import Figure, at_most, report

PACKAGE, ROUNDS = "click", 11
CHILD = Path(__file__).with_name("import_child.py")
MODES = ("plain", "hooked", "built", "woven")


def run(mode: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, str(CHILD), mode, PACKAGE, str(folder)]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


def main() -> None:
    seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
    functions = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "names.json").write_text(json.dumps(run("names", folder)))
        built = run("build", folder)
        assert not built["faults"], built["faults"]
        for _ in range(ROUNDS):
            for mode in MODES:
                found = run(mode, folder)
                seconds[mode].append(found["seconds"])
                if mode == "built":
                    functions = found["functions"]
                    assert functions == built["functions"], (functions, built["functions"])
                    assert not found["failures"], found["failures"]

    def ratio(mode: str) -> float:
        return statistics.median(one / plain for one, plain in zip(seconds[mode], seconds["plain"], strict=True))

    added = statistics.median(one - plain for one, plain in zip(seconds["hooked"], seconds["plain"], strict=True))
    report(
        [
            Figure(f"{PACKAGE}: functions", functions, "functions"),
            Figure("plain import", round(statistics.median(seconds["plain"]) * 1e3, 1), "ms"),
            at_most("every function woven from the build, / plain import", ratio("built"), "ratio", 1.2),
            Figure("every function woven at import, / plain import", round(ratio("woven"), 2), "ratio"),
            at_most("match-all pointcut, nothing enabled, a function", added / functions * 1e6, "us", 2),
            at_most("match-all pointcut, nothing enabled, / plain import", ratio("hooked"), "ratio", 1.03),
        ]
    )


if __name__ == "__main__":
    main()
