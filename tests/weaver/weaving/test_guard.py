import argparse
import email.message
import inspect
import json.decoder
import json.encoder
import traceback
import types
from collections.abc import Generator
from types import CodeType
from typing import Any

import pytest

from weaver.weaving import Advice, Gate, Guard, selftest, weave
from weaver.weaving.assembler import decode, encode
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


def codes(code: CodeType) -> list[CodeType]:
    inner = [c for constant in code.co_consts if isinstance(constant, CodeType) for c in codes(constant)]
    return [code, *inner]


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


@pytest.mark.parametrize("module", [json.decoder, json.encoder, email.message, argparse])
def test_woven_library_code_is_sound_and_plain_code_comes_back_the_same(module: Any) -> None:
    source = inspect.getsource(module)
    advice = Advice(len, max, min, Guard(Gate(), list, "m0"))
    for code in codes(compile(source, module.__file__, "exec")):
        again = encode(decode(code), code)
        assert (again.co_code, again.co_exceptiontable) == (code.co_code, code.co_exceptiontable)
        assert list(again.co_positions()) == list(code.co_positions())
        assert verify(code) == []
        assert verify(weave(code, advice)) == [], code.co_qualname
