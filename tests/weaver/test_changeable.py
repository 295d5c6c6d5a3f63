"""What of a monitor can change while the program runs: by the admin socket and by the file, with the same outcome."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.targets import Around, Recording, make_module, make_registry
from weaver.config import read_draft
from weaver.event import EventBuffer
from weaver.management.methods import standard_methods
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.reload import Reload

SOURCE = "class C:\n    def f(self): return 1\n    def g(self): return 2\n"
MINE = {"kind": "custom", "pointcut": "change_target.C.f", "enabled": True, "actions": ["Recording"]}


@pytest.fixture(autouse=True)
def target() -> Iterator[Any]:
    yield make_module(SOURCE, "change_target")
    sys.modules.pop("change_target")


def registry_over(target: Any) -> Registry:
    registry = make_registry(Recording(), Recording("Other"), Around())
    pointcut = parse_pointcut("change_target.C.g")
    registry.add(MonitorDefinition("Library", "server", "delegating", "before", pointcut, actions=("Recording",)))
    registry.on_module(target)
    return registry


def started(path: Path, target: Any) -> tuple[Registry, Reload]:
    registry = registry_over(target)
    path.write_text(written({"Mine": MINE}))
    reload, draft = Reload(path, registry, ("ADDR1",), {}), read_draft(path)
    reload.begin(draft, draft.checked())
    return registry, reload


def written(monitors: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"[monitors.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        for name, settings in monitors.items()
    ]
    return "".join(lines)


SETTINGS: list[dict[str, Any]] = [
    {"enabled": True},
    {"enabled": False},
    {"dye_mask": ["ADDR1"]},
    {"dye_mask": ["ADDR1"], "dye_filtering": False},
    {"actions": ["Recording", "Other"]},
    {"actions": []},
    {"includes": ["change_target.C"]},
    {"excludes": ["change_target"]},
    {"description": "for ticket 17"},
]
OF_CUSTOM: list[dict[str, Any]] = [
    {"pointcut": "change_target.C.*"},
    {"location": "after"},
    {"location": "around", "actions": ["Around"]},
    {"pointcut": "change_target.C.g", "location": "after", "enabled": False, "dye_mask": ["ADDR1"]},
]


@pytest.mark.parametrize(
    ("name", "attributes"),
    [*(("Library", one) for one in SETTINGS), *(("Mine", one) for one in (*SETTINGS, *OF_CUSTOM))],
    ids=str,
)
def test_change_is_the_same_by_socket_and_by_file(
    tmp_path: Path, target: Any, name: str, attributes: dict[str, Any]
) -> None:
    path = tmp_path / "i.toml"
    before = [target.C.f.__code__, target.C.g.__code__]
    by_socket, _ = started(path, target)
    methods = standard_methods(by_socket, EventBuffer())

    changed = methods["monitor.set"].function({"name": name, "attributes": attributes})
    status = by_socket.get(name)
    methods["change.undo"].function({})
    undone = by_socket.list()
    for one in by_socket.names():
        by_socket.set(one, enabled=False)
    by_file, reload = started(path, target)
    fresh = by_file.list()
    monitors = {"Mine": MINE, name: {**(MINE if name == "Mine" else {}), **attributes}}
    path.write_text(written(monitors))
    reload.take("a test")
    taken = by_file.get(name)
    for one in by_file.names():
        by_file.set(one, enabled=False)

    assert taken == status
    assert {key: changed[key] for key in attributes if key != "pointcut"} == {
        key: value for key, value in attributes.items() if key != "pointcut"
    }
    assert undone == fresh
    assert [target.C.f.__code__, target.C.g.__code__] == before
