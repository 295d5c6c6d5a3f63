import email.feedparser
import http.cookies
import json.encoder
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from weaver.weaving import Advice, Gate, Guard, weave
from weaver.weaving.assembler import Assembly, Instruction, decode, encode, particular
from weaver.weaving.verify import verify

GUARD = Guard(Gate(), list, "m0")
SHAPES = {
    "enter, exit, throw": Advice(len, max, min, GUARD),
    "without a guard": Advice(len, max, min),
    "without a gate": Advice(len, max, min, Guard(None, list, "m0")),
    "enter only": Advice(len, guard=GUARD),
    "enter only, without a guard": Advice(len),
    "no exit": Advice(len, None, min, GUARD),
    "no throw": Advice(len, max, None, GUARD),
}


def codes(code: CodeType) -> list[CodeType]:
    inner = [c for constant in code.co_consts if isinstance(constant, CodeType) for c in codes(constant)]
    return [code, *inner]


def sample(x: int) -> int:
    try:
        return x // 2
    finally:
        x = 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("module", [email.feedparser, http.cookies, json.encoder])
def test_library_code_is_sound_when_woven(module: Any, shape: str) -> None:
    whole = compile(Path(module.__file__).read_bytes(), module.__file__, "exec")

    faults = {code.co_qualname: verify(weave(code, SHAPES[shape])) for code in codes(whole)}

    assert {name: fault for name, fault in faults.items() if fault} == {}


def test_stack_size_that_is_too_small_is_found() -> None:
    code = sample.__code__

    assert verify(code.replace(co_stacksize=1)) != []


def test_handler_that_expects_more_than_lies_on_the_stack_is_found() -> None:
    assembly = decode(sample.__code__)
    for region in assembly.regions:
        region.depth += 2

    broken = encode(assembly, sample.__code__, co_stacksize=20)

    assert any("under a handler" in fault for fault in verify(broken))


def test_two_ways_with_different_depths_are_found() -> None:
    code = (lambda x: x).__code__
    meeting = Instruction("LOAD_CONST", 0)
    test = Instruction(particular.JUMP_IF_TRUE).jump_to(meeting)
    steps = [Instruction("RESUME"), Instruction("LOAD_FAST"), test, Instruction("LOAD_CONST", 0), meeting]

    broken = encode(Assembly([*steps, Instruction("RETURN_VALUE")], [], Instruction("NOP")), code, co_stacksize=9)

    assert verify(broken) == ["4 LOAD_CONST: depth 1 or 0"]


def test_code_that_runs_on_behind_its_end_is_found() -> None:
    code = (lambda x: x).__code__
    steps = [Instruction("RESUME"), Instruction("LOAD_FAST")]

    broken = encode(Assembly(steps, [], Instruction("NOP")), code)

    assert verify(broken) == ["the last instruction leads out of the code"]
