import pytest

from tests.weaver.weaving.soundness import SHAPES, faults, library_codes
from weaver.weaving import weave
from weaver.weaving.assembler import Row, exception_rows, exception_table, instruction, particular
from weaver.weaving.verify import verify

SAMPLE = ("asyncio.queues", "contextlib", "http.cookies", "json.decoder", "json.encoder", "netrc")
EMPTY = (lambda x: x).__code__


def sample(x: int) -> int:
    try:
        return x // 2
    finally:
        x = 0


def written(*steps: bytes) -> str:
    """Return the faults of code that consists of these instructions."""
    return "; ".join(verify(EMPTY.replace(co_code=b"".join(steps), co_linetable=b"", co_stacksize=9)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("module", SAMPLE)
def test_library_code_is_sound_when_woven(module: str, shape: str) -> None:
    advice = SHAPES[shape]
    checked = [code for _, code in library_codes(module)]

    found = {code.co_qualname: faults(code, weave(code, advice), advice) for code in checked}

    assert len(checked) > 5
    assert {name: fault for name, fault in found.items() if fault} == {}


def test_stack_size_that_is_too_small_is_found() -> None:
    assert verify(sample.__code__.replace(co_stacksize=1)) == ["the stack grows to 4, co_stacksize is 1"]


def test_handler_that_expects_more_than_lies_on_the_stack_is_found() -> None:
    code = sample.__code__
    deeper = [row._replace(depth=row.depth + 2) for row in exception_rows(code)]

    broken = code.replace(co_exceptiontable=exception_table(deeper), co_stacksize=20)

    assert any("under a handler" in fault for fault in verify(broken))


def test_handler_over_a_return_that_takes_the_bottom_of_the_stack_away_is_found() -> None:
    code = sample.__code__
    woven = weave(code, SHAPES["enter, exit, throw"])
    rows = list(exception_rows(woven))
    at = next(n for n, row in enumerate(rows) if row.depth == 3 and row.end != rows[n + 1].start)
    rows[at : at + 1] = [Row(rows[at].start, rows[at + 1].start, *rows[at][2:])]

    assert faults(code, woven, SHAPES["enter, exit, throw"]) == []
    assert any("under a handler" in fault for fault in verify(woven.replace(co_exceptiontable=exception_table(rows))))


def test_two_ways_with_different_depths_are_found() -> None:
    load = instruction("LOAD_CONST")
    test = instruction(particular.JUMP_IF_TRUE, 1)

    found = written(instruction("RESUME"), instruction("LOAD_FAST"), test, load, load, instruction("RETURN_VALUE"))

    assert "LOAD_CONST: depth 1 or 0" in found or "LOAD_CONST: depth 0 or 1" in found


def test_code_that_runs_on_behind_its_end_is_found() -> None:
    found = written(instruction("RESUME"), instruction("LOAD_FAST"))

    assert found == "a way leads to 2, where no instruction starts"


def test_more_taken_from_the_stack_than_lies_there_is_found() -> None:
    found = written(
        instruction("RESUME"), instruction("POP_TOP"), instruction("LOAD_FAST"), instruction("RETURN_VALUE")
    )

    assert "1 POP_TOP: depth 0 to -1" in found
