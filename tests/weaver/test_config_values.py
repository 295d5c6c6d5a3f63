"""Faults that only loaded plugins can find."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.targets import Around, Recording, make_registry
from weaver.config import read_draft
from weaver.config_values import plugin_names, value_faults
from weaver.errors import InstrumentationConfigError
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

FLAGS = ("ADDR1", "PROTOCOL_SIP")


class Choosy(Recording):
    """Takes ``depth``, a positive number, and ``first`` with ``last`` only."""

    name = "Choosy"

    def __init__(self) -> None:
        super().__init__("Choosy")
        self.taken: Mapping[str, Any] = {}

    def configure(self, properties: Mapping[str, Any]) -> None:
        for key in properties:
            if key not in {"depth", "first", "last"}:
                raise ValueError(f"{key} is no property; known: depth, first, last")
        if properties.get("depth", 1) < 1:
            raise ValueError("depth must be at least 1")
        if ("first" in properties) != ("last" in properties):
            raise ValueError("both ends are needed")
        self.taken = dict(properties)


class Needy(Recording):
    """Cannot do without ``limit``."""

    def __init__(self) -> None:
        super().__init__("Needy")

    def configure(self, properties: Mapping[str, Any]) -> None:
        if "limit" not in properties:
            raise ValueError("limit is missing")


def registry_of(choosy: Choosy) -> Registry:
    registry = make_registry(Recording(), Around(), choosy, Needy())
    registry.rules.add_kind(Plain())
    pointcut = parse_pointcut("a.b")
    registry.add(MonitorDefinition("Library", "server", "delegating", "before", pointcut, actions=("Choosy",)))
    registry.add(MonitorDefinition("Fixed", "server", "standard", "before", pointcut, "", ("Choosy",), choosy))
    return registry


def faults_of(folder: Path, text: str) -> list[str]:
    path = folder / "instrumentation.toml"
    path.write_text(text, encoding="utf-8")
    choosy = Choosy()
    draft = read_draft(path)
    with pytest.raises(InstrumentationConfigError) as caught:
        draft.checked(value_faults(draft, registry_of(choosy), FLAGS))
    assert choosy.taken == {}
    return [fault.removeprefix(f"{path}:").splitlines()[0] for fault in caught.value.faults]


class Plain:
    """A kind of rule that takes capitals only."""

    name = description = "plain"

    def compile(self, value: str) -> str:
        if not value.isupper():
            raise ValueError("these are no capitals")
        return value


def test_faults_of_rules_come_with_those_of_types_in_one_pass(tmp_path: Path) -> None:
    text = """[[dyes.rules]]
kind = "plain"
value = "LOUD"
name = "LOUD"
ttl = 0
[[dyes.rules]]
kind = "plain"
value = "soft"
name = "SOFT"
[[dyes.rules]]
kind = "plane"
value = "X"
name = "X"
[[dyes.rules]]
kind = "plain"
value = 5
name = "X"
[[dyes.rules]]
kind = "plain"
value = "X"
name = "ADDR1"
"""

    faults = faults_of(tmp_path, text)

    assert [fault.partition(": ")[2] for fault in faults] == [
        "dyes.rules.0.ttl: must be greater than or equal to 1.0, not 0",
        "dyes.rules.1: plain 'soft': these are no capitals",
        "dyes.rules.2: there is no kind of dye rule 'plane'; did you mean 'plain'?",
        "dyes.rules.3.value: must be text in quotes, not 5",
        "dyes.rules.4: ADDR1 is a flag, which no rule sets; choose another name",
    ]


def test_time_of_a_watch_that_is_out_of_range_is_told_once(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, '[watches.A]\nwhen = "status > 5"\ndye = -3\nreset = 100000\n')

    assert [fault.partition(":")[0] for fault in faults] == ["3", "4"]


def test_mask_may_name_the_dye_of_a_watch(tmp_path: Path) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(
        """[monitors.Library]
dye_mask = ["WATCH_LATE"]
actions = []
[watches.late]
when = "elapsed > 1s"
actions = ["dye"]
"""
    )

    assert value_faults(read_draft(path), registry_of(Choosy()), FLAGS) == []


def test_watch_over_a_monitor_that_does_not_exist_is_a_fault(tmp_path: Path) -> None:
    text = """[watches.A]
when = "rate(Librar) > 1/s"
[watches.B]
when = "count(Library.firde) > 1"
[watches.C]
when = "count(Mine) > 1"
[monitors.Mine]
kind = "custom"
pointcut = "a.b"
"""

    faults = faults_of(tmp_path, text)

    assert [fault.partition(": ")[0] for fault in faults] == ["2", "4"]
    assert "there is no monitor 'Librar'" in faults[0]
    assert "Library has no counter 'firde'" in faults[1]


def test_faults_of_structure_names_and_values_come_in_one_pass(tmp_path: Path) -> None:
    text = """[events]
