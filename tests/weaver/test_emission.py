"""What events say, and that it is read no oftener than it changes."""

from collections.abc import Callable, Iterator, Mapping
from contextvars import Context
from typing import Any

from tests.weaver.targets import Recording, make_module, make_registry, monitor
from weaver import context
from weaver.dye import mask_of
from weaver.event import Event, Origin
from weaver.registry import Registry

SOURCE = """
from __future__ import annotations
class Servlet:
    def serve(self, request: Request, *rest: str) -> int | None: ...
    @classmethod
    def make(cls): ...
def f(x): ...
"""


class Facts(Mapping[str, object]):
    """Facts that count how often they are read."""

    def __init__(self, **values: object) -> None:
        self.values = values  # type: ignore[assignment,method-assign]
        self.read = 0

    def __getitem__(self, name: str) -> object:
        self.read += 1
        found: dict[str, object] = self.values  # type: ignore[assignment]
        return found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.values))  # type: ignore[call-overload]

    def __len__(self) -> int:
        return len(self.values)  # type: ignore[arg-type]


def watched() -> tuple[Registry, Any]:
    module = make_module(SOURCE)
    registry = make_registry(Recording())
    registry.add(monitor("M", "within(woven_target)"))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)
    return registry, module


def in_message(facts: Mapping[str, object], function: Callable[[], object]) -> None:
    def message() -> None:
        tokens = context.begin(1, facts)
        function()
        context.end(tokens)

    Context().run(message)


def test_facts_with_columns_of_their_own_stand_there_and_the_rest_in_the_context_payload() -> None:
    registry, module = watched()

    in_message({"transaction_id": "z9", "user_id": "alice", "user_source": "From", "status": 200}, lambda: module.f(1))

    (event,) = registry.buffer.recent()
    assert (event.transaction_id, event.user_id) == ("z9", "alice")
    assert event.context_payload == {"user_source": "From", "status": 200}


def test_event_outside_of_any_message_has_neither() -> None:
    registry, module = watched()

    module.f(1)

    (event,) = registry.buffer.recent()
    assert (event.context_id, event.transaction_id, event.user_id, event.context_payload) == (None,) * 4
    assert (event.dyes, event.payload) == (0, {"phase": "before", "dyes": []})


def test_process_and_task_are_told() -> None:
    registry, module = watched()
    registry.buffer.origin = Origin("lab", "node-a", lambda: "worker 7")

    module.f(1)

    (event,) = registry.buffer.recent()
    assert (event.domain, event.server, event.thread) == ("lab", "node-a", "worker 7")


def test_descriptor_has_the_types_that_are_written() -> None:
    registry, module = watched()

    module.Servlet().serve(None)
    module.Servlet.make()
    module.f(1)

    assert [(event.method_descriptor, event.class_name) for event in registry.buffer.recent()] == [
        ("(self, request: Request, rest: str) -> int | None", "Servlet"),
        ("(cls)", "Servlet"),
        ("(x)", None),
    ]


def test_facts_are_read_once_for_all_events_of_a_message() -> None:
    registry, module = watched()
    facts = Facts(status=200)

    in_message(facts, lambda: [module.f(1) for _ in range(5)])

    events = registry.buffer.recent()
    assert (len(events), facts.read) == (5, 1)
    assert all(event.context_payload is events[0].context_payload for event in events)
    assert all(event.payload is events[0].payload for event in events)


def test_facts_that_are_noted_and_dyes_that_are_set_meanwhile_are_told_from_then_on() -> None:
    registry, module = watched()

    def work() -> None:
        module.f(1)
        found = context.current_context.get()
        assert found is not None
        found.note(user_id="alice")
        module.f(2)
        context.redye(found, found.vector | mask_of(["USER1"]))
        module.f(3)

    in_message({}, work)

    first, second, third = registry.buffer.recent()
    assert (first.user_id, second.user_id, third.user_id) == (None, "alice", "alice")
    assert ([*dyes(second)], [*dyes(third)]) == (["ADDR1"], ["ADDR1", "USER1"])
    assert first.context_id == third.context_id


def dyes(event: Event) -> list[str]:
    found: list[str] = (event.payload or {})["dyes"]
    return found


def test_payload_of_an_action_is_its_events_alone() -> None:
    class Saying(Recording):
        def run(self, invocation: Any) -> Mapping[str, Any]:
            return {"arguments": ["1"], "result": "2", "seen": len(self.seen)}

    module = make_module(SOURCE)
    registry = make_registry(Saying())
    registry.add(monitor("M", "within(woven_target)"))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)

    in_message({}, lambda: module.f(1))

    (event,) = registry.buffer.recent()
    assert (event.arguments, event.result) == (["1"], "2")
    assert event.payload == {"phase": "before", "seen": 0, "dyes": ["ADDR1"]}


def test_action_that_returns_no_table_is_told_so(caplog: Any) -> None:
    class Lists(Recording):
        def run(self, invocation: Any) -> Any:
            return ["no table"]

    registry, module = make_registry(Lists()), make_module(SOURCE)
    registry.add(monitor("M", "within(woven_target)"))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)

    module.f(1)
    registry.set("M", enabled=False)

    assert registry.get("M")["counters"]["errors"] == 1
    assert "Recording returns a table for its event, or nothing, and no list" in caplog.text


def test_text_that_travels_with_the_context_is_told() -> None:
    registry, module = watched()

    def message() -> None:
        tokens = context.begin(0, {"status": 1}, "order 17")
        module.f(1)
        context.end(tokens)

    Context().run(message)

    assert registry.buffer.recent()[0].context_payload == {"status": 1, "payload": "order 17"}


def test_event_that_the_rate_forbids_is_counted_by_reason(monkeypatch: Any) -> None:
    monkeypatch.setattr("weaver.emission.time_ns", lambda: 7_000_000_000)
    registry, module = watched()

    for _ in range(1_003):
        module.f(1)

    found = registry.buffer.statistics()
    assert (found.emitted, found.dropped) == (1_000, {"overwritten": 900, "rate": 3})


def test_facts_with_secret_names_are_hidden_and_those_that_have_no_room_are_cut() -> None:
    registry, module = watched()

    in_message({"password": "hunter2", **{f"f{number}": "x" for number in range(100)}}, lambda: module.f(1))

    (event,) = registry.buffer.recent()
    assert "hunter2" not in str(event.context_payload)
    assert len(event.context_payload or {}) <= 21
    assert (event.payload or {})["cut"] is True
    assert registry.get("M")["counters"]["cut"] == 1
