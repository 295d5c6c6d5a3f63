import logging
import traceback
from contextvars import Context

import pytest

from tests.weaver.targets import Around, Failing, Recording, make_module, make_registry, monitor
from weaver import context
from weaver.dye import mask_of
from weaver.faults import FRAMES
from weaver.joinpoint import Invocation
from weaver.limits import DEFAULT

SERVLETS = """
class Servlet:
    def service(self, message):
        return self.do_invite(message)
    def do_invite(self, message):
        self.do_helper()
        return message
    def do_helper(self):
        return None
    def forward(self, message, other):
        return message
class First(Servlet):
    pass
class Second(Servlet):
    def do_invite(self, message):
        return super().do_invite(message)
    def service(self, message):
        return super().service(message) if isinstance(message, str) else self.service("inner")
class Other:
    @staticmethod
    def do_static(message):
        return message
"""
SERVICE = "execution(* woven_target.Servlet+.service(..)) or execution(* woven_target.Servlet+.do_*(..))"


def dyed(vector: int, function, *arguments: object) -> object:  # type: ignore[no-untyped-def]
    def message() -> object:
        tokens = context.begin(vector, {"method": "INVITE"})
        try:
            return function(*arguments)
        finally:
            context.end(tokens)

    return Context().run(message)


def test_before_sees_the_arguments_and_after_the_result() -> None:
    before, after = Recording("Before"), Recording("After")
    registry, module = make_registry(before, after), make_module("def f(a, b=2): return a + b\n")
    for name, location in (("Before", "before"), ("After", "after")):
        registry.add(monitor(name, "execution(* woven_target.f(..))", location))  # type: ignore[arg-type]
        registry.set(name, enabled=True, actions=[name])
    registry.on_module(module)

    assert module.f(1) == 3

    assert before.seen[0].arguments == (1, 2)
    assert before.seen[0].argument("b") == 2
    assert after.seen[0].result == 3


def test_around_surrounds_and_takes_the_time() -> None:
    around = Around()
    registry, module = make_registry(around), make_module("def f(n): return 1 // n\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))", "around"))
    registry.set("M", enabled=True, actions=["Around"])
    registry.on_module(module)

    module.f(1)
    with pytest.raises(ZeroDivisionError):
        module.f(0)

    assert around.seen == ["enter", "leave 1", "enter", "raised"]


def test_error_of_the_call_keeps_its_traceback() -> None:
    registry, module = make_registry(Around()), make_module("def f(n):\n    return 1 // n\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))", "around"))
    registry.set("M", enabled=True, actions=["Around"])
    registry.on_module(module)

    with pytest.raises(ZeroDivisionError) as caught:
        module.f(0)

    frames = traceback.extract_tb(caught.tb)
    assert [(frame.name, frame.lineno) for frame in frames[1:]] == [("f", 2)]


@pytest.mark.parametrize(("vector", "fires"), [(["ADDR1"], 0), (["ADDR1", "SIP_REQ"], 1), ([], 0)])
def test_monitor_fires_only_when_its_whole_mask_is_set(vector: list[str], fires: int) -> None:
    action = Recording()
    registry, module = make_registry(action), make_module("def f(): return 1\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Recording"], dye_mask=["ADDR1", "SIP_REQ"])
    registry.on_module(module)

    assert dyed(mask_of(vector), module.f) == 1

    assert len(action.seen) == fires


def test_without_a_context_masked_monitors_stay_silent_and_others_fire() -> None:
    masked, free = Recording("Masked"), Recording("Free")
    registry, module = make_registry(masked, free), make_module("def f(): return 1\n")
    for name, mask in (("Masked", ["ADDR1"]), ("Free", [])):
        registry.add(monitor(name, "execution(* woven_target.f(..))"))
        registry.set(name, enabled=True, actions=[name], dye_mask=mask)
    registry.on_module(module)

    Context().run(module.f)

    assert (len(masked.seen), len(free.seen)) == (0, 1)


