"""The modules that are looked at: what of their functions is taken apart, and what only the garbage collector knows."""

import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import pytest

from tests.weaver.targets import make_module
from weaver.catalog import EXECUTIONS, Catalog, ModuleRecord
from weaver.shadow import Kind

CALLS: frozenset[Kind] = frozenset({"call"})

SOURCE = """
def first(x): return x.send(1)
def second(x): return x.send_all(2), x.close()
def third(x): return x.read()
"""


@pytest.fixture
def module() -> Iterator[Any]:
    yield make_module(SOURCE, "catalog_target")
    sys.modules.pop("catalog_target")


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


def calls(record: ModuleRecord, *patterns: str) -> set[str]:
    return {one.name for one in record.shadows(CALLS, frozenset(patterns) or None)}


def taken_apart(record: ModuleRecord) -> set[str]:
    return {one.name for one in record.taken_apart}


def test_only_functions_that_may_have_a_name_are_taken_apart_for_it(catalog: Catalog, module: Any) -> None:
    record = catalog.add(module)

    assert (calls(record, "send"), taken_apart(record)) == ({"send"}, {"first"})
    assert (calls(record, "send*"), taken_apart(record)) == ({"send", "send_all", "close"}, {"first", "second"})
    assert (calls(record), taken_apart(record)) == ({"send", "send_all", "close", "read"}, {"first", "second", "third"})


def test_shadows_that_were_made_stay_the_same(catalog: Catalog, module: Any) -> None:
    record = catalog.add(module)
    (before,) = record.shadows(CALLS, frozenset({"send"}))
    version = record.version

    record.shadows(CALLS, frozenset({"send", "nothing"}))
    assert (record.sites, record.version) == ([before], version)
    record.shadows(CALLS)
    assert record.sites[0] is before
    assert record.version > version


def test_function_that_comes_later_is_taken_apart_for_what_was_asked_before(catalog: Catalog, module: Any) -> None:
    record = catalog.add(module)
    calls(record, "send")
    exec("def later(x): return x.send(3)\ndef other(x): return x.read()", vars(module))

    catalog.add(module)

    assert [one.qualname for one in record.sites] == ["first", "later"]


def hidden(module: Any) -> list[FunctionType]:
    """Make a function that nothing in its module leads to."""
    namespace: dict[str, Any] = {}
    exec("def hidden(): return 1", vars(module), namespace)
    return [namespace["hidden"]]


def test_functions_that_only_the_garbage_collector_knows_are_found_in_steps(catalog: Catalog, module: Any) -> None:
    record, kept = catalog.add(module), hidden(module)

    steps = catalog.complete([record])
    next(steps)
    before = record.is_complete
    for _ in steps:
        pass

    assert (before, record.is_complete) == (False, True)
    assert "hidden" in {one.name for one in record.shadows(EXECUTIONS)}
    assert kept


def test_module_that_is_loaded_again_between_the_steps_is_asked_for_again(catalog: Catalog, module: Any) -> None:
    record = catalog.add(module)
    steps = catalog.complete([record])
    next(steps)

    catalog.add(module)
    for _ in steps:
        pass

    assert not record.is_complete
