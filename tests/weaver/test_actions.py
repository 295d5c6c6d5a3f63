"""Actions by name: which fit a monitor, what properties they take, when they are told that they are in use."""

from typing import Any

import pytest
from pydantic import Field

from tests.weaver.targets import Recording, make_module, make_registry, monitor
from weaver.api import ActionKind, Invocation, Names, Properties
from weaver.errors import InvalidAttributeError, PluginError
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

F = "execution(* woven_target.f(..))"


class Depth(Properties):
    depth: int = Field(default=3, ge=1, le=9, description="levels")
    show: Names = frozenset()


class Deep(Recording):
    """An action with properties of its own."""

    Properties = Depth

    def run(self, invocation: Invocation) -> dict[str, Any]:
        return {"depth": invocation.properties_as(Depth).depth}

    enter = leave = run


class Switched(Recording):
    """An action that needs something switched on."""

    def __init__(self, fails: bool = False, name: str = "Switched") -> None:
        super().__init__(name)
        self.fails = fails
        self.told: list[str] = []

    def switch_on(self, monitor: str) -> None:
        if self.fails:
            raise OSError("there is none")
        self.told.append(f"on {monitor}")

    def switch_off(self, monitor: str) -> None:
        self.told.append(f"off {monitor}")
        if self.told.count(f"off {monitor}") > 1:
            raise OSError("it was off")


def at_f(*actions: object, names: tuple[str, ...] = ("M",)) -> tuple[Registry, Any]:
    registry, module = make_registry(*actions), make_module("def f(x=1): return x\n")
    for name in names:
        registry.add(monitor(name, F))
    registry.on_module(module)
    return registry, module


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"dept": 3}, "Deep has no property 'dept'; did you mean 'depth'"),
        ({"zzz": 3}, "these can be set: depth, proxy, show"),
        ({"depth": 0}, "property depth: Input should be greater than or equal to 1"),
        ({"depth": "3"}, "property depth: Input should be a valid integer"),
        ({"show": 3}, "property show"),
        ({"proxy": "yes"}, "property proxy: Input should be a valid boolean"),
    ],
)
def test_wrong_property_is_refused_and_nothing_changes(properties: dict[str, object], words: str) -> None:
    registry, _ = at_f(Deep("Deep"))
    registry.set("M", actions=["Deep"])
    before = registry.get("M")

    with pytest.raises(InvalidAttributeError, match=words):
        registry.set("M", properties=properties)

    assert registry.get("M") == before


def test_property_of_a_monitor_whose_actions_have_none_is_refused() -> None:
    registry, _ = at_f(Recording())

    with pytest.raises(InvalidAttributeError, match="Recording has no property 'typo'"):
        registry.set("M", actions=["Recording"], properties={"typo": 1})


def test_action_is_refused_that_does_not_take_the_properties_that_are_set() -> None:
    registry, _ = at_f(Deep("Deep"), Recording())
    registry.set("M", actions=["Deep"], properties={"depth": 4})

    with pytest.raises(InvalidAttributeError, match="Recording has no property 'depth'"):
        registry.set("M", actions=["Recording"])

    assert registry.set("M", actions=["Recording"], properties={})["actions"] == ["Recording"]


def test_monitors_have_different_properties_for_one_action() -> None:
    registry, module = at_f(Deep("Deep"), names=("A", "B"))
    registry.set("A", enabled=True, actions=["Deep"], properties={"depth": 1})
    registry.set("B", enabled=True, actions=["Deep"], properties={"depth": 2})

    module.f()
    registry.set("A", properties={})
    module.f()

    depths = [(event.monitor, (event.payload or {})["depth"]) for event in registry.buffer.recent()]
    assert depths == [("A", 1), ("B", 2), ("A", 3), ("B", 2)]


def test_each_action_of_a_monitor_takes_its_own_properties() -> None:
    class Wide(Properties):
        width: int = 1

    class Broad(Recording):
        Properties = Wide

    registry, _ = at_f(Deep("Deep"), Broad("Broad"))

    status = registry.set("M", actions=["Deep", "Broad"], properties={"depth": 2, "width": 3})

    assert status["properties"] == {"depth": 2, "width": 3}


