import contextlib
import inspect
import sys
import traceback
import types
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest

from weaver.weaving import Advice, Gate, Guard, selftest, weave
from weaver.weaving.assembler import Row, exception_table, instruction
from weaver.weaving.verify import verify


class Recorder:
    def __init__(self) -> None:
        self.log: list[tuple[str, object]] = []

    def enter(self, *arguments: object) -> object:
        self.log.append(("enter", arguments))
        return "token"

    def exit(self, token: object, value: object) -> object:
        self.log.append(("exit", value))
        assert token == "token"
        return value

    def throw(self, token: object, error: BaseException) -> None:
        self.log.append(("throw", type(error)))
        assert token == "token"


class Slots:
    m0 = False


def advice_of(recorder: Recorder, guard: Guard | None = None) -> Advice:
    return Advice(recorder.enter, recorder.exit, recorder.throw, guard)


def plain(a: int, /, b: int = 2, *rest: int, c: int = 4, **more: int) -> Any:
    """Say so."""
    try:
        return a // b, rest, c, more
    finally:
        b = 0


def generator(n: int) -> Generator[int, int, str]:
    try:
        for i in range(n):
            yield i
    except ValueError:
        yield -1
    return "done"


def closure(n: int) -> Any:
    def inner(m: int) -> int:
        return n + m

    return inner


