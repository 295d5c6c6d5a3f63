"""The shipped actions and monitors, through the door that every plugin uses."""

from collections.abc import Iterator
from types import ModuleType

import pytest

import server.container.authenticator
import server.container.drafts
import server.container.sessions
import server.engine.outbound
import server.engine.turn
import server.http.wsgi
import server.servlet.sip_servlet
import server.state.memory
from tests.weaver.targets import make_module
from weaver.errors import InvalidAttributeError
from weaver.event import EventBuffer
from weaver.plugins import Plugins
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

MODULES = (
    "monitors.actions", "monitors.common_flags", "monitors.sip_flags", "monitors.http_flags", "monitors.throttle",
    "monitors.dye_rules", "monitors.dye_injection", "monitors.sip_servlet", "monitors.sip_send",
)  # fmt: skip
TARGETS = (
    server.container.authenticator, server.container.drafts, server.container.sessions, server.engine.outbound,
    server.engine.turn, server.http.wsgi, server.servlet.sip_servlet, server.state.memory,
)  # fmt: skip
LOCATIONS = ("Before", "After", "Around")


@pytest.fixture
def registry() -> Iterator[Registry]:
    found = Registry(EventBuffer(50))
    Plugins(found).load(MODULES)
    for module in TARGETS:
        found.on_module(module)
    yield found
    for name in found.names():
        found.set(name, enabled=False)


def test_library_is_complete(registry: Registry) -> None:
    assert set(registry.names()) == {
        "DyeInjection",
        *(f"Sip_Servlet_{location}_Service" for location in LOCATIONS),
        *(f"Sip_Servlet_{location}_Session" for location in LOCATIONS),
        *(f"Sip_Servlet_{location}_Message_Send_Internal" for location in LOCATIONS),
    }


def test_every_monitor_has_joinpoints_and_a_description(registry: Registry) -> None:
    for status in registry.list():
        assert status["joinpoints"], status["name"]
        assert status["description"]
        assert status["scope"] == ("application" if status["name"].endswith(("_Service", "_Session")) else "server")


def test_dye_injection_stands_at_the_dye_points_and_where_users_are_known_and_calls_end(registry: Registry) -> None:
    assert registry.get("DyeInjection")["joinpoints"] == [
        "server.container.authenticator:Authenticator.authenticate",
        "server.engine.outbound:send_outbound",
        "server.engine.turn:process_inbound",
        "server.http.wsgi:handle_request",
        "server.state.memory:MemoryStore.remove",
    ]


def test_what_sets_the_dyes_can_wait_for_none(registry: Registry) -> None:
    with pytest.raises(InvalidAttributeError, match="DyeInjection: it sets the dyes"):
        registry.set("DyeInjection", dye_mask=["ADDR1"])

    assert registry.get("DyeInjection")["dye_mask"] == []


def test_registry_knows_whether_anybody_sets_dyes(registry: Registry) -> None:
    before = registry.is_dyeing()
    registry.set("DyeInjection", enabled=True)
    after = registry.is_dyeing()
    registry.set("DyeInjection", enabled=False)

    assert (before, after) == (False, True)


def test_action_of_the_standard_monitor_is_fixed(registry: Registry) -> None:
    with pytest.raises(InvalidAttributeError, match="fixed"):
        registry.set("DyeInjection", actions=["TraceAction"])


@pytest.mark.parametrize(
    ("location", "action"),
    [("Before", "TraceElapsedTimeAction"), ("After", "TraceElapsedTimeAction"), ("Around", "TraceAction")],
)
def test_action_that_does_not_fit_the_location_is_refused(registry: Registry, location: str, action: str) -> None:
    with pytest.raises(InvalidAttributeError, match="does not fit"):
        registry.set(f"Sip_Servlet_{location}_Service", actions=[action])


def woven(registry: Registry, location: str, action: str, **properties: str) -> ModuleType:
    from weaver.monitor import MonitorDefinition
    from weaver.pointcut.parser import parse_pointcut

    pointcut = parse_pointcut("execution(* woven_target.f(..))")
    registry.add(MonitorDefinition("M", "application", "custom", location, pointcut))  # type: ignore[arg-type]
    registry.set("M", enabled=True, actions=[action], properties=properties)
    module = make_module("def f(user, n): return 'token of ' + user\n")
    registry.on_module(module)
    return module


def test_trace_shows_the_pass_and_no_value(registry: Registry) -> None:
    woven(registry, "before", "TraceAction").f("alice", 7)

    (event,) = registry.buffer.recent()
    assert (event.arguments, event.result, event.method) == (None, None, "f")


def test_arguments_are_hidden_unless_they_are_marked(registry: Registry) -> None:
    module = woven(registry, "after", "DisplayArgumentsAction")
    module.f("alice", 7)
    registry.set("M", properties={"show": "user, result"})
    module.f("alice", 7)

    hidden, shown = registry.buffer.recent()
    assert "alice" not in str(hidden)
    assert shown.arguments == ["user='alice'", "n=7"]
    assert shown.result == "'token of alice'"


def test_values_that_the_pointcut_marks_are_shown_but_no_secrets(registry: Registry) -> None:
    module = woven(registry, "after", "DisplayArgumentsAction")
    registry.replace("M", parse_pointcut("execution(%* woven_target.f(%user, ..))"))
    module.f("Cookie: a", 7)

    (shown,) = registry.buffer.recent()
    assert shown.arguments == ["user='Cookie: *****'", "n=7"]
    assert shown.result == "'token of Cookie: *****'"


def test_elapsed_time_stands_in_the_second_event(registry: Registry) -> None:
    woven(registry, "around", "TraceElapsedTimeAction").f("alice", 7)

    before, after = (event.payload or {} for event in registry.buffer.recent())
    assert before["phase"] == "before"
    assert after["phase"] == "after"
    assert after["elapsed_ns"] > 0


def test_error_of_the_call_stands_in_the_event_after_it(registry: Registry) -> None:
    module = woven(registry, "around", "TraceElapsedTimeAction")

    with pytest.raises(TypeError):
        module.f(1, 2)

    assert (registry.buffer.recent()[-1].payload or {})["error"] == "TypeError"
