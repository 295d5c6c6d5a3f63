import importlib
import sys
from pathlib import Path

import pytest

from weaver.decorators import decorators_of
from weaver.scan import scan_module

SOURCE = """
import functools

def route(path):
    return lambda function: function

def plain(function):
    return function

@functools.lru_cache
@route("/a")
def both(): return 1

@(lambda f: f)
def unnamed(): return 2

@functools.total_ordering
class Thing:
    @property
    @plain
    def size(self): return 3

    def __lt__(self, other): return True

    class Inner:
        def deep(self): return 4

def outer():
    @plain
    def inner(): return 5
    return inner

if True:
    @plain
    def conditional(): return 6
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "decorated_subject.py"
    path.write_text(SOURCE)
    return path


def test_decorators_are_named_as_written(file: Path) -> None:
    module = importlib.import_module("decorated_subject")
    sys.modules.pop("decorated_subject")

    found = {shadow.qualname: shadow.decorators for shadow in scan_module(module)}

    assert found["both"] == ("functools.lru_cache", "route")
    assert found["unnamed"] == found["plain"] == ()
    assert found["Thing.size"] == ("property", "plain", "class:functools.total_ordering")
    assert found["Thing.__lt__"] == ("class:functools.total_ordering",)
    assert found["Thing.Inner.deep"] == ()
    assert found["outer.<locals>.inner"] == found["conditional"] == ("plain",)


def test_without_source_nothing_is_known(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")

    assert decorators_of("no_module", str(tmp_path / "none.py"), "f", 1) == ()
    assert decorators_of("no_module", str(broken), "f", 1) == ()
