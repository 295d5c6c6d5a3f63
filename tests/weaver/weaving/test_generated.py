"""Generated functions behave the same when they are woven: results, errors and their places, protocols, trace events.

``EXPLORE_EXAMPLES`` sets how many functions are generated.
"""

import os
from functools import partial
from types import CodeType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.weaver.weaving.behaviour import observe
from tests.weaver.weaving.programs import Program, programs
from tests.weaver.weaving.soundness import faults
from weaver.weaving import Advice, Gate, Guard, weave
from weaver.weaving.assembler import decode, particular

EXAMPLES = int(os.environ.get("EXPLORE_EXAMPLES", "60"))


class Slots:
    def __init__(self, m0: bool) -> None:
        self.m0 = m0


class Balance:
    """Advice that counts how often it was entered and left."""

    def __init__(self) -> None:
        self.entered = 0
        self.left = 0

    def enter(self, *arguments: object) -> object:
        self.entered += 1
        return arguments

    def exit(self, token: object, value: object) -> object:
        self.left += isinstance(token, tuple)
        return value

    def throw(self, token: object, error: BaseException) -> None:
        self.left += isinstance(token, tuple) and isinstance(error, BaseException)


def shapes(balance: Balance) -> dict[str, Advice]:
    full: tuple[Any, Any, Any] = balance.enter, balance.exit, balance.throw
    match, mismatch = (Guard(Gate(True), partial(Slots, on), "m0") for on in (True, False))
    return {
        "match": Advice(*full, match),
        "mismatch": Advice(*full, mismatch),
        "gate shut": Advice(*full, Guard(Gate(False), list, "m0")),
        "no guard": Advice(*full),
        "only throw": Advice(balance.enter, None, balance.throw),
        "only enter": Advice(balance.enter, guard=match),
    }


ADVISED = ("match", "no guard", "only throw")


def without_short_close(code: CodeType) -> CodeType:
    """Return code whose generator runs when it is closed, although nothing in it wants to know.

    CPython 3.13 spares itself that, and with it the events of tracing; where advice is told of the end it has to run.
    """
    data = bytearray(code.co_code)
    for one in decode(code.co_code):
        change = particular.UNDER_ONE_MORE_HANDLER.get(one.name)
        if change is not None:
            data[2 * one.end - 1] = change(one.argument)
    return code.replace(co_code=bytes(data))


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_generated_function_behaves_the_same_when_it_is_woven(program: Program) -> None:
    for traced in (False, True):
        plain = observe(program, lambda code: code, traced)
        closed = observe(program, without_short_close, traced) if traced else plain
        for shape, advice in shapes(balance := Balance()).items():
            balance.entered = balance.left = 0

            def woven(code: CodeType, advice: Advice = advice) -> CodeType:
                made = weave(code, advice)
                assert faults(code, made, advice) == []
                return made

            assert observe(program, woven, traced) == (closed if shape in ADVISED else plain), shape
            if shape in {"match", "no guard"}:
                assert balance.left == balance.entered, shape
            elif shape in {"mismatch", "gate shut"}:
                assert balance.entered == 0, shape
