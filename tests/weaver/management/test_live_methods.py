"""The methods that add, change and remove monitors, over a registry at work."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.weaver.targets import Recording, make_module, make_registry, monitor
from weaver.errors import InvalidAttributeError, PluginError, PointcutSyntaxError, UnknownNameError
from weaver.event import EventBuffer
from weaver.management.methods import standard_methods
from weaver.management.rpc import RpcError
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut

Call = Callable[..., Any]
F = "execution(* methods_target.f(..))"


@pytest.fixture
def target() -> Iterator[Any]:
    yield make_module("def f(): return 1\ndef g(): return 2\n", "methods_target")
    sys.modules.pop("methods_target")


@pytest.fixture
def call(target: Any) -> Call:
    registry = make_registry(Recording())
    registry.add(monitor("Library", F))
    registry.add(MonitorDefinition("Fixed", "server", "delegating", "before", parse_pointcut(F)))
    registry.on_module(target)
    methods = standard_methods(registry, EventBuffer(), {"gs": parse_pointcut("execution(* methods_target.g(..))")})

    def called(method: str, /, **params: Any) -> Any:
        return methods[method].function(params)

    return called


def test_added_monitor_is_on_at_once(call: Call, target: Any) -> None:
    before = target.f.__code__

    status = call(
        "monitor.add", name="New", pointcut=F, attributes={"enabled": True, "actions": ["Recording"]}, reason="ticket"
    )

    assert (status["enabled"], status["joinpoints"], status["reason"]) == (True, ["methods_target:f"], "ticket")
    assert target.f.__code__ is not before
    assert call("monitor.remove", name="New")["enabled"] is False
    assert target.f.__code__ is before


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"pointcut": "execution("}, PointcutSyntaxError, "column"),
        ({"pointcut": F, "name": "Library"}, PluginError, "already"),
        ({"pointcut": F, "attributes": {"actions": ["Recordin"]}}, UnknownNameError, "Recording"),
        ({"pointcut": F, "attributes": {"enabld": True}}, InvalidAttributeError, "enabled"),
        ({"pointcut": F, "location": "beside"}, RpcError, "location"),
    ],
)
def test_monitor_that_cannot_be_added_leaves_nothing_behind(
    call: Call, params: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        call("monitor.add", **{"name": "New", **params})

    assert [one["name"] for one in call("monitor.list")] == ["Fixed", "Library"]


def test_pointcut_is_changed_by_text_and_by_name(call: Call, target: Any) -> None:
    call("monitor.add", name="New", pointcut=F, attributes={"enabled": True, "actions": ["Recording"]})

    changed = call("monitor.set", name="New", attributes={"pointcut": "gs()", "dye_filtering": False})

    assert changed["joinpoints"] == ["methods_target:g"]
    assert (changed["old"]["pointcut"], changed["dye_filtering"]) == (str(parse_pointcut(F)), False)


@pytest.mark.parametrize("attributes", [{"pointcut": "execution("}, {"pointcut": 3}, {"pointcut": F, "actions": [1]}])
def test_pointcut_that_cannot_be_set_changes_nothing(call: Call, attributes: dict[str, Any]) -> None:
    before = call("monitor.get", name="Library")

    with pytest.raises((PointcutSyntaxError, InvalidAttributeError)):
        call("monitor.set", name="Library", attributes=attributes)

    assert call("monitor.get", name="Library") == before


def test_unknown_monitor_is_not_removed(call: Call) -> None:
    with pytest.raises(RpcError) as caught:
        call("monitor.remove", name="Librar")

    assert "Library" in caught.value.did_you_mean


def test_report_is_of_all_modules_or_of_some(call: Call) -> None:
    call("monitor.set", name="Library", attributes={"enabled": True})

    assert [(one["module"], one["woven"]) for one in call("weave.report")["modules"]] == [("methods_target", 1)]
    assert call("weave.report", module="other")["modules"] == []
    call("monitor.set", name="Library", attributes={"enabled": False})


def test_match_lists_what_is_loaded(call: Call) -> None:
    found = call("pointcut.match", expression="gs() or call(* methods_target.f(..))")

    assert [(one["kind"], one["joinpoint"]) for one in found["shadows"]] == [("execution", "methods_target:g")]
    assert call("pointcut.match", expression="methods_targets.g")["nearest"] == ["methods_target.g"]


def test_explain_says_which_part_said_no(call: Call) -> None:
    explained = call("pointcut.explain", expression="methods_target.* and not gs()", name="methods_target:g")[0]

    assert (explained["joinpoint"], explained["answer"]) == ("methods_target:g", "no")
    assert [part["answer"] for part in explained["parts"]] == ["yes", "no"]
    with pytest.raises(RpcError) as caught:
        call("pointcut.explain", expression=F, name="methods_target.gg")
    assert "methods_target.g" in caught.value.did_you_mean


def test_pointcut_and_settings_change_together_or_not_at_all(call: Call) -> None:
    call("monitor.add", name="New", pointcut=F)

    with pytest.raises(UnknownNameError):
        call("monitor.set", name="New", attributes={"pointcut": "methods_target.g", "actions": ["No"]})
    with pytest.raises(PointcutSyntaxError):
        call("monitor.set", name="New", attributes={"pointcut": "g(", "enabled": True})

    status = call("monitor.get", name="New")
    assert (status["pointcut"], status["actions"], status["enabled"]) == (F, [], False)


@pytest.mark.parametrize(
    ("name", "pointcut", "words"),
    [("Fixed", F, "only a custom monitor's pointcut can be changed"), ("Library", 3, "must be an expression, not 3")],
)
def test_pointcut_that_cannot_be_changed_is_refused(call: Call, name: str, pointcut: object, words: str) -> None:
    with pytest.raises(InvalidAttributeError, match=words):
        call("monitor.set", name=name, attributes={"pointcut": pointcut})


def test_description_is_changed(call: Call) -> None:
    changed = call("monitor.set", name="Fixed", attributes={"description": "for ticket 17"})

    assert (changed["description"], changed["old"]) == ("for ticket 17", {"description": ""})
    with pytest.raises(InvalidAttributeError, match="description must be text, not 3"):
        call("monitor.set", name="Fixed", attributes={"description": 3})


def test_location_is_one_of_three(call: Call) -> None:
    with pytest.raises(InvalidAttributeError, match="location must be before, after, around, not 'beside'"):
        call("monitor.set", name="Library", attributes={"location": "beside"})
    with pytest.raises(InvalidAttributeError, match="only a custom monitor's location can be changed"):
        call("monitor.set", name="Fixed", attributes={"location": "after"})


def test_others_run_while_the_joinpoints_of_many_modules_are_looked_for() -> None:
    registry, pauses = make_registry(), []
    registry.add(monitor("Calls", "call(* listed..f(..))"))
    for at in range(5):
        registry.on_module(make_module("def f(): return 1\ndef g(): return f()\n", f"listed{at}"))
    methods = standard_methods(registry, EventBuffer(), pause=lambda: pauses.append(1))

    counts = []
    for method, params in (("monitor.get", {"name": "Calls"}), ("monitor.list", {}), ("monitor.list", {})):
        methods[method].function(params)
        counts.append(len(pauses))

    walked_and_matched = 2 * 5
    assert counts[0] > walked_and_matched
    assert counts[2] - counts[1] == counts[1] - counts[0] < walked_and_matched


def test_name_is_checked_without_looking_for_joinpoints() -> None:
    registry = make_registry()
    registry.add(monitor("Other", "call(* listed..f(..))"))
    registry.add(monitor("M", "execution(* nothing.f(..))"))
    registry.on_module(make_module("def f(): return 1\ndef g(): return f()\n", "listed"))

    standard_methods(registry, EventBuffer())["monitor.get"].function({"name": "M"})

    assert registry.report()["modules"][0]["inspected"] == 0
