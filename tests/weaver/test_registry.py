import importlib.util
import logging
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests.weaver.targets import Around, Recording, make_module, make_registry, monitor
from weaver import context
from weaver.dye import FLAGS, NAMES, SLOTS, SPACE, DyeSpace, mask_of
from weaver.dye_mask import Mask
from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError
from weaver.event import EventBuffer
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.scan import scan_module
from weaver.woven_cache import Kept, Selection, WovenCache, store_module

F = "execution(* woven_target.f(..))"


def one_monitor(*actions: object) -> tuple[Registry, object]:
    registry, module = make_registry(*actions), make_module("def f(): return 1\ndef g(): return 2\n")
    registry.add(monitor("M", F))
    registry.on_module(module)
    return registry, module


def test_monitor_is_off_until_it_is_switched_on_and_leaves_the_original_behind() -> None:
    registry, module = one_monitor(Recording())
    original = module.f.__code__  # type: ignore[attr-defined]

    registry.set("M", enabled=True, actions=["Recording"])
    assert module.f.__code__ is not original  # type: ignore[attr-defined]

    registry.set("M", enabled=False)
    assert module.f.__code__ is original  # type: ignore[attr-defined]


def test_monitor_finds_modules_before_and_after_it_is_added() -> None:
    registry, _ = one_monitor(Recording())
    registry.add(monitor("Late", "execution(* woven_target.*(..))"))

    assert registry.get("M")["joinpoints"] == ["woven_target:f"]
    assert registry.get("Late")["joinpoints"] == ["woven_target:f", "woven_target:g"]


def test_module_that_is_seen_twice_is_woven_once() -> None:
    registry, module = one_monitor(Recording())

    registry.on_module(module)  # type: ignore[arg-type]

    assert registry.get("M")["joinpoints"] == ["woven_target:f"]


def test_list_has_every_monitor_by_name() -> None:
    registry, _ = one_monitor(Recording())
    registry.add(monitor("A", F))

    assert [status["name"] for status in registry.list()] == ["A", "M"]
    assert registry.names() == ("A", "M")


@pytest.mark.parametrize(
    ("attributes", "error", "words"),
    [
        ({"enabled": "yes"}, InvalidAttributeError, "true or false"),
        ({"dye_mask": 7}, InvalidAttributeError, "list of flag names"),
        ({"dye_mask": "ADDR1 and"}, InvalidAttributeError, "at the end"),
        ({"dye_mask": "ADDR1 and ADDR7"}, UnknownNameError, "did you mean"),
        ({"dye_mask": ["ADDR7"]}, UnknownNameError, "ADDR"),
        ({"actions": ["Recordin"]}, UnknownNameError, "'Recording'"),
        ({"actions": ["Around"]}, InvalidAttributeError, "does not fit before"),
        ({"properties": []}, InvalidAttributeError, "a table"),
        ({"includes": "x"}, InvalidAttributeError, "class patterns"),
        ({"pointcut": "x"}, InvalidAttributeError, "cannot be set"),
    ],
)
def test_wrong_attribute_is_refused_and_nothing_changes(
    attributes: dict[str, object], error: type[Exception], words: str
) -> None:
    registry, _ = one_monitor(Recording(), Around())
    before = registry.get("M")

    with pytest.raises(error, match=words):
        registry.set("M", **{"enabled": True, **attributes})

    assert registry.get("M") == before


def test_properties_that_an_action_fails_on_are_refused_and_nothing_changes() -> None:
    class Choosy(Recording):
        def configure(self, properties: Mapping[str, Any]) -> None:
            int(properties["depth"])

    registry, _ = one_monitor(Choosy())
    before = registry.get("M")

    with pytest.raises(InvalidAttributeError, match=r"M: Recording does not take its properties: KeyError: 'depth'"):
        registry.set("M", actions=["Recording"], properties={"deep": "3"})

    assert registry.get("M") == before


def test_unknown_monitor_is_refused_with_those_that_are_near() -> None:
    registry, _ = one_monitor(Recording())
    registry.add(monitor("Sip_Servlet_Before_Service", F))

    with pytest.raises(UnknownNameError, match="did you mean Sip_Servlet_Before_Service"):
        registry.get("Sip_Servlet_Before_Servic")


def test_name_that_is_taken_is_refused() -> None:
    registry, _ = one_monitor(Recording())

    with pytest.raises(PluginError, match="already"):
        registry.add(monitor("M", F))
    with pytest.raises(PluginError, match="already"):
        registry.add_action(Recording())


@pytest.mark.parametrize("name", ["", "two words", "a\nb", "x" * 81])
def test_name_that_nobody_can_type_is_refused(name: str) -> None:
    registry, _ = one_monitor(Recording())

    with pytest.raises(PluginError, match="a name has up to 80 letters"):
        registry.add(monitor(name, F))

    assert registry.names() == ("M",)


