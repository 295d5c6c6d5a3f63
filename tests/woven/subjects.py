"""Whose test suites are run woven: well-known pure-Python packages, parts of the standard library, and the server."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Subject:
    """A test suite and what is woven while it runs.

    Shape: ``prefixes`` are the modules that are woven; ``source`` is the folder of the unpacked source in which it
    runs, None for one that needs none; ``why`` says what is particular to its code; ``left_out`` are tests that do not
    give the same result twice, or that weave themselves what is woven here, by pytest's name, and why; ``seeing`` are
    tests that must end otherwise while functions are woven, and why; ``places`` says whether it is also run with advice
    at places inside its functions, which takes ten times as long.
    """

    name: str
    prefixes: tuple[str, ...]
    arguments: tuple[str, ...]
    why: str
    source: str | None = None
    runner: Literal["pytest", "unittest"] = "pytest"
    gevent: bool = False
    left_out: tuple[tuple[str, str], ...] = ()
    seeing: tuple[tuple[str, str], ...] = ()
    places: bool = False


def package(
    name: str, source: str, why: str, *prefixes: str, tests: tuple[str, ...] = ("tests",), **more: object
) -> Subject:
    """Return a package from the registry."""
    return Subject(name, prefixes or (name,), tests, why, source, **more)  # type: ignore[arg-type]


def library(name: str, why: str, *modules: str, prefix: str = "") -> Subject:
    """Return a part of the standard library; its tests are modules of ``test``."""
    tests = tuple(f"test.{module}" for module in modules or (f"test_{name}",))
    return Subject(name, (prefix or name,), tests, why, runner="unittest", places=True)


TIMES = (
    (
        "tests/test_deserialization.py::TestFieldDeserialization::test_invalid_datetime_deserialization",
        "its names have the time of day in them",
    ),
)
ONCE_A_KIND_OF_MEMORY = ("tests", "-k", "not (Test06 or Test08 or Test10)")
"""Not the same tests again with memories of other sizes; with them advice runs 42 million times."""

CODES = (
    (
        "tests/test_debug.py::TestDebug::test_runtime_error",
        "it keeps the code objects of its functions in a set, and looks there for the code of a frame",
    ),
)

PACKAGES = (
    package("attrs", "attrs-25.3.0", "generated methods, slots, descriptors", "attr", "attrs"),
    package("click", "click-8.1.8", "decorators, contexts, exceptions as control flow", places=True),
    package("jinja2", "jinja2-3.1.6", "compiles to generators and coroutines, called from C", seeing=CODES),
    package("markdown", "markdown-3.8", "deep class trees, registries, regular expressions", runner="unittest"),
    package("marshmallow", "marshmallow-4.0.0", "metaclasses, class registry", left_out=TIMES, places=True),
    package("more_itertools", "more_itertools-10.7.0", "generators and iterators of every kind"),
    package("packaging", "packaging-25.0", "comparisons and keys called from C"),
    package(
        "pyparsing",
        "pyparsing-3.2.3",
        "operator methods, recursion, wrapped parse actions",
        tests=ONCE_A_KIND_OF_MEMORY,
    ),
    package("toolz", "toolz-1.0.0", "currying by signature, C callers", tests=("toolz/tests",), places=True),
)

LIBRARY = (
    library("argparse", "classes that call each other by name"),
    library("contextlib", "context managers out of generators", "test_contextlib", "test_contextlib_async"),
    library("coroutines", "the tests themselves are woven", prefix="test.test_coroutines"),
    library("dataclasses", "generated methods"),
    library("email", "lazy imports, policies, recursion"),
    library("functools", "descriptors, C callers, dispatch"),
    library("generators", "the tests themselves are woven", prefix="test.test_generators"),
    library("json", "recursion to the limit, C callers"),
)

SERVER = (
    Subject(
        "server",
        ("server",),
        ("tests/server", "tests/scenarios"),
        "this project's own server",
        gevent=True,
        left_out=(("tests/scenarios/test_toggle.py", "weaves the same functions from a registry of its own"),),
    ),
)

SUBJECTS = {subject.name: subject for subject in (*PACKAGES, *LIBRARY, *SERVER)}