def test_two_masks_at_one_joinpoint_cost_undyed_calls_nothing_and_fire_each_by_its_own() -> None:
    actions = Recording("A"), Recording("B")
    registry, module = make_registry(*actions), make_module("def f(): return 1\n")
    for name, mask in (("A", "ADDR1"), ("B", "SIP_REQ")):
        registry.add(monitor(name, "execution(* woven_target.f(..))"))
        registry.set(name, enabled=True, actions=[name], dye_mask=[mask])
    registry.on_module(module)

    dyed(mask_of(["ADDR2"]), module.f)
    assert registry.get("A")["counters"]["reached"] == 0

    dyed(mask_of(["SIP_REQ"]), module.f)
    assert [len(action.seen) for action in actions] == [0, 1]


def test_filtering_off_fires_for_every_message() -> None:
    action = Recording()
    registry, module = make_registry(action), make_module("def f(): return 1\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Recording"], dye_mask=["ADDR1"], dye_filtering=False)
    registry.on_module(module)

    Context().run(module.f)

    assert len(action.seen) == 1


def test_servlet_fires_once_for_a_message_at_the_outermost_frame() -> None:
    action = Recording()
    registry, module = make_registry(action), make_module(SERVLETS)
    registry.add(monitor("M", SERVICE, outermost=True))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)

    module.First().service("invite")
    assert [invocation.shadow.name for invocation in action.seen] == ["service"]

    module.First().do_invite("invite")
    assert [invocation.shadow.name for invocation in action.seen] == ["service", "do_invite"]


def test_servlet_fires_again_for_another_message_inside_the_first() -> None:
    action = Recording()
    registry, module = make_registry(action), make_module(SERVLETS)
    registry.add(monitor("M", SERVICE, outermost=True))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)

    assert module.Second().service(7) == "inner"

    assert [invocation.argument("message") for invocation in action.seen] == [7, "inner"]


@pytest.mark.parametrize(
    ("restriction", "served"),
    [
        ({"includes": ["woven_target.First"]}, ["First"]),
        ({"excludes": ["*.First"]}, ["Second"]),
        ({"includes": ["woven_target"]}, ["First", "Second"]),
        ({"includes": ["woven_target"], "excludes": ["woven_target.Sec*"]}, ["First"]),
        ({"includes": ["woven_targ"]}, []),
    ],
)
def test_monitor_can_be_kept_to_some_classes_where_the_method_is_inherited(
    restriction: dict[str, list[str]], served: list[str]
) -> None:
    action = Recording()
    registry, module = make_registry(action), make_module(SERVLETS)
    registry.add(monitor("M", SERVICE, outermost=True))
    registry.set("M", enabled=True, actions=["Recording"], **restriction)
    registry.on_module(module)

    module.First().service("a")
    module.Second().service("b")

    assert [type(invocation.arguments[0]).__name__ for invocation in action.seen] == served


def test_action_that_raises_hurts_no_call_and_is_switched_off(caplog: pytest.LogCaptureFixture) -> None:
    action = Failing("Failing")
    registry, module = make_registry(action), make_module("def f(): return 1\n")
    original = module.f.__code__
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Failing"])
    registry.on_module(module)

    with caplog.at_level(logging.ERROR):
        assert [module.f() for _ in range(20)] == [1] * 20

    status = registry.get("M")
    assert not status["enabled"]
    assert status["counters"]["errors"] == len(action.seen) == DEFAULT.errors
    assert "switched off" in status["notice"]
    assert len(caplog.records) == 1
    assert module.f.__code__ is original


def test_error_of_a_deep_recursion_is_told_with_its_last_frames(caplog: pytest.LogCaptureFixture) -> None:
    class Recursing(Recording):
        def run(self, invocation: Invocation) -> None:
            self.run(invocation)

    registry, module = make_registry(Recursing()), make_module("def f(): return 1\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)

    assert module.f() == 1

    (record,) = caplog.records
    assert record.exc_info is not None
    assert len(traceback.extract_tb(record.exc_info[2])) == FRAMES


def test_action_that_raises_is_switched_off_though_another_one_works() -> None:
    registry, module = make_registry(Failing("Failing"), Recording()), make_module("def f(): return 1\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Failing", "Recording"])
    registry.on_module(module)

    for _ in range(DEFAULT.errors):
        module.f()

    assert registry.get("M")["enabled"] is False


