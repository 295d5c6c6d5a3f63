from types import CodeType, FunctionType
from typing import Any

import pytest

from tests.weaver.weaving.soundness import SHAPES, faults
from weaver.weaving import Advice, weave
from weaver.weaving.assembler import decode
from weaver.weaving.body import EXIT_UNITS, copied


def compiled(source: str) -> CodeType:
    space: dict[str, Any] = {}
    exec(source, space)
    code = space["f"].__code__
    assert isinstance(code, CodeType)
    return code


def prefixed_jumps(code: CodeType) -> int:
    return sum(i.target is not None and i.argument > 255 for i in decode(code.co_code))


def test_body_without_returns_is_copied_byte_for_byte() -> None:
    code = compiled("def f(x):\n while True:\n  x()\n")

    copy = copied(code.co_code)

    assert (len(copy.exits), copy.growth.moved(10)) == (0, 10)


def test_every_return_grows_by_the_exit() -> None:
    code = compiled("def f(x):\n if x:\n  return x\n return x + 1\n")

    copy = copied(code.co_code)

    returns = [i.start for i in decode(code.co_code) if i.name == "RETURN_VALUE"]
    assert copy.exits == (returns[0], returns[1] + EXIT_UNITS - 1)
    assert copy.growth.moved(returns[1]) == returns[1] + EXIT_UNITS - 1


@pytest.mark.parametrize("returns", [10, 20, 40, 400])
def test_jump_that_goes_farther_in_the_copy_gets_the_prefixes_that_it_needs(returns: int) -> None:
    """Each return makes the copy longer, so that jumps across them pass the limits of one byte and of two."""
    choices = "".join(f"  if x == {n}:\n   return {n}, x\n" for n in range(returns))
    code = compiled(f"def f(x):\n while x:\n{choices}  x -= 1\n return None\n")
    advice = SHAPES["enter, exit, throw"]
    seen: list[object] = []
    told = Advice(lambda *arguments: arguments, lambda token, value: seen.append((token, value)) or value)

    woven = weave(code, told)

    assert faults(code, weave(code, advice), advice) == []
    plain, run = FunctionType(code, {}), FunctionType(woven, {})
    arguments = [0, 1, returns - 1, returns, returns + 3]
    assert [run(x) for x in arguments] == [plain(x) for x in arguments]
    assert seen == [((x,), plain(x)) for x in arguments]


def test_some_jump_of_the_copy_passes_the_limit_of_its_prefixes() -> None:
    choices = "".join(f"  if x == {n}:\n   return {n}, x\n" for n in range(20))
    code = compiled(f"def f(x):\n while x:\n{choices}  x -= 1\n return None\n")

    woven = weave(code, SHAPES["enter, exit, throw, without a guard"])

    assert prefixed_jumps(woven) > 2 * prefixed_jumps(code) + 1