@pytest.mark.parametrize("given", ["a, b", "a b", ["a", "b"]])
def test_names_are_a_list_or_a_text(given: object) -> None:
    assert Depth.model_validate({"show": given}).show == {"a", "b"}


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"kind": "sideways"}, "its kind is stateless or around or built-in, not 'sideways'"),
        ({"kind": "around", "leave": None}, "leave is missing"),
        ({"Properties": dict}, "come from weaver.api.Properties"),
        ({"Properties": type("Needy", (Properties,), {"__annotations__": {"depth": int}})}, "depth has no default"),
    ],
)
def test_action_that_breaks_the_contract_is_refused(attributes: dict[str, object], words: str) -> None:
    with pytest.raises(PluginError, match=words):
        make_registry(type("Odd", (Recording,), attributes)())


def delegating(name: str, location: Any = "before", **more: Any) -> MonitorDefinition:
    return MonitorDefinition(name, "application", "delegating", location, parse_pointcut(F), **more)


def test_compatible_actions_are_those_of_the_kind_and_for_the_monitor() -> None:
    class OnlySip(Recording):
        monitors = ("Sip_*",)

    class Around(Recording):
        kind: ActionKind = "around"

    class BuiltIn(Recording):
        kind: ActionKind = "built-in"

    registry = make_registry(OnlySip("OnlySip"), Around("Around"), BuiltIn("BuiltIn"), Recording())
    for definition in (delegating("Sip_Before"), delegating("Http_Before"), delegating("Sip_Around", "around")):
        registry.add(definition)
    registry.add(monitor("Own", F))

    compatible = {status["name"]: status["compatible_actions"] for status in registry.list()}

    assert compatible == {
        "Sip_Before": ["OnlySip", "Recording"],
        "Http_Before": ["Recording"],
        "Sip_Around": ["Around"],
        "Own": ["OnlySip", "Recording"],
    }
    with pytest.raises(InvalidAttributeError, match=r"OnlySip is for Sip_\*"):
        registry.set("Http_Before", actions=["OnlySip"])
    with pytest.raises(InvalidAttributeError, match="a built-in action and does not fit before"):
        registry.set("Sip_Before", actions=["BuiltIn"])


def test_actions_that_do_not_fit_are_refused_when_a_monitor_is_registered() -> None:
    registry = make_registry(Recording())

    with pytest.raises(InvalidAttributeError, match="does not fit around"):
        registry.add(delegating("M", "around", actions=("Recording",)))
    with pytest.raises(PluginError, match="only the action of a standard monitor is fixed"):
        registry.add(delegating("M", action=Recording()))
    with pytest.raises(InvalidAttributeError, match="has no property"):
        registry.add(delegating("M", actions=("Recording",), properties={"typo": 1}))
    half = type("Half", (), {"name": "Half", "kind": "built-in"})()
    with pytest.raises(PluginError, match="action Half: run is missing"):
        registry.add(MonitorDefinition("M", "server", "standard", "before", parse_pointcut(F), action=half))

    assert registry.names() == ()


def test_action_is_told_of_its_first_and_last_use() -> None:
    action = Switched()
    registry, _ = at_f(action, Recording(), names=("A", "B"))

    registry.set("A", actions=["Switched"])
    registry.set("A", enabled=True)
    registry.set("A", dye_mask=["ADDR1"])
    registry.set("B", enabled=True, actions=["Switched"])
    registry.set("A", actions=["Recording"])
    registry.set("B", enabled=False)

    assert action.told == ["on A", "on B", "off A", "off B"]


def test_action_that_cannot_be_used_is_refused_and_nothing_changes() -> None:
    good = Switched(name="Good")
    registry, _ = at_f(good, Switched(fails=True, name="Bad"))
    before = registry.get("M")

    with pytest.raises(InvalidAttributeError, match="Bad cannot be used: OSError: there is none"):
        registry.set("M", enabled=True, actions=["Good", "Bad"])

    assert registry.get("M") == before
    assert good.told == ["on M", "off M"]


def test_action_that_fails_when_it_is_not_used_any_more_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    registry, _ = at_f(Switched())
    for enabled in (True, False, True, False):
        registry.set("M", enabled=enabled, actions=["Switched"])

    assert "Switched could not be switched off" in caplog.text
    assert registry.get("M")["enabled"] is False