ring = 0
[monitors.Library]
enabled = "yes"
actions = ["Recordin"]
dye_mask = ["ADR1"]
[monitors.Fixed]
properties = { depth = 0 }
[monitors.Mine]
kind = "custom"
pointcut = "a.b ?"
location = "around"
actions = ["Recording"]
[monitors.Librari]
enabled = true
"""

    faults = faults_of(tmp_path, text)

    assert [fault.partition(":")[0] for fault in faults] == ["2", "4", "5", "6", "8", "11", "13", "14"]
    assert faults[2] == "5: monitors.Library.actions: there is no action 'Recordin'; did you mean 'Recording'?"
    assert faults[4].startswith("8: monitors.Fixed.properties.depth: Choosy does not take its properties")
    assert faults[6] == "13: monitors.Mine.actions: Recording is a stateless action and does not fit around"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[monitors.Fixed]\nactions = []\n", "2: monitors.Fixed.actions: the action of a standard monitor is fixed"),
        ("[monitors.Fixed.properties]\ndepth = 1\ntypo = 1\n", "3: monitors.Fixed.properties.typo: Choosy does not"),
        ("[monitors.Fixed]\nproperties = { first = 1 }\n", "2: monitors.Fixed.properties: Choosy does not take its"),
        ("[monitors.'a b']\nkind = 'custom'\npointcut = 'a'\n", "1: monitors.\"a b\": monitor 'a b': a name has"),
        ("[monitors.Mine]\nkind = 'custom'\npointcut = 'a'\nlocation = 'arround'\nactions = ['Around']\n",
         "4: monitors.Mine.location: must be 'before'"),
        ("[monitors.Library]\nactions = ['No']\nproperties = { typo = 1 }\n", "2: monitors.Library.actions: there is"),
        ("[monitors.Library]\nproperties = 3\n", "2: monitors.Library.properties: must be a table, not 3"),
        ("[monitors.Library]\nproperties = { typo = 1 }\nactions = ['Choosy']\n",
         "2: monitors.Library.properties.typo: Choosy does not"),
        ("[monitors.Mine]\nkind = 'custom'\npointcut = 'a'\nactions = ['Needy']\n",
         "4: monitors.Mine.actions: Needy does not take its properties: ValueError: limit is missing"),
        ("[monitors.Mine]\nkind = 'custom'\npointcut = 'a'\nactions = ['Needy']\nproperties = { other = 1 }\n",
         "5: monitors.Mine.properties: Needy does not take its properties: ValueError: limit is missing"),
        ("[monitors.Library]\nproperties = { depth = 'x' }\n", "2: monitors.Library.properties: Choosy does not take"),
    ],
)  # fmt: skip
def test_value_has_one_fault_at_its_line(tmp_path: Path, text: str, fault: str) -> None:
    faults = faults_of(tmp_path, text)

    assert len(faults) == 1
    assert faults[0].startswith(fault)


def test_values_that_are_right_give_no_fault_and_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(
        "[monitors.Fixed]\nenabled = true\nproperties = { depth = 3 }\n"
        "[monitors.Mine]\nkind = 'custom'\npointcut = 'a.b'\nactions = ['Choosy']\nproperties = { depth = 3 }\n"
        "[monitors.Other]\nkind = 'custom'\npointcut = 'a.b'\nactions = ['Needy']\nproperties = { limit = 3 }\n"
    )
    choosy, draft = Choosy(), read_draft(path)
    registry = registry_of(choosy)

    assert value_faults(draft, registry, FLAGS) == []
    assert choosy.taken == {}
    assert registry.names() == ("Fixed", "Library")
    assert not registry.get("Fixed")["enabled"]


@pytest.mark.parametrize(
    ("text", "names"),
    [("[weaver]\nplugins = ['a', 'b']\n[events]\nring = 0\n", ["a", "b"]), ("[weaver]\nplugins = 3\n", []),
     ("weaver = 3\n", []), ("[weaver]\nplugins = ['a', 3, ' ']\n", ["a"]), ("", [])],
)  # fmt: skip
def test_plugins_are_known_whatever_else_is_wrong(tmp_path: Path, text: str, names: list[str]) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(text)

    assert plugin_names(read_draft(path)) == names


def test_names_of_dyes_are_held_only_while_the_file_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(
        "[[dyes.rules]]\nkind = 'none'\nvalue = 'x'\nname = 'JUDGED'\n[monitors.Fixed]\ndye_mask = ['JUDGED']\n"
    )
    registry, draft = registry_of(Choosy()), read_draft(path)

    faults = value_faults(draft, registry, registry.rules.names)

    assert [fault.keys[:2] for fault in faults] == [("dyes", "rules")]
    assert registry.rules.names.holders("JUDGED") == []


def test_file_with_a_wider_vector_is_judged_without_widening_it(tmp_path: Path) -> None:
    path = tmp_path / "instrumentation.toml"
    registry = registry_of(Choosy())
    names = registry.rules.names
    rules = "".join(f"[[dyes.rules]]\nkind = 'none'\nvalue = 'x'\nname = 'JUDGED_{n}'\n" for n in range(60))
    path.write_text(f"[dyes]\nwidth = {names.width + 64}\n{rules}")
    before = names.width, names.bits()

    faults = value_faults(read_draft(path), registry, names)

    assert {fault.keys[:2] for fault in faults} == {("dyes", "rules")}
    assert not any("all" in fault.reason and "held" in fault.reason for fault in faults)
    assert (names.width, names.bits()) == before
