"""The methods over a registry."""

from typing import Any

import pytest

from tests.weaver.management.fakes import FakeRegistry, event
from weaver.errors import InvalidAttributeError
from weaver.event import EventBuffer
from weaver.management.methods import standard_methods
from weaver.management.roles import Role
from weaver.management.rpc import RegisteredMethod, RpcError


def call(
    method: str, registry: FakeRegistry | None = None, /, *, events: EventBuffer | None = None, **params: Any
) -> Any:
    return standard_methods(registry or FakeRegistry(), events or EventBuffer())[method].function(params)


def test_list_and_get_return_the_status() -> None:
    assert [status["name"] for status in call("monitor.list")] == ["Before_Send", "Before_Service"]
    assert call("monitor.get", name="Before_Send")["enabled"] is False


def test_set_returns_new_status_and_old_values() -> None:
    registry = FakeRegistry()

    result = call("monitor.set", registry, name="Before_Send", attributes={"enabled": True}, reason="ticket 1")

    assert (result["enabled"], result["old"], result["reason"]) == (True, {"enabled": False}, "ticket 1")
    assert registry.get("Before_Send")["enabled"] is True


@pytest.mark.parametrize("name", ["Before_Sned", "before_send", "send"])
def test_unknown_monitor_comes_with_near_names(name: str) -> None:
    for method, params in (("monitor.get", {}), ("monitor.set", {"attributes": {"enabled": True}})):
        with pytest.raises(RpcError) as caught:
            call(method, name=name, **params)

        assert caught.value.code == -32002
        assert "Before_Send" in caught.value.did_you_mean


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, "nothing to set"),
        ({"enabld": True}, "did you mean 'enabled'"),
        ({"name": "x"}, "'name' cannot be set; these can: enabled"),
        ({"self": 1}, "cannot be set"),
        ({"dye_mask": ["SIP_RQ"]}, "no dye flag"),
    ],
)
def test_attributes_that_cannot_be_set_are_named(attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidAttributeError, match=words):
        call("monitor.set", name="Before_Send", attributes=attributes)


def test_parameter_that_set_does_not_have_is_refused() -> None:
    with pytest.raises(RpcError, match="no parameter 'hits'; this method takes: name, attributes, reason, ttl"):
        call("monitor.set", name="Before_Send", attributes={"enabled": True}, hits=60)


def test_recent_returns_the_last_events_of_a_monitor() -> None:
    events = EventBuffer()
    for number in range(4):
        events.emit(event(number, monitor="Before_Send" if number % 2 else "Before_Service"))

    assert [found.record_id for found in call("event.recent", events=events, limit=3)] == [1, 2, 3]
    assert [found.record_id for found in call("event.recent", events=events, monitor="Before_Send")] == [1, 3]
    with pytest.raises(RpcError, match="1 to 1000"):
        call("event.recent", events=events, limit=0)


def test_reading_is_for_viewers_and_writing_for_operators() -> None:
    roles = {
        name: method.role
        for name, method in standard_methods(FakeRegistry(), EventBuffer()).items()
        if isinstance(method, RegisteredMethod)
    }

    assert [name for name, role in roles.items() if role > Role.VIEWER] == [
        "monitor.set",
        "monitor.add",
        "monitor.remove",
        "change.undo",
    ]
    assert len(roles) == 13
