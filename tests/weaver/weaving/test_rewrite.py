import importlib.util
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from bytecode import ConcreteBytecode

from tests.weaver.weaving import places_samples as samples
from weaver.weaving import Advice, Gate, Guard, weave
from weaver.weaving.places import find_places
from weaver.weaving.rewrite import PlacedAdvice, rewrite
from weaver.weaving.symbolic import Instruction, decode, encode
from weaver.weaving.verify import verify

ALL = frozenset({"call", "get", "set", "handler"})
STATES = ["no guard", "gate off", "not matching", "matching"]


class Slot:
    m0 = False


class Witness:
    """Advice that writes down what reaches it."""

    def __init__(self, state: str = "no guard") -> None:
        self.seen: list[Any] = []
        slot = Slot()
        slot.m0 = state == "matching"
        guard = None if state == "no guard" else Guard(Gate(on=state != "gate off"), lambda: slot, "m0")
        self.advice = Advice(self._enter, self._exit, self._throw, guard)

    def _enter(self, *arguments: object) -> None:
        self.seen.append(("enter", *arguments))

    def _exit(self, token: object, value: object) -> object:
        self.seen.append(("exit", value))
        return value

    def _throw(self, token: object, error: BaseException) -> None:
        self.seen.append(("throw", type(error)))


def woven(function: Any, witness: Witness, *kinds: str, execution: bool = False) -> Any:
    code = function.__code__
    places = find_places(code, frozenset(kinds) or ALL)
    code = rewrite(code, [PlacedAdvice(place.kind, place.at, witness.advice) for place in places])
    if execution:
        code = weave(code, witness.advice)
    assert verify(code) == []
    ConcreteBytecode.from_code(code)
    return with_code(function, code)


def with_code(function: Any, code: CodeType) -> Any:
    made = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def raise_(error: BaseException) -> Callable[[], int]:
    def raising() -> int:
        raise error

    return raising


def drive(made: Iterator[int]) -> list[int]:
    return [next(made), next(made), made.send(5)]  # type: ignore[attr-defined]


USES: dict[str, tuple[Any, Callable[[Any], object]]] = {
    "global": (samples.calls_global, lambda f: f(1)),
    "nested": (samples.calls_nested, lambda f: (f(0), f(1))),
    "method": (samples.calls_method, lambda f: (f(samples.Phone("a")), f(samples.Mobile("b")))),
    "spread": (samples.calls_spread, lambda f: f(samples.Phone("a"), (1,), {"loud": True})),
    "module": (samples.calls_module, lambda f: f("a")),
    "class": (samples.calls_class, lambda f: f("a")),
    "unbound": (samples.calls_unbound, lambda f: f(samples.Phone("a"))),
    "self": (samples.Phone.twice, lambda f: f(samples.Phone("a"))),
    "super": (samples.Mobile.ring, lambda f: f(samples.Mobile("a"), 2)),
    "comprehension": (samples.calls_in_loop, lambda f: f(3)),
    "failing": (samples.calls_failing, lambda f: f(1)),
    "failing method": (samples.calls_failing_method, lambda f: f(samples.Phone("a"))),
    "missing": (samples.calls_missing, lambda f: f(samples.Phone("a"))),
    "wrong arguments": (samples.calls_method, lambda f: f(3)),
    "frame reader": (samples.calls_frame_reader, lambda f: f(1)),
    "frame readers": (samples.calls_what_reads_frames, lambda f: f()),
    "with": (samples.calls_with_lock, lambda f: f(threading.Lock())),
    "item": (samples.calls_item, lambda f: f({"x": abs})),
    "generator": (samples.calls_later, lambda f: drive(f(1))),
    "reads": (samples.reads, lambda f: f(samples.Phone("a"))),
    "reads missing": (samples.reads_missing, lambda f: f(samples.Phone("a"))),
    "writes": (samples.writes, lambda f: f(samples.Phone("a"), "b")),
    "writes refused": (samples.writes_refused, lambda f: f(3)),
    "handles two": (samples.handles, lambda f: (f(raise_(KeyError(1))), f(raise_(ValueError(2))))),
    "handles one": (samples.handles, lambda f: f(raise_(OSError()))),
    "handles none": (samples.handles, lambda f: f(int)),
    "handles not": (samples.handles, lambda f: f(raise_(TypeError()))),
    "handles what has no name": (
        samples.handles_what_has_no_name,
        lambda f: (f(raise_(KeyError())), f(raise_(OSError()))),
    ),
    "handles group": (samples.handles_group, lambda f: f(raise_(ExceptionGroup("", [KeyError(1), ValueError(2)])))),
}


