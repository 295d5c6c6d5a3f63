import dataclasses
import http.client
import json.decoder
import logging
import shutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.weaver.targets import make_module
from weaver.scan import scan_module
from weaver.shadow import Kind, Parameter, Shadow
from weaver.sites import as_seen_by_advice, may_name, sites_of

KINDS: frozenset[Kind] = frozenset({"call", "get", "set", "handler"})

SOURCE = """
import json
import os.path
from json import dumps as write

class Base:
    limit = 1
    def act(self): return 1
    @classmethod
    def made(cls): return cls()

class Thing(Base):
    pass

thing = Thing()
make = Thing.made
number = 3

class Fault(KeyError):
    pass

def calls(x, local):
    write(x)
    json.loads(x)
    os.path.join(x)
    Thing()
    Base.act(x)
    thing.act()
    make()
    local()
    len(x)
    json.decoder.JSONDecoder(x)
    nowhere(x)
    json.nothing(x)

def values(x):
    return Thing.limit, x.limit, json.__name__

def handles():
    try:
        missing()
    except Fault:
        pass
    except (json.JSONDecodeError, missing):
        pass

def comprehends(xs):
    return [write(x) for x in xs]
"""


RENAMED = """
import tools
from json import dumps as write
class Outer:
    class _Own(KeyError):
        pass
    Wrong = _Own
    def bound(self): return 1
act = Outer().bound

def calls(): return write(1), act()
def reads(): return tools.inner.short
def handles():
    try:
        tools.inner.short()
    except Outer.Wrong:
        pass
def nothing(x): return x + 1
"""


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("calls", {"dumps", "bound"}),
        ("reads", {"a_long_name"}),
        ("handles", {"a_long_name", "_Own"}),
        ("nothing", set()),
    ],
)
def test_function_may_have_places_of_what_it_names_otherwise(function: str, names: set[str]) -> None:
    inner = make_module("def a_long_name(): pass\nshort = a_long_name\n", "tools.inner")
    tools: Any = make_module("", "tools")
    tools.inner = inner
    shadow = next(one for one in scan_module(make_module(RENAMED, "renamed_target")) if one.name == function)
    for module in ("tools.inner", "tools", "renamed_target"):
        sys.modules.pop(module)

    wanted = {"dumps", "bound", "a_long_name", "_Own"}
    assert {name for name in wanted if may_name(shadow, {name}.__contains__)} == names
    assert {site.name for site in sites_of(shadow, KINDS)} & wanted == names


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", [http.client, json.decoder, logging, shutil, dataclasses], ids=lambda one: one.__name__
)
def test_no_place_has_a_name_that_its_function_was_said_not_to_name(module: ModuleType) -> None:
    shadows = [one for one in scan_module(module) if not one.obstacle]

    sites = [(shadow, site.name) for shadow in shadows for site in sites_of(shadow, KINDS)]

    assert sites
    assert [(shadow.id, name) for shadow, name in sites if not may_name(shadow, {name}.__contains__)] == []


@pytest.fixture
def shadows() -> Iterator[dict[str, Shadow]]:
    module: Any = make_module(SOURCE, "sites_target")
    yield {shadow.qualname: shadow for shadow in scan_module(module)}
    sys.modules.pop("sites_target")


def owners(shadow: Shadow, kind: Any) -> list[tuple[str, str | None]]:
    return [(one.name, one.owners[0] if one.owners else None) for one in sites_of(shadow, frozenset({kind}))]


def test_owner_of_a_callee_is_known_where_the_name_leads_to_a_module_or_a_class(shadows: dict[str, Shadow]) -> None:
    assert owners(shadows["calls"], "call") == [
        ("dumps", "json"),
        ("loads", "json"),
        ("join", "posixpath"),
        ("Thing", "sites_target"),
        ("act", "sites_target.Base"),
        ("act", None),
        ("made", "sites_target.Thing"),
        ("len", "builtins"),
        ("JSONDecoder", "json.decoder"),
        ("nowhere", None),
        ("nothing", "json"),
    ]


def test_owner_of_a_value_is_its_class_or_only_known_at_run_time(shadows: dict[str, Shadow]) -> None:
    assert owners(shadows["values"], "get") == [
        ("limit", "sites_target.Thing"),
        ("limit", None),
        ("__name__", "json"),
    ]


def test_owners_of_a_handler_are_the_class_and_its_bases(shadows: dict[str, Shadow]) -> None:
    found = sites_of(shadows["handles"], frozenset({"handler"}))

    assert [one.name for one in found] == ["Fault", "JSONDecodeError", "missing"]
    assert found[0].owners[:3] == ("sites_target.Fault", "builtins.KeyError", "builtins.LookupError")
    assert found[2].owners == ()


def test_places_in_a_comprehension_are_those_of_the_function_around_it(shadows: dict[str, Shadow]) -> None:
    found = sites_of(shadows["comprehends"], frozenset({"call"}))

    assert [(one.qualname, one.name) for one in found] == [("comprehends", "dumps")]


def test_place_says_where_it_is_and_what_advice_there_gets(shadows: dict[str, Shadow]) -> None:
    place = sites_of(shadows["calls"], frozenset({"call"}))[0]

    seen = as_seen_by_advice(place)

    assert place.id == f"sites_target:calls call dumps line {place.line}"
    assert place.parameters == (Parameter("x", None), Parameter("local", None))
    assert [one.name for one in seen.parameters[:3]] == ["this", "receiver", "argument1"]
    assert (seen.decorators, seen.function) == ((), place.function)
    assert as_seen_by_advice(shadows["calls"]) is shadows["calls"]


def test_class_is_asked_for_nothing_when_a_function_names_it() -> None:
    source = (
        "class Lazy(type):\n    def __getattribute__(cls, name): raise RuntimeError(name)\n\n"
        "class Remote(metaclass=Lazy):\n    @staticmethod\n    def load(): return 1\n\n"
        "def call(): return Remote.load()\n"
    )
    found = {one.qualname: one for one in scan_module(make_module(source, "lazy_sites"))}

    assert may_name(found["call"], "load".__eq__)
    assert may_name(found["call"], "Remote".__eq__)
    assert not may_name(found["call"], "save".__eq__)