def swapped(function: Any, advice: Advice) -> Any:
    return types.FunctionType(
        weave(function.__code__, advice),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


def test_selftest_passes_here() -> None:
    assert selftest() is None


def test_arguments_result_and_exception_reach_the_advice() -> None:
    recorder = Recorder()
    woven = swapped(plain, advice_of(recorder))
    woven.__kwdefaults__ = plain.__kwdefaults__

    assert woven(7, 2, 3, x=5) == plain(7, 2, 3, x=5)
    with pytest.raises(ZeroDivisionError):
        woven(1, 0)

    assert recorder.log == [
        ("enter", (7, 2, 4, (3,), {"x": 5})),
        ("exit", (3, (3,), 4, {"x": 5})),
        ("enter", (1, 0, 4, (), {})),
        ("throw", ZeroDivisionError),
    ]


def test_generator_is_entered_once_and_left_once() -> None:
    recorder = Recorder()
    woven = swapped(generator, advice_of(recorder))

    values = list(woven(2))
    closed = woven(2)
    next(closed)
    closed.close()
    thrown = woven(2)
    next(thrown)

    assert values == [0, 1]
    assert thrown.throw(ValueError()) == -1
    kinds = [kind for kind, _ in recorder.log]
    assert kinds == ["enter", "exit", "enter", "throw", "enter"]
    assert recorder.log[1] == ("exit", "done")
    assert recorder.log[3] == ("throw", GeneratorExit)


def test_gate_and_slot_decide_whether_the_advice_runs() -> None:
    recorder, gate, slots = Recorder(), Gate(), Slots()
    woven = swapped(closure(1), advice_of(recorder, Guard(gate, lambda: slots, "m0")))

    results = [woven(1)]
    gate.on = True
    results.append(woven(2))
    slots.m0 = True
    results.append(woven(3))

    assert results == [2, 3, 4]
    assert recorder.log == [("enter", (3,)), ("exit", 4)]


def test_signature_source_lines_and_traceback_stay() -> None:
    woven = swapped(plain, advice_of(Recorder()))
    woven.__kwdefaults__ = plain.__kwdefaults__

    assert inspect.getsource(woven) == inspect.getsource(plain)
    assert woven.__code__.co_varnames == plain.__code__.co_varnames
    lines = []
    for function in (plain, woven):
        try:
            function(1, 0)
        except ZeroDivisionError as error:
            lines.append(traceback.extract_tb(error.__traceback__)[-1].lineno)
    assert lines[0] == lines[1]


def test_coroutine_is_entered_at_its_first_step_and_left_at_its_last() -> None:
    recorder = Recorder()

    async def wait(n: int) -> int:
        return n + 1

    running = swapped(wait, advice_of(recorder))(1)
    before = list(recorder.log)
    with pytest.raises(StopIteration) as stop:
        running.send(None)

    assert before == []
    assert stop.value.value == 2
    assert recorder.log == [("enter", (1,)), ("exit", 2)]
    assert inspect.iscoroutinefunction(swapped(wait, advice_of(recorder)))


def test_asynchronous_generator_is_entered_and_left_once() -> None:
    recorder = Recorder()

    async def numbers() -> AsyncGenerator[int, None]:
        yield 1

    steps = swapped(numbers, advice_of(recorder))()
    with pytest.raises(StopIteration) as first:
        steps.asend(None).send(None)
    with pytest.raises(StopAsyncIteration):
        steps.asend(None).send(None)

    assert first.value.value == 1
    assert [kind for kind, _ in recorder.log] == ["enter", "exit"]


def test_advice_that_only_enters_runs_before_the_body() -> None:
    recorder, slots = Recorder(), Slots()
    guarded = swapped(generator, Advice(recorder.enter, guard=Guard(None, lambda: slots, "m0")))
    always = swapped(plain, Advice(recorder.enter))
    always.__kwdefaults__ = plain.__kwdefaults__

    assert list(guarded(1)) == [0]
    slots.m0 = True
    assert list(guarded(2)) == [0, 1]
    assert always(4) == plain(4)
    assert recorder.log == [("enter", (2,)), ("enter", (4, 2, 4, (), {}))]


def test_advice_without_exit_leaves_the_result_alone() -> None:
    recorder = Recorder()
    woven = swapped(closure(1), Advice(recorder.enter, None, recorder.throw))

    assert woven(1) == 2
    with pytest.raises(TypeError):
        woven("")
    assert [kind for kind, _ in recorder.log] == ["enter", "enter", "throw"]


def test_advice_without_throw_lets_the_error_through() -> None:
    recorder = Recorder()
    woven = swapped(closure(1), Advice(recorder.enter, recorder.exit))

    assert woven(1) == 2
    with pytest.raises(TypeError):
        woven("")
    assert [kind for kind, _ in recorder.log] == ["enter", "exit", "enter"]


def test_error_inside_nested_handlers_reaches_the_body_first() -> None:
    recorder = Recorder()

    def nested(n: int) -> str:
        for _ in range(2):
            try:
                try:
                    return f"{1 // n}"
                except ZeroDivisionError:
                    with contextlib.suppress(KeyError):
                        raise KeyError(n) from None
                    raise ValueError from None
            except ValueError:
                n = 1
        return "never"

    woven = swapped(nested, advice_of(recorder))

    assert [woven(0), woven(1)] == [nested(0), nested(1)] == ["1", "1"]
    assert [kind for kind, _ in recorder.log] == ["enter", "exit"] * 2


def test_parameter_that_is_a_cell_reaches_the_advice() -> None:
    recorder = Recorder()

    def outer(n: int) -> Any:
        return lambda: n

    assert swapped(outer, advice_of(recorder))(7)() == 7
    assert recorder.log[0] == ("enter", (7,))


def test_recursion_without_end_raises_the_same_error_when_woven() -> None:
    def endless(n: int) -> int:
        return int(endless(n + 1)) + 1

    recorder = Recorder()
    endless.__code__ = weave(endless.__code__, advice_of(recorder))

    with pytest.raises(RecursionError):
        endless(0)
    assert recorder.log[0] == ("enter", (0,))


def traced(function: Any, *arguments: Any) -> list[tuple[str, int, list[str]]]:
    """Return what a tracer is told of a call, of this function alone."""
    seen: list[tuple[str, int, list[str]]] = []
    name = function.__code__.co_name

    def tracer(frame: types.FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_name != name:
            return None
        seen.append((event, frame.f_lineno, sorted(frame.f_locals)))
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        function(*arguments)
    except ZeroDivisionError:
        pass
    finally:
        sys.settrace(before)
    return seen


def test_trace_events_and_locals_are_the_same_when_woven() -> None:
    for advice in (advice_of(Recorder()), Advice(Recorder().enter), advice_of(Recorder(), Guard(Gate(), list, "m0"))):
        woven = swapped(plain, advice)
        woven.__kwdefaults__ = plain.__kwdefaults__
        assert traced(woven, 1, 0) == traced(plain, 1, 0) != []


def test_loop_with_which_a_body_begins_is_told_to_a_tracer_once() -> None:
    def loop(numbers: list[int]) -> None:
        while numbers:
            if numbers.pop():
                continue

    for advice in (advice_of(Recorder()), advice_of(Recorder(), Guard(Gate(), list, "m0"))):
        assert traced(swapped(loop, advice), [1, 0, 2]) == traced(loop, [1, 0, 2]) != []


def test_code_without_a_body_is_refused() -> None:
    code = plain.__code__.replace(co_code=b"", co_linetable=b"", co_exceptiontable=b"")

    with pytest.raises(ValueError, match="there is no RESUME"):
        weave(code, advice_of(Recorder()))


def test_names_of_the_guard_may_be_names_of_the_function_too() -> None:
    recorder, slots = Recorder(), Slots()
    slots.m0 = True

    def reads(thing: Any) -> Any:
        return thing.on, thing.m0

    woven = swapped(reads, advice_of(recorder, Guard(Gate(True), lambda: slots, "m0")))

    assert woven(types.SimpleNamespace(on=1, m0=2)) == (1, 2)
    assert [kind for kind, _ in recorder.log] == ["enter", "exit"]


def test_handler_that_reaches_to_the_end_of_the_code_does_not_cover_the_advice() -> None:
    code = (lambda x: x).__code__
    steps = [instruction(name) for name in ("RESUME", "LOAD_FAST", "RETURN_VALUE", "PUSH_EXC_INFO", "RERAISE")]
    rows = [Row(1, 5, 3, 0, False)]
    original = code.replace(
        co_code=b"".join(steps), co_exceptiontable=exception_table(rows), co_linetable=b"\xfc", co_stacksize=9
    )

    woven = weave(original, advice_of(Recorder()))

    assert verify(original) == verify(woven) == []


def test_advice_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no advice"):
        weave(plain.__code__, Advice())
