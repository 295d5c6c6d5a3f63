import gc
import weakref
from dataclasses import dataclass, field
from typing import Any

import pytest

from weaver.pointcut import residue
from weaver.pointcut.nodes import Pointcut, Value
from weaver.pointcut.parser import parse_pointcut
from weaver.pointcut.residue import (
    AllOf,
    AnyOf,
    ArgumentsAre,
    InFlow,
    NoneOf,
    Raised,
    ReceiverIs,
    Residue,
    TargetIs,
    ThisIs,
    class_name,
    class_test,
)

FLOW = parse_pointcut("a.b")


@dataclass
class Pass:
    """One pass through a joinpoint."""

    this: object | None = None
    receiver: object | None = None
    arguments: tuple[object, ...] = ()
    error: BaseException | None = None
    flows: set[Pointcut] = field(default_factory=set)

    def in_flow(self, pointcut: Pointcut) -> bool:
        return pointcut in self.flows


def at_entry(tree: Residue, **facts: Any) -> bool:
    test = residue.compile(tree)
    assert test.at_exit is None
    assert test.at_entry is not None
    return test.at_entry(Pass(**facts))


@pytest.mark.parametrize(
    ("tree", "facts", "answer"),
    [
        (ThisIs("builtins.int"), {"this": 1}, True),
        (ThisIs("int"), {"this": 1}, True),
        (ThisIs("int"), {"this": True}, False),
        (ThisIs("int", True), {"this": True}, True),
        (ThisIs("int"), {"receiver": 1}, False),
        (ReceiverIs("dict", True), {"receiver": {}}, True),
        (TargetIs("dict"), {"receiver": []}, False),
        (TargetIs("*"), {}, False),
        (ArgumentsAre((Value("int"), Value("str"))), {"arguments": (1, "a")}, True),
        (ArgumentsAre((Value("int"), Value("str"))), {"arguments": (1, 2)}, False),
        (ArgumentsAre((Value("int"),)), {"arguments": (1, 2)}, False),
        (ArgumentsAre((Value("int"),), True), {"arguments": (1, 2)}, True),
        (ArgumentsAre((Value("*"), Value("int", True)), True), {"arguments": (None, True)}, True),
        (ArgumentsAre((Value("int"),), True), {"arguments": ()}, False),
        (InFlow(FLOW), {"flows": {FLOW}}, True),
        (InFlow(FLOW), {}, False),
        (AllOf((ThisIs("int"), InFlow(FLOW))), {"this": 1}, False),
        (AllOf((ThisIs("int"), InFlow(FLOW))), {"this": 1, "flows": {FLOW}}, True),
        (AnyOf((ThisIs("int"), InFlow(FLOW))), {"this": 1}, True),
        (AnyOf((AllOf((ThisIs("int"), InFlow(FLOW))), ThisIs("str"))), {"this": 1}, False),
        (NoneOf((ThisIs("int"), InFlow(FLOW))), {"this": "a"}, True),
        (NoneOf((ThisIs("int"), InFlow(FLOW))), {"this": 1}, False),
    ],
)
def test_residue_is_asked_at_entry(tree: Residue, facts: dict[str, Any], answer: bool) -> None:
    assert at_entry(tree, **facts) is answer


def test_what_was_raised_is_asked_at_exit() -> None:
    test = residue.compile(Raised("LookupError", True))

    assert test.at_entry is None
    assert test.at_exit is not None
    assert test.at_exit(Pass(error=KeyError()))
    assert not test.at_exit(Pass(error=ValueError()))
    assert not test.at_exit(Pass())


def test_all_of_is_asked_in_two_parts() -> None:
    test = residue.compile(AllOf((Raised("KeyError"), ThisIs("int"), NoneOf((Raised("x.Y"),)))))

    assert test.at_entry is not None
    assert test.at_exit is not None
    assert (test.at_entry(Pass(this=1)), test.at_entry(Pass(this="a"))) == (True, False)
    assert (test.at_exit(Pass(error=KeyError())), test.at_exit(Pass())) == (True, False)


def test_any_of_with_an_exception_is_asked_at_exit_as_a_whole() -> None:
    test = residue.compile(AnyOf((ThisIs("int"), Raised("KeyError"))))

    assert test.at_entry is None
    assert test.at_exit is not None
    assert test.at_exit(Pass(this=1))


def test_no_code_of_the_program_is_run() -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise AssertionError(name)

        def __eq__(cls, other: object) -> bool:
            raise AssertionError

        __hash__ = None  # type: ignore[assignment]

    class Odd(metaclass=Meta):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    odd = Odd()

    assert at_entry(ThisIs("*..Odd", True), this=odd)
    assert not at_entry(ThisIs("Other", True), this=odd)


def test_answer_about_a_class_is_kept_and_the_class_is_not() -> None:
    test = class_test("test_kept..*", True)
    kind = type("Kept", (), {"__module__": "test_kept"})

    assert test(kind())
    assert test(kind())
    gone = weakref.ref(kind)
    del kind
    gc.collect()
    assert gone() is None


def test_kept_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residue, "KEPT", 2)
    test = class_test("test_bounded.A", False)
    kinds = [type("A" if n % 2 else "B", (), {"__module__": "test_bounded"}) for n in range(6)]

    assert [test(kind()) for kind in kinds] == [False, True] * 3
    assert [test(kind()) for kind in kinds] == [False, True] * 3


def test_name_of_a_class_is_that_of_its_shadow() -> None:
    class Inner: ...

    assert class_name(Inner) == f"{__name__}.test_name_of_a_class_is_that_of_its_shadow.Inner"
    assert class_name(KeyError) == "builtins.KeyError"


def test_what_is_no_residue_is_refused() -> None:
    with pytest.raises(TypeError, match="Residue is no residue"):
        residue.compile(Residue())


def test_residue_says_what_it_asks() -> None:
    tree = AllOf(
        (
            AnyOf((ThisIs("a.B", True), ReceiverIs("c"), TargetIs("d"))),
            NoneOf((InFlow(FLOW), Raised("E"))),
            ArgumentsAre((Value("int"),), True),
        )
    )

    assert str(tree) == (
        "(it runs on a a.B+ or the receiver is a c or the target is a d) and "
        "not (it is under way from execution(* a.b(..)) or it raises a E) and the arguments are (int, ..)"
    )
