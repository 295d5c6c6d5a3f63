from collections.abc import Callable
from itertools import pairwise
from types import CodeType
from typing import Any

import pytest

from tests.weaver.weaving import places_samples as samples
from weaver.weaving.assembler import particular
from weaver.weaving.places import find_places
from weaver.weaving.symbolic import Instruction, decode, encode

ALL = frozenset({"call", "get", "set", "handler"})


def found(function: object, *kinds: str) -> list[tuple[str, str, tuple[str, ...]]]:
    places = find_places(function.__code__, frozenset(kinds) or ALL)  # type: ignore[attr-defined]
    return [(place.kind, place.name, place.names) for place in places]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (samples.calls_global, [("helper", ("helper",))] * 2),
        (samples.calls_nested, [("helper", ("helper",))] * 4),
        (samples.calls_method, [("ring", ())]),
        (samples.calls_spread, [("ring", ()), ("helper", ("helper",))]),
        (samples.calls_module, [("dumps", ("json", "dumps")), ("join", ("os", "path", "join"))]),
        (samples.calls_class, [("Phone", ("Phone",)), ("ring", ())]),
        (samples.calls_unbound, [("ring", ("Phone", "ring"))]),
        (samples.calls_with_lock, [("helper", ("helper",))]),
        (samples.calls_item, []),
        (samples.calls_later, [("helper", ("helper",))] * 2),
    ],
)
def test_named_callees_are_found_and_others_are_not(
    function: object, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert [(name, names) for _, name, names in found(function, "call")] == expected


def test_reads_and_writes_of_attributes_are_no_calls() -> None:
    assert [(kind, name) for kind, name, _ in found(samples.reads)] == [("get", "owner"), ("get", "number")]
    assert [(kind, name) for kind, name, _ in found(samples.writes)] == [
        ("set", "owner"),
        ("get", "owner"),
        ("set", "owner"),
        ("get", "owner"),
    ]
    assert [name for _, name, _ in found(samples.calls_module, "get")] == ["path"]


def test_each_class_of_a_handler_is_a_place() -> None:
    assert found(samples.handles, "handler") == [
        ("handler", "KeyError", ("KeyError",)),
        ("handler", "ValueError", ("ValueError",)),
        ("handler", "OSError", ("OSError",)),
        ("handler", "JSONDecodeError", ("json", "JSONDecodeError")),
    ]
    assert [name for _, name, _ in found(samples.handles_group, "handler")] == ["KeyError", "ValueError"]


def test_class_of_a_handler_that_has_no_name_is_no_place() -> None:
    assert found(samples.handles_what_has_no_name, "handler") == [("handler", "OSError", ("OSError",))]


def changed(function: Any, change: Callable[[list[Instruction]], None]) -> CodeType:
    """Return the code of a function as some other tool may make it."""
    code: CodeType = function.__code__
    assembly = decode(code)
    change(assembly.instructions)
    return encode(assembly, code)


def test_what_is_never_reached_is_no_place_and_hides_none() -> None:
    def leave_something_out(instructions: list[Instruction]) -> None:
        at = next(n for n, one in enumerate(instructions) if one.name == "LOAD_FAST")
        jump = Instruction("JUMP_FORWARD").jump_to(instructions[at])
        call = [Instruction("PUSH_NULL"), *(Instruction(name, 0) for name in particular.CALL)]
        instructions[at:at] = [jump, *call, Instruction("STORE_ATTR", 0)]

    code = changed(samples.calls_global, leave_something_out)

    assert [(one.kind, one.name) for one in find_places(code, ALL)] == [("call", "helper")] * 2


def test_test_of_an_exception_that_decides_nothing_is_no_handler() -> None:
    def forget_the_answers(instructions: list[Instruction]) -> None:
        for test, jump in pairwise(instructions):
            if test.name == "CHECK_EXC_MATCH":
                jump.op, jump.argument, jump.target = Instruction("POP_TOP").op, 0, None

    code = changed(samples.handles, forget_the_answers)

    assert find_places(code, frozenset({"handler"})) == []


def test_lines_are_those_of_the_source() -> None:
    first = samples.calls_module.__code__.co_firstlineno

    assert {place.line for place in find_places(samples.calls_module.__code__, ALL)} == {first + 1}


def test_finally_that_the_compiler_repeats_is_a_place_each_time() -> None:
    assert set(found(samples.handles, "call")) == {("call", "str", ("str",))}
    assert len(found(samples.handles, "call")) > 1
