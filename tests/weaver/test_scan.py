import functools
import sys
import types
from typing import Any

import pytest

from weaver.scan import scan_module
from weaver.shadow import Parameter, Shadow

SOURCE = """
import functools
import json
from json import dumps

class Base:
    def plain(self, a: int, *rest, flag: "bool" = False, **more) -> str:
        return str(a)

    @staticmethod
    def fixed(): ...

    @classmethod
    def made(cls): ...

    @property
    def size(self): return 1

    @size.setter
    def size(self, value): ...

    @functools.cached_property
    def once(self): return 1

    later = functools.partialmethod(plain, 1)

    class Inner:
        def deep(self): ...

class Child(Base):
    def plain(self, a): ...

def decorated(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

@decorated
@functools.lru_cache
def cached(x): return x

number = 3
other = json.loads
"""


def scanned(source: str = SOURCE, name: str = "scanned_module") -> tuple[types.ModuleType, dict[str, Shadow]]:
    module = types.ModuleType(name)
    exec(compile(source, f"{name}.py", "exec"), vars(module))
    found = scan_module(module)
    by_name = {f"{s.qualname}{'' if s.qualname != 'Base.size' else len(s.parameters)}": s for s in found}
    assert len(by_name) == len(found)
    return module, by_name


def test_functions_methods_and_properties_are_found_and_nothing_else() -> None:
    _, found = scanned()

    assert sorted(found) == [
        "Base.Inner.deep",
        "Base.fixed",
        "Base.made",
        "Base.once",
        "Base.plain",
        "Base.size1",
        "Base.size2",
        "Child.plain",
        "cached",
        "decorated",
        "decorated.<locals>.wrapper",
    ]


def test_shadow_tells_what_pointcuts_ask() -> None:
    _, found = scanned()

    shadow = found["Base.plain"]
    child = found["Child.plain"]

    assert (shadow.id, shadow.name, shadow.line) == ("scanned_module:Base.plain", "plain", 7)
    assert shadow.filename == "scanned_module.py"
    assert shadow.parameters == (
        Parameter("self", None),
        Parameter("a", "int"),
        Parameter("flag", "bool"),
        Parameter("rest", None),
        Parameter("more", None),
    )
    assert shadow.returns == "str"
    assert child.class_name == "scanned_module.Child"
    assert child.bases == ("scanned_module.Child", "scanned_module.Base", "builtins.object")
    assert found["cached"].class_name is None


def test_decorated_function_is_the_one_behind_its_decorators() -> None:
    module, found = scanned()

    inner = found["cached"].function

    assert inner.__code__.co_varnames == ("x",)
    assert inner is module.__dict__["cached"].__wrapped__.__wrapped__


def test_scan_survives_what_modules_may_hold() -> None:
    class Odd(type):
        def __eq__(cls, other: object) -> bool:
            raise RuntimeError("not comparable")

        __hash__ = None  # type: ignore[assignment]

    class Endless:
        @property
        def __wrapped__(self) -> Any:
            raise AssertionError("a scan runs nothing")

    module = types.ModuleType("odd")
    odd = Odd("Odd", (), {"__module__": "odd"})
    circular = functools.partial(int)
    circular.__wrapped__ = circular  # type: ignore[attr-defined]
    vars(module).update(odd=odd, again=odd, endless=Endless(), circular=circular)

    assert scan_module(module) == []


ODD = """
calls = []

class Lazy:
    @property
    def __class__(self):
        calls.append("class")
        raise RuntimeError("outside of a request")
    def __getattr__(self, name):
        calls.append(name)
        raise RuntimeError(name)
    def __repr__(self):
        calls.append("repr")
        raise RuntimeError("repr")

class Meta(type):
    def __getattribute__(cls, name):
        calls.append(name)
        raise RuntimeError(name)

class Odd(metaclass=Meta):
    held = Lazy()
    def method(self): ...

lazy = Lazy()
calls.clear()

def good(a: lazy, b: Odd, c: int | None) -> lazy: ...
"""


def test_scan_asks_no_object_and_no_class_for_anything() -> None:
    module, found = scanned(ODD)

    assert {"good", "Odd.method", "Lazy.__repr__"} <= found.keys()
    assert found["Odd.method"].bases == ("scanned_module.Odd", "builtins.object")
    assert [parameter.annotation for parameter in found["good"].parameters] == [None, "Odd", "int | None"]
    assert vars(module)["calls"] == []


def test_one_object_that_cannot_be_looked_into_hides_no_other(caplog: pytest.LogCaptureFixture) -> None:
    source = """
class Odd:
    @property
    def __dict__(self):
        raise RuntimeError("not now")
    def __call__(self): ...

odd = Odd()
def good(): ...
"""

    _, found = scanned(source)

    assert "good" in found
    assert "scanned_module: an object is not looked into: RuntimeError: not now" in caplog.text


def test_real_package_is_scanned_without_a_name_twice() -> None:
    import argparse

    found = scan_module(sys.modules[argparse.__name__])

    assert len({(id(shadow.function), shadow.path) for shadow in found}) == len(found) > 100
