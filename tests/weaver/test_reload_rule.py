"""Whatever files come one after the other: the program is as if it had been started with the last of them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weaver.targets import Around, Recording, make_module, make_registry
from weaver.changeable import CHANGEABLE
from weaver.config import read_draft
from weaver.errors import InstrumentationConfigError
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.reload import Reload

ORIGINALS: dict[str, Any] = {}
KEPT = (*CHANGEABLE, "name", "scope", "kind", "location", "pointcut", "joinpoints")


@pytest.fixture(scope="module", autouse=True)
def target() -> Iterator[Any]:
    made = make_module("def f(): return 1\ndef g(): return 2\n", "rule_target")
    ORIGINALS.update({name: getattr(made, name).__code__ for name in "fg"})
    yield made
    sys.modules.pop("rule_target")


def registry_over(target: Any) -> Registry:
    registry = make_registry(Recording(), Around())
    pointcut = parse_pointcut("rule_target.g")
    registry.add(MonitorDefinition("Library", "server", "delegating", "before", pointcut, actions=("Recording",)))
    registry.on_module(target)
    return registry


def written(settings: dict[str, str]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in settings.items())


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.sampled_from(["true", "false"]),
        "dye_mask": st.sampled_from(["[]", "['ADDR1']"]),
        "dye_filtering": st.sampled_from(["true", "false"]),
        "includes": st.sampled_from(["['rule_target']", "['other']"]),
        "description": st.sampled_from(["''", "'words'"]),
    },
).map(written)
LIBRARY = st.just("") | SETTINGS.map("[monitors.Library]\n{}".format)
CUSTOM = st.builds(
    "[monitors.{}]\nkind = 'custom'\npointcut = '{}'\n{}{}".format,
    st.just("{name}"),
    st.sampled_from(["rule_target.f", "rule_target.*", "named()"]),
    st.sampled_from(["actions = ['Recording']\n", "location = 'around'\nactions = ['Around']\n", "scope = 'server'\n"]),
    SETTINGS,
)
FAULTY = st.sampled_from(["", "", "", "[monitors.None]\n", "[events]\nring = 0\n", "[monitors.Library]\nactions = 3\n"])
NAMED = st.sampled_from(["f", "g"]).map("[pointcuts]\nnamed = 'rule_target.{}'\n".format)


@st.composite
def files(draw: st.DrawFn) -> str:
    monitors = [draw(CUSTOM).replace("{name}", name) for name in ("A", "B") if draw(st.booleans())]
    return draw(NAMED) + "".join(monitors) + (draw(FAULTY) or draw(LIBRARY))


def state(registry: Registry, target: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the settings of all monitors, and which functions are woven."""
    monitors = [{key: status[key] for key in KEPT} for status in registry.list()]
    return monitors, [name for name in ORIGINALS if getattr(target, name).__code__ is not ORIGINALS[name]]


def started(path: Path, text: str, target: Any) -> tuple[Reload, Registry]:
    registry = registry_over(target)
    path.write_text(text)
    reload, draft = Reload(path, registry, ("ADDR1", "ADDR2"), {}), read_draft(path)
    reload.begin(draft, draft.checked())
    return reload, registry


def switch_off(registry: Registry) -> None:
    for name in registry.names():
        registry.set(name, enabled=False)


@pytest.mark.slow
@settings(max_examples=25)
@given(texts=st.lists(files(), min_size=1, max_size=4))
def test_files_lead_where_a_start_with_the_last_good_one_leads(texts: list[str]) -> None:
    target = sys.modules["rule_target"]
    with TemporaryDirectory() as folder:
        path, good = Path(folder) / "i.toml", ""
        reload, registry = started(path, "", target)
        for text in texts:
            before = state(registry, target)
            path.write_text(text)
            try:
                reload.take("a test")
                good = text
            except InstrumentationConfigError:
                assert state(registry, target) == before
        reached = state(registry, target)
        switch_off(registry)
        again, fresh = started(path, good, target)
        expected = state(fresh, target)
        switch_off(fresh)

    assert reached == expected
    assert state(fresh, target)[1] == []
    assert again.taken.draft.text == good


VALUES: dict[str, list[Any]] = {
    "enabled": [False, True],
    "dye_mask": [(), ("ADDR1",), ("ADDR2",)],
    "dye_filtering": [True, False],
    "includes": [(), ("rule_target",)],
    "description": ["", "words", "others"],
}
"""The first of each is what a monitor has when nothing says otherwise."""
NAMES = ("Library", "A")
ONE_VALUE = st.sampled_from([(key, value) for key, values in VALUES.items() for value in values])
LIVE = st.tuples(st.sampled_from(NAMES), ONE_VALUE)
SAID = st.fixed_dictionaries({name: st.lists(ONE_VALUE, max_size=4).map(dict) for name in NAMES})


def file_of(said: dict[str, dict[str, Any]]) -> str:
    return "".join(
        f"[monitors.{name}]\n"
        + ("kind = 'custom'\npointcut = 'rule_target.f'\n" if name == "A" else "")
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        for name, settings in said.items()
    )


def whole(said: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {key: said[name].get(key, values[0]) for key, values in VALUES.items()} for name in NAMES}


@pytest.mark.slow
@settings(max_examples=25)
@given(first=SAID, steps=st.lists(SAID | LIVE, max_size=6))
def test_file_wins_for_what_it_changed_and_live_changes_stay_elsewhere(
    first: dict[str, Any], steps: list[dict[str, Any] | tuple[str, tuple[str, Any]]]
) -> None:
    target = sys.modules["rule_target"]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "i.toml"
        reload, registry = started(path, file_of(first), target)
        file, model = whole(first), whole(first)
        for step in steps:
            if isinstance(step, tuple):
                name, (key, value) = step
                registry.set(name, **{key: value})
                model[name][key] = value
                continue
            path.write_text(file_of(step))
            reload.take("a test")
            for name, settings_ in whole(step).items():
                model[name] |= {key: value for key, value in settings_.items() if value != file[name][key]}
            file = whole(step)
            found = {name: {key: registry.settings(name)[key] for key in VALUES} for name in NAMES}
            assert found == model
        switch_off(registry)