def outcome(use: Callable[[Any], object], function: Any) -> object:
    try:
        return use(function)
    except Exception as error:
        places = [(p.name, p.lineno, p.colno) for p in traceback.extract_tb(error.__traceback__)]
        return type(error), str(error), places, type(error.__context__)


@pytest.mark.parametrize("execution", [False, True])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", USES)
def test_woven_places_change_nothing_of_result_error_or_traceback(name: str, state: str, execution: bool) -> None:
    function, use = USES[name]
    plain = with_code(function, function.__code__)
    witness = Witness(state)

    assert outcome(use, woven(function, witness, execution=execution)) == outcome(use, plain)
    if state in {"gate off", "not matching"}:
        assert witness.seen == []


def seen(name: str, *kinds: str) -> list[Any]:
    function, use = USES[name]
    witness = Witness("matching")
    outcome(use, woven(function, witness, *kinds))
    return witness.seen


def test_advice_of_a_call_gets_arguments_and_result() -> None:
    assert seen("global", "call") == [("enter", None, None, 1), ("exit", 2)] * 2


def test_advice_of_nested_calls_runs_in_their_order() -> None:
    assert [one[-1] for one in seen("nested", "call")[:6]] == [1, 2, 2, 3, 3, 4]


def test_advice_of_a_method_call_gets_the_receiver() -> None:
    entered = [one for one in seen("method", "call") if one[0] == "enter"]

    assert [(this, type(receiver), rest) for _, this, receiver, *rest in entered] == [
        (None, samples.Phone, [3, True]),
        (None, samples.Mobile, [3, True]),
    ]


def test_advice_of_a_call_in_a_method_gets_the_object_it_runs_on() -> None:
    entered = seen("self", "call")[0]

    assert type(entered[1]) is samples.Phone
    assert entered[1] is entered[2]
    assert entered[3:] == (2, True)


def test_advice_of_a_super_call_gets_the_object_itself() -> None:
    entered = [one for one in seen("super", "call") if one[0] == "enter"][-1]

    assert type(entered[2]) is samples.Mobile


def test_advice_of_a_failing_call_gets_the_error() -> None:
    assert seen("failing", "call") == [("enter", None, None, 1), ("throw", ValueError)]


@pytest.mark.parametrize("name", ["old", "calls_what_warns", "reads_what_warns", "writes_what_warns"])
def test_warning_of_a_callee_names_the_code_that_calls(name: str) -> None:
    function = getattr(samples, name)
    arguments = [1] * function.__code__.co_argcount

    def told(made: Any) -> list[tuple[str, int]]:
        with warnings.catch_warnings(record=True, action="always") as caught:
            made(*arguments)
        return [(one.filename, one.lineno) for one in caught]

    assert told(woven(function, Witness("matching"))) == told(function)
    assert len(told(function)) == 1


def test_callee_finds_the_module_of_the_code_that_calls() -> None:
    made = woven(samples.calls_what_finds_its_module, Witness("matching"), "call")()

    assert made.__module__ == samples.__name__