def test_monitor_that_was_switched_off_can_be_switched_on_again() -> None:
    registry, module = make_registry(Failing("Failing")), make_module("def f(): return 1\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Failing"])
    registry.on_module(module)
    for _ in range(DEFAULT.errors):
        module.f()

    assert registry.set("M", enabled=True)["notice"] == ""
    module.f()

    assert registry.get("M")["enabled"] is True
    assert registry.get("M")["counters"]["errors"] == DEFAULT.errors + 1


def test_advice_does_not_trigger_advice() -> None:
    module = make_module("def f(): return 1\n")

    class Calling(Recording):
        def run(self, invocation: Invocation) -> dict[str, object]:
            self.seen.append(invocation)
            module.f()
            return {}

    action = Calling("Calling")
    registry = make_registry(action)
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Calling"])
    registry.on_module(module)

    module.f()

    assert len(action.seen) == 1


def test_event_tells_where_and_of_which_message() -> None:
    registry, module = make_registry(Recording()), make_module(SERVLETS)
    registry.add(monitor("M", "execution(* woven_target.Servlet+.service(..))"))
    registry.set("M", enabled=True, actions=["Recording"], dye_mask=["ADDR1"])
    registry.on_module(module)

    dyed(mask_of(["ADDR1", "PROTOCOL_SIP"]), module.First().service, "invite")

    (event,) = registry.buffer.recent()
    assert (event.monitor, event.type, event.class_name, event.method) == ("M", "Recording", "First", "service")
    assert (event.module, event.filename, event.line) == ("woven_target", "woven_target.py", 3)
    assert event.context_payload == {"method": "INVITE"}
    assert event.context_id
    assert event.payload == {"phase": "before", "dyes": ["ADDR1", "PROTOCOL_SIP"]}
    assert event.dyes == mask_of(["ADDR1", "PROTOCOL_SIP"])


def test_event_of_a_static_method_names_the_class_it_stands_in() -> None:
    registry, module = make_registry(Recording()), make_module(SERVLETS)
    registry.add(monitor("M", "execution(* woven_target.Other.do_static(..))"))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)

    module.Other.do_static("text")

    assert registry.buffer.recent()[0].class_name == "woven_target.Other"


def test_facts_that_are_no_clean_text_are_made_so() -> None:
    registry, module = make_registry(Recording()), make_module("def f(): return 1\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)

    def message() -> None:
        tokens = context.begin(0, {"call_id": "a\udcffb", "long": "x" * 99_999})
        module.f()
        context.end(tokens)

    Context().run(message)

    payload = registry.buffer.recent()[0].context_payload or {}
    assert payload["call_id"] == "a\\udcffb"
    assert len(payload["long"]) < 1_000


def test_events_above_the_rate_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weaver.emission.time_ns", lambda: 7_000_000_000)
    registry, module = make_registry(Recording()), make_module("def f(): return 1\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)

    for _ in range(DEFAULT.rate + 5):
        module.f()

    counters = registry.get("M")["counters"]
    assert (counters["fired"], counters["emitted"], counters["dropped"]) == (DEFAULT.rate + 5, DEFAULT.rate, 5)


@pytest.mark.parametrize(
    ("limits", "hang_ms", "time_ms"),
    [({}, 700, 700), ({"hang_ms": 20}, 20, 700), ({"hang_ms": 0, "time_ms": 9}, 0, 9), ({"rate": 5}, 700, 700)],
)
def test_action_that_takes_long_has_its_time_unless_its_monitor_says_otherwise(
    limits: dict[str, int], hang_ms: int, time_ms: int
) -> None:
    class Long(Recording):
        hang_ms = 700

    registry = make_registry(Long())
    registry.add(monitor("M", "execution(* woven_target.f(..))"))

    registry.set("M", enabled=True, actions=["Recording"], limits=limits)

    made = registry._monitors["M"]
    assert (made.hang_ns, made.allowance.limits.time_ms) == (hang_ms * 1_000_000, time_ms)
