"""Weave every function of the standard library with advice of every shape, run none, and check the code statically.

``python tests/woven/verify_library.py [MODULE ...]`` checks all or the named modules; it exits with 1 when anything is
wrong, and prints how much it has looked at.
"""

import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.weaver.weaving.soundness import SHAPES, faults, library_codes
from weaver.weaving import weave
from weaver.weaving.verify import verify

SHOWN = 20


def main(modules: list[str]) -> int:
    """Check and print; return the exit status."""
    began, functions, units, woven_units = perf_counter(), 0, 0, Counter[str]()
    found: list[str] = []
    for path, code in library_codes(*modules):
        functions += 1
        units += len(code.co_code) // 2
        found += [f"{path.name}:{code.co_qualname}: as compiled: {fault}" for fault in verify(code)]
        for shape, advice in SHAPES.items():
            woven = weave(code, advice)
            woven_units[shape] += len(woven.co_code) // 2
            found += [f"{path.name}:{code.co_qualname}: {shape}: {fault}" for fault in faults(code, woven, advice)]
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}: {functions:,} functions of {units:,} units, in {perf_counter() - began:.0f} s")
    for shape, count in woven_units.items():
        print(f"  {shape:40} {count:12,} units")
    print(f"  faults: {len(found)}")
    for fault in found[:SHOWN]:
        print("   ", fault)
    return 1 if found or not functions else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
