"""Weave every function of the standard library with advice of every shape, run none, and check the code statically.

``python tests/woven/verify_library.py [MODULE ...]`` checks all or the named modules; it exits with 1 when anything is
wrong, and prints how much it has looked at. Functions that are compiled alike are checked once. It takes as many
processes as there are processors that it may use; ``taskset`` gives it fewer.
"""

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Hashable
from pathlib import Path
from time import perf_counter
from types import CodeType
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.weaver.weaving.soundness import AT_PLACES, SHAPES, Original, library_codes, woven_at_places
from weaver.weaving import weave
from weaver.weaving.verify import verify

SHOWN = 20
CHUNK = 200


class Checked(NamedTuple):
    """What was found in some functions; ``units`` are those of the woven code, by the shape of the advice."""

    functions: int
    units: Counter[str]
    faults: list[str]


def likeness(code: CodeType) -> Hashable:
    """Return all of a code object that weaving and checking look at: of names and constants little but their number."""
    slots = (code.co_varnames, code.co_cellvars) if code.co_cellvars else (len(code.co_varnames), code.co_varnames[:1])
    counts = code.co_argcount, code.co_kwonlyargcount, len(code.co_consts), len(code.co_names), code.co_stacksize
    return code.co_code, code.co_exceptiontable, code.co_linetable, code.co_flags, slots, counts


def check(codes: list[tuple[str, CodeType]]) -> Checked:
    """Weave and check some functions, each with advice of every shape and with advice at its places."""
    units, found = Counter[str](), list[str]()
    for name, code in codes:
        original = Original(code)
        found += [f"{name}: as compiled: {fault}" for fault in verify(code)]
        units["as compiled"] += len(code.co_code) // 2
        for shape, advice in SHAPES.items():
            woven = weave(code, advice)
            units[shape] += len(woven.co_code) // 2
            found += [f"{name}: {shape}: {fault}" for fault in original.faults(woven, advice)]
        rewritten = woven_at_places(code)
        units[AT_PLACES] += len(rewritten.co_code) // 2
        found += [f"{name}: {AT_PLACES}: {fault}" for fault in verify(rewritten)]
    return Checked(len(codes), units, found)


_chunks: list[list[tuple[str, CodeType]]] = []
"""What the processes share: they are forked when it is there."""


def check_chunk(number: int) -> Checked:
    return check(_chunks[number])


def main(modules: list[str]) -> int:
    """Check and print; return the exit status."""
    began, functions = perf_counter(), 0
    distinct: dict[Hashable, tuple[str, CodeType]] = {}
    for path, code in library_codes(*modules):
        functions += 1
        distinct.setdefault(likeness(code), (f"{path.name}:{code.co_qualname}", code))
    codes = list(distinct.values())
    _chunks.extend(codes[at : at + CHUNK] for at in range(0, len(codes), CHUNK))
    with multiprocessing.get_context("fork").Pool(len(os.sched_getaffinity(0))) as pool:
        parts = list(pool.imap_unordered(check_chunk, range(len(_chunks))))
    found = [fault for part in parts for fault in part.faults]
    checked, units = sum(part.functions for part in parts), Counter[str]()
    for part in parts:
        units.update(part.units)
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}: {functions:,} functions, {checked:,} distinct, in {perf_counter() - began:.0f} s")
    for shape, count in units.items():
        print(f"  {shape:40} {count:12,} units")
    print(f"  faults: {len(found)}")
    for fault in found[:SHOWN]:
        print("   ", fault)
    return 1 if found or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