def test_action_that_lacks_what_its_kind_needs_is_refused() -> None:
    class Half:
        name = "Half"
        kind = "around"

    with pytest.raises(PluginError, match="enter, leave"):
        make_registry(Half())


def test_mask_can_be_changed_without_end() -> None:
    action = Recording()
    registry, module = one_monitor(action)
    registry.set("M", enabled=True, actions=["Recording"])

    for pair in combinations(FLAGS[:20], 2):
        registry.set("M", dye_mask=list(pair))
        module.f()  # type: ignore[attr-defined]

    assert action.seen == []
    assert registry.get("M")["dye_mask"] == ["PROTOCOL_JRMP", "PROTOCOL_RMI"]


def test_flags_are_wanted_while_an_enabled_monitor_names_them() -> None:
    registry, _ = one_monitor(Recording())

    registry.set("M", enabled=True, dye_mask=["SIP_ANY_HEADER"])
    assert SPACE.wanted == mask_of(["SIP_ANY_HEADER"])
    registry.set("M", dye_filtering=False)
    assert SPACE.wanted == 0
    registry.set("M", dye_filtering=True)
    assert SPACE.wanted == mask_of(["SIP_ANY_HEADER"])
    registry.set("M", enabled=False)
    assert SPACE.wanted == 0


def test_mask_may_be_an_expression() -> None:
    action = Recording()
    registry, module = one_monitor(action)
    registry.set("M", enabled=True, actions=["Recording"], dye_mask="ADDR1 and not SIP_RES")

    for names in (["ADDR1"], ["ADDR1", "SIP_RES"], []):
        tokens = context.begin(mask_of(names), {})
        module.f()  # type: ignore[attr-defined]
        context.end(tokens)

    assert len(action.seen) == 1
    assert registry.get("M")["dye_mask"] == ["ADDR1 and not SIP_RES"]
    assert SPACE.wanted == mask_of(["ADDR1", "SIP_RES"])
    registry.set("M", enabled=False)


def test_named_dye_of_a_mask_is_held_by_its_monitor() -> None:
    registry, _ = one_monitor(Recording())
    NAMES.hold("a rule", ["HELD_HERE"])

    registry.set("M", dye_mask=["HELD_HERE"])
    assert NAMES.holders("HELD_HERE") == ["a rule", "monitor M"]
    registry.set("M", dye_mask=[])
    assert NAMES.holders("HELD_HERE") == ["a rule"]
    NAMES.hold("a rule", ())


def test_monitor_works_without_a_guard_when_all_slots_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    space = DyeSpace()
    for n in range(SLOTS):
        space.hold(Mask(frozenset({((n + 1) << 40, 0)})))
    for module in ("advice", "registry", "context", "joinpoints"):
        monkeypatch.setattr(f"weaver.{module}.SPACE", space)
    action = Recording()
    registry, target = one_monitor(action)
    registry.set("M", enabled=True, actions=["Recording"], dye_mask=["ADDR1"])

    for vector in (0, mask_of(["ADDR1"])):
        tokens = context.begin(vector, {})
        target.f()  # type: ignore[attr-defined]
        context.end(tokens)

    assert len(action.seen) == 1
    assert registry.get("M")["counters"]["reached"] == 2


def test_joinpoint_that_cannot_be_woven_is_reported_and_the_program_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(code: CodeType, advice: object) -> CodeType:
        raise ValueError("no place for advice")

    monkeypatch.setattr("weaver.swap.weave", refuse)
    registry, target = one_monitor(Recording())

    with caplog.at_level(logging.WARNING):
        status = registry.set("M", enabled=True, actions=["Recording"])

    assert status["failures"] == ["woven_target:f: no place for advice"]
    assert target.f() == 1  # type: ignore[attr-defined]


def test_monitor_of_server_scope_takes_its_woven_code_from_the_build(tmp_path: Path) -> None:
    source = tmp_path / "built_target.py"
    source.write_text("def f():\n    return 1\n")
    spec = importlib.util.spec_from_file_location("built_target", source)
    assert spec is not None
    assert spec.loader is not None
    target = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(target)
    pointcut = parse_pointcut("built_target.f")
    shadow = scan_module(target)[0]
    kept = Kept(shadow, shadow.function.__code__, (Selection(str(pointcut), "before"),))
    store_module(tmp_path, target.__name__, str(source), [kept])
    cache = WovenCache(tmp_path)
    registry, recording = Registry(EventBuffer(10), cache), Recording()
    registry.add_action(recording)
    for name, scope in (("Built", "server"), ("Loaded", "application")):
        registry.add(MonitorDefinition(name, scope, "custom", "before", pointcut))  # type: ignore[arg-type]
    registry.on_module(target)

    registry.set("Loaded", enabled=True, actions=["Recording"], dye_filtering=False)
    target.f()
    woven_here = dict(cache.reasons)
    registry.set("Built", enabled=True, actions=["Recording"], dye_filtering=False)
    target.f()

    assert woven_here == {}
    assert cache.reasons == {"loaded": 1}
    assert len(recording.seen) == 3
