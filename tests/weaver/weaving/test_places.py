import pytest

from tests.weaver.weaving import places_samples as samples
from weaver.weaving.places import find_places

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


def test_lines_are_those_of_the_source() -> None:
    first = samples.calls_module.__code__.co_firstlineno

    assert {place.line for place in find_places(samples.calls_module.__code__, ALL)} == {first + 1}


def test_finally_that_the_compiler_repeats_is_a_place_each_time() -> None:
    assert set(found(samples.handles, "call")) == {("call", "str", ("str",))}
    assert len(found(samples.handles, "call")) > 1
