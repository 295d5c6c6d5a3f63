import argparse
import email._header_value_parser
import json.decoder
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from weaver.weaving.assembler import JUMPS, Assembly, Instruction, Region, decode, encode


def codes(code: CodeType) -> list[CodeType]:
    inner = [c for constant in code.co_consts if isinstance(constant, CodeType) for c in codes(constant)]
    return [code, *inner]


def compiled(source: str) -> CodeType:
    space: dict[str, Any] = {}
    exec(source, space)
    code = space["f"].__code__
    assert isinstance(code, CodeType)
    return code


@pytest.mark.parametrize("module", [argparse, email._header_value_parser, json.decoder])
def test_decoded_and_encoded_code_is_the_same_byte_for_byte(module: Any) -> None:
    whole = compile(Path(module.__file__).read_bytes(), module.__file__, "exec")

    for code in codes(whole):
        again = encode(decode(code), code)
        assert again.co_code == code.co_code
        assert again.co_exceptiontable == code.co_exceptiontable
        assert list(again.co_positions()) == list(code.co_positions())


def test_jump_grows_extended_arguments_when_what_lies_between_grows() -> None:
    code = compiled("def f(x):\n if x:\n  y = 1\n return 2\n")
    assembly = decode(code)
    at, jump = next((at, i) for at, i in enumerate(assembly.instructions) if i.target is not None)
    padding = [Instruction("NOP", 0, jump.location) for _ in range(300)]
    assembly.instructions[at + 1 : at + 1] = padding

    far = encode(assembly, code)

    assert len(far.co_code) - len(code.co_code) == 2 * len(padding) + 2
    again = decode(far)
    target = next(i.target for i in again.instructions if i.op in JUMPS)
    assert target is not None
    assert again.instructions.index(target) > len(padding)


def test_large_arguments_and_far_lines_survive() -> None:
    names = "\n".join(f" v{n} = {n}; w = v{n}" for n in range(300))
    code = compiled("def f():\n" + names + "\n" * 2_000 + " return (1,\n" + "\n" * 30 + " " * 200 + "v299)\n")

    again = encode(decode(code), code)

    assert again.co_code == code.co_code
    assert list(again.co_positions()) == list(code.co_positions())


def test_code_without_columns_survives() -> None:
    code = compiled("def f(x):\n y = x\n\n\n return y\n")
    bare = Assembly(decode(code).instructions, [], Instruction("NOP"))
    for instruction in bare.instructions:
        if instruction.location is not None:
            line = instruction.location[0]
            instruction.location = (line, line, -1, -1)

    again = encode(bare, code)

    assert [line for line, *_ in again.co_positions()] == [line for line, *_ in code.co_positions()]
    assert {column for _, _, column, _ in again.co_positions()} == {None}


def test_jump_in_the_wrong_direction_is_refused() -> None:
    code = compiled("def f(x):\n return x\n")
    assembly = decode(code)
    assembly.instructions.append(Instruction("JUMP_FORWARD").jump_to(assembly.instructions[0]))

    with pytest.raises(ValueError, match="JUMP_FORWARD jumps the wrong way"):
        encode(assembly, code)


def test_empty_region_leaves_the_exception_table() -> None:
    code = compiled("def f(x):\n return x\n")
    assembly = decode(code)
    first = assembly.instructions[0]
    assembly.regions.append(Region(first, first, first, 0, False))

    assert encode(assembly, code).co_exceptiontable == b""
