"""Where each value comes from."""

from pathlib import Path
from typing import Any

import pytest

from tests.weaver.targets import Recording, make_registry
from weaver.config import read_draft
from weaver.config_show import effective
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.reload import Reload

TEXT = """[events]
ring = 5
[monitors.Library]
dye_mask = ["ADDR1"]
enabled = true
[monitors.Mine]
kind = "custom"
pointcut = "a.b"
[pointcuts]
starts = "a.c"
"""


@pytest.fixture
def registry() -> Registry:
    registry = make_registry(Recording())
    pointcut = parse_pointcut("a.g")
    registry.add(MonitorDefinition("Library", "server", "delegating", "before", pointcut, actions=("Recording",)))
    return registry


@pytest.fixture
def reload(tmp_path: Path, registry: Registry) -> Reload:
    path = tmp_path / "i.toml"
    path.write_text(TEXT)
    reload, draft = Reload(path, registry, ("ADDR1",), {}), read_draft(path)
    reload.begin(draft, draft.checked())
    return reload


def shown(reload: Reload, registry: Registry) -> dict[str, tuple[Any, str]]:
    return {row["key"]: (row["value"], row["source"]) for row in effective(reload.taken, registry)}


def test_value_is_of_a_line_of_the_file_or_the_default(reload: Reload, registry: Registry) -> None:
    values = shown(reload, registry)

    assert values["events.ring"] == (5, "i.toml:2")
    assert values["events.json_lines"] == (None, "default")
    assert values["target.module"] == ("server", "default")
    assert values["pointcuts"] == ({"starts": "a.c"}, "i.toml:9")
    assert values["monitors.Library.dye_mask"] == (["ADDR1"], "i.toml:4")
    assert values["monitors.Library.actions"] == (["Recording"], "default")
    assert values["monitors.Mine.pointcut"] == ("execution(* a.b(..))", "i.toml:8")
    assert values["monitors.Mine.location"] == ("before", "default")
    assert "monitors.Library.pointcut" not in values


def test_what_was_changed_while_the_program_runs_is_live(reload: Reload, registry: Registry) -> None:
    registry.set("Library", dye_mask=[], properties={"proxy": False})
    registry.remove("Mine")
    registry.add(MonitorDefinition("New", "application", "custom", "before", parse_pointcut("a.d")))

    values = shown(reload, registry)

    assert values["monitors.Library.dye_mask"] == ([], "live")
    assert values["monitors.Library.properties"] == ({"proxy": False}, "live")
    assert values["monitors.Library.enabled"] == (True, "i.toml:5")
    assert values["monitors.Mine"] == (None, "live")
    assert {source for key, (_, source) in values.items() if key.startswith("monitors.New.")} == {"live"}


def test_what_waits_for_a_restart_is_from_the_start(reload: Reload, registry: Registry) -> None:
    reload.path.write_text(TEXT.replace("ring = 5", "ring = 7") + "more = 'a.d'\n[admin]\nsocket = '/run/x'\n")

    reload.take("a test")

    values = shown(reload, registry)
    assert values["events.ring"] == (5, "start")
    assert values["admin.socket"] == (None, "start")
    assert values["pointcuts"] == ({"starts": "a.c", "more": "a.d"}, "i.toml:9")


def test_tables_of_a_list_are_shown_as_they_are_written(tmp_path: Path, registry: Registry) -> None:
    rule = {"kind": "caller", "value": "sip:a@b", "name": "ALICE"}
    path = tmp_path / "i.toml"
    path.write_text("[[dyes.rules]]\n" + "".join(f"{key} = '{value}'\n" for key, value in rule.items()))
    reload, draft = Reload(path, registry, (), {}), read_draft(path)
    reload.begin(draft, draft.checked())

    assert shown(reload, registry)["dyes.rules"] == ([rule], "i.toml:1")