def test_advice_of_reads_and_writes_gets_receiver_and_value() -> None:
    reads, writes = seen("reads", "get"), seen("writes", "set")

    assert [one[0] for one in reads] == ["enter", "exit"] * 2
    assert [one[1] for one in reads if one[0] == "exit"] == ["a", "100"]
    assert [one[3] for one in writes if one[0] == "enter"] == ["b", "b!"]
    assert seen("writes refused", "set")[1] == ("throw", AttributeError)


def test_advice_of_a_handler_gets_the_exception() -> None:
    caught = [one for one in seen("handles two", "handler") if one[0] == "enter"]

    assert [type(one[2]) for one in caught] == [KeyError, KeyError, ValueError, ValueError]
    assert len([one for one in seen("handles one", "handler") if one[0] == "enter"]) == 1
    assert seen("handles none", "handler") == []
    assert [type(one[2]) for one in seen("handles group", "handler")[::2]] == [ExceptionGroup] * 2


FAILING = ["failing", "reads missing", "writes refused"]


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("told", [False, True])
def test_error_is_the_plain_one_whatever_advice_makes_of_its_traceback(name: str, told: bool) -> None:
    def forget(token: object, error: BaseException) -> None:
        error.__traceback__ = None

    function, use = USES[name]
    advice = Advice(lambda *values: None, throw=forget if told else None)
    places = find_places(function.__code__, ALL)
    code = rewrite(function.__code__, [PlacedAdvice(place.kind, place.at, advice) for place in places])

    kind, text, frames, _ = outcome(use, with_code(function, code))  # type: ignore[misc]

    plain = outcome(use, function)
    assert (kind, text) == plain[:2]  # type: ignore[index]
    assert told or frames == plain[2]  # type: ignore[index]


def test_jump_to_what_lies_before_it_is_refused_where_it_can_only_go_on() -> None:
    code = samples.helper.__code__
    assembly = decode(code)
    assembly.instructions.insert(-1, Instruction("JUMP_FORWARD").jump_to(assembly.instructions[0]))

    with pytest.raises(ValueError, match="JUMP_FORWARD jumps the wrong way"):
        encode(assembly, code)


def test_place_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no such place"):
        rewrite(samples.helper.__code__, [PlacedAdvice("call", 99, Witness().advice)])


def test_no_places_leave_the_code_object_alone() -> None:
    code = samples.helper.__code__

    assert rewrite(code, []) is code


def test_line_events_are_those_of_the_plain_function() -> None:
    function, use = USES["nested"]
    plain, _ = lines(function, use), None

    assert lines(woven(function, Witness("matching")), use) == plain
    assert lines(woven(function, Witness("gate off")), use) == plain


def lines(function: Any, use: Callable[[Any], object]) -> list[int]:
    found: list[int] = []
    before = sys.gettrace()

    def trace(frame: Any, event: str, argument: object) -> Any:
        if frame.f_code is function.__code__ and event == "line":
            found.append(frame.f_lineno)
        return trace

    sys.settrace(trace)
    try:
        use(function)
    finally:
        sys.settrace(before)
    return found


def codes_of(module: str) -> Iterator[CodeType]:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    waiting = [compile(Path(spec.origin).read_bytes(), spec.origin, "exec")]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [one for one in code.co_consts if isinstance(one, CodeType)]


@pytest.mark.slow
@pytest.mark.parametrize("module", ["asyncio.base_events", "contextlib", "http.client", "zipfile", "test.test_patma"])
@pytest.mark.parametrize("state", ["no guard", "matching"])
def test_every_place_of_a_module_gives_sound_code(module: str, state: str) -> None:
    advice, counted = Witness(state).advice, 0

    for code in codes_of(module):
        places = find_places(code, ALL)
        made = rewrite(code, [PlacedAdvice(place.kind, place.at, advice) for place in places])
        assert verify(made) == [], code.co_qualname
        assert verify(weave(made, advice)) == [], code.co_qualname
        unchanged = encode(decode(code), code)
        assert list(unchanged.co_positions()) == list(code.co_positions())
        assert unchanged.co_exceptiontable == code.co_exceptiontable
        counted += len(places)

    assert counted > 100
