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
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.figures import Figure, at_most, report

ROUNDS = 11
CHILD = Path(__file__).with_name("import_child.py")
MODES = ("plain", "hooked", "built", "woven")
BARE = """
import sys, time
began = time.process_time()
import contextlib, importlib, pkgutil
package = importlib.import_module(sys.argv[1])
for one in pkgutil.iter_modules(package.__path__, f"{sys.argv[1]}."):
    with contextlib.suppress(Exception):  # what is for another system
        importlib.import_module(one.name)
print(time.process_time() - began)
"""


class Measured(NamedTuple):
    """Imports of one package.

    Shape: ``bare`` are those of a process with nothing else in it, along with all that the package needs.
    Units: seconds.
    """

    functions: int
    seconds: dict[str, list[float]]
    bare: list[float]

    def ratio(self, mode: str) -> float:
        pairs = zip(self.seconds[mode], self.seconds["plain"], strict=True)
        return statistics.median(one / plain for one, plain in pairs)

    def added(self, mode: str) -> float:
        pairs = zip(self.seconds[mode], self.seconds["plain"], strict=True)
        return statistics.median(one - plain for one, plain in pairs)

    def against_bare(self, mode: str) -> float:
        return 1 + self.added(mode) / statistics.median(self.bare)


def run(mode: str, package: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, str(CHILD), mode, package, str(folder)]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


def measured(package: str) -> Measured:
    seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "names.json").write_text(json.dumps(run("names", package, folder)))
        built = run("build", package, folder)
        assert not built["faults"], built["faults"]
        for _ in range(ROUNDS):
            command = [sys.executable, "-c", BARE, package]
            bare.append(float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
            for mode in MODES:
                found = run(mode, package, folder)
                seconds[mode].append(found["seconds"])
                assert not found["failures"], found["failures"]
    return Measured(built["functions"], seconds, bare)


def figures(package: str, found: Measured) -> list[Figure]:
    return [
        Figure(f"{package}: functions", found.functions, "functions"),
        Figure(
            "import with all that it needs, no weaver in the process",
            round(statistics.median(found.bare) * 1e3, 1),
            "ms",
        ),
        Figure("import alone, what it needs is there", round(statistics.median(found.seconds["plain"]) * 1e3, 1), "ms"),
        Figure("every function woven from the build, adds", round(found.added("built") * 1e3, 1), "ms"),
        at_most("  / import with all that it needs", found.against_bare("built"), "ratio", 1.2),
        Figure("  / import alone", round(found.ratio("built"), 2), "ratio"),
        Figure("every function woven at import, / import alone", round(found.ratio("woven"), 2), "ratio"),
        at_most(
            "match-all pointcut, nothing enabled, a function", found.added("hooked") / found.functions * 1e6, "us", 2
        ),
        at_most("  / import with all that it needs", found.against_bare("hooked"), "ratio", 1.03),
        Figure("  / import alone", round(found.ratio("hooked"), 2), "ratio"),
    ]


def main() -> None:
    report([figure for package in ("email", "click") for figure in figures(package, measured(package))])


if __name__ == "__main__":
    main()
