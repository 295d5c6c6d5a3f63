import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weaver.pointcut.trees import combined
from weaver.pointcut import pattern
from weaver.pointcut.match import Match, could_match, decide, flows, match, needs
from weaver.pointcut.needs import names
from weaver.pointcut.nodes import And, Cflow, Pointcut
from weaver.pointcut.parser import parse_pointcut
from weaver.pointcut.residue import (
    AllOf,
    AnyOf,
    ArgumentsAre,
    InFlow,
    NoneOf,
    Raised,
    ReceiverIs,
    TargetIs,
    ThisIs,
)
from weaver.scan import scan_module
from weaver.shadow import Parameter, Shadow


class Base:
    def __init__(self) -> None: ...

    def serve(self, request: str, count: int = 0) -> bool:
        return bool(request)


class Derived(Base):
    def serve(self, request: str, count: int = 0) -> bool:
        return not request

    @property
    def ready(self) -> bool:
        return True

    @staticmethod
    def make() -> None: ...


class Heir(Derived): ...


class Around:
    class Base:
        def __init__(self) -> None: ...

    class Heir(Base): ...


class HeirTwice(Heir, Derived): ...


class Own(Heir):
    def __init__(self) -> None: ...


def unannotated(value):  # type: ignore[no-untyped-def]
    return value


def plain(value: int, other: "list[str] | None") -> int:
    return value


SHADOWS = {shadow.qualname: shadow for shadow in scan_module(sys.modules[__name__])}
HERE = __name__
NESTED = replace(SHADOWS["Base.serve"], qualname="Base.serve.<locals>.inner", name="inner", parameters=())
LAMBDA = replace(NESTED, qualname="Base.serve.<locals>.<lambda>", name="<lambda>")


def place(kind: str, name: str, owners: tuple[str, ...] = (), **more: Any) -> Shadow:
    """Return a shadow of a place in ``plain``."""
    return replace(SHADOWS["plain"], kind=kind, name=name, owners=owners, **more)  # type: ignore[arg-type]


CALL = place("call", "read", ("x.y.Reader", "x.y.Stream", "builtins.object"))
FUNCTION_CALL = place("call", "read", ("x.y",))
OPEN_CALL = place("call", "read")
HANDLER = place("handler", "KeyError", ("builtins.KeyError", "builtins.LookupError", "builtins.Exception"))
OPEN_HANDLER = place("handler", "errors")
GET = place("get", "size", ("x.y.Reader", "x.y.Stream"))
SET = place("set", "size")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"execution(* {HERE}.Base.serve(..))", {"Base.serve"}),
        (f"execution(* {HERE}.Base+.serve(..))", {"Base.serve", "Derived.serve"}),
        ("execution(* Base+.serve(..))", {"Base.serve", "Derived.serve"}),
        ("execution(* tests..Derived.*(..))", {"Derived.serve", "Derived.ready", "Derived.make"}),
        (f"{HERE}:plain", {"plain"}),
        ("tests..pl*", {"plain"}),
        (f"execution(* tests..*.serve(request, ..)) and not within({HERE}.Base)", {"Derived.serve"}),
        ("execution(* tests..*.serve(str, int))", {"Base.serve", "Derived.serve"}),
        ("execution(* tests..*.serve(self, *, count))", {"Base.serve", "Derived.serve"}),
        ("execution(* tests..*.serve(*))", set()),
        ("execution(* tests..*.serve(*, *, *))", set()),
        ("execution(* plain(*, list))", {"plain"}),
        ("execution(* plain(*, None))", {"plain"}),
        ("execution(* serve(*, x))", set()),
        ("execution(* unannotated(*))", {"unannotated"}),
        ("execution(* unannotated(int))", set()),
        ("execution(* make())", {"Derived.make"}),
        ("execution(None make())", {"Derived.make"}),
        ("execution(bool tests..Base.serve(..))", {"Base.serve"}),
        ("execution(* tests..*.serve(nothing, ..))", set()),
        (f"within({HERE}.Base+) and execution(* serve(..))", {"Base.serve", "Derived.serve"}),
        (f"within({HERE}.Own)", {"Own.__init__"}),
        ("within(tests) and serve", {"Base.serve", "Derived.serve"}),
        ("withincode(* tests..Base.serve(..))", {"Base.serve"}),
        ("initialization(Base)", {"Base.__init__", "Around.Base.__init__"}),
        ("initialization(Base+)", {"Base.__init__", "Around.Base.__init__", "Own.__init__"}),
        ("initialization(Heir)", {"Base.__init__", "Around.Base.__init__"}),
        ("initialization(Heir+)", {"Base.__init__", "Around.Base.__init__", "Own.__init__"}),
        ("initialization(Own)", {"Own.__init__"}),
        ("handler(*) or call(* *(..)) or get(*) or set(*)", set()),
    ],
)
def test_pointcut_selects_its_shadows(text: str, names: set[str]) -> None:
    tree = parse_pointcut(text)

    assert {name for name, shadow in SHADOWS.items() if match(tree, shadow).matched} == names


@pytest.mark.parametrize(
    ("text", "shadow", "answer"),
    [
        ("call(* read(..))", CALL, True),
        ("call(* x.y.Reader.read(..))", CALL, True),
        ("call(* x.y.Stream.read(..))", CALL, False),
        ("call(* x.y.Stream+.read(..))", CALL, True),
        ("call(* Stream+.read(..))", CALL, True),
        ("call(* x.y.read(..))", FUNCTION_CALL, True),
        ("call(* x.z.read(..))", FUNCTION_CALL, False),
        ("call(* here.read(..))", place("call", "read", ("x.y", "here")), True),
        ("call(* write(..))", CALL, False),
        ("call(* x.y.Reader.read(..))", OPEN_CALL, ReceiverIs("x.y.Reader")),
        ("call(* Reader+.read(..))", OPEN_CALL, ReceiverIs("Reader", True)),
        ("call(* x.y.read(int))", FUNCTION_CALL, "arguments"),
        ("call(* Reader.read(int))", OPEN_CALL, "all"),
        ("get(x.y.Reader.size)", GET, True),
        ("get(Stream+.size)", GET, True),
        ("get(Stream.size)", GET, False),
        ("set(size)", SET, True),
        ("set(a.B+.size)", SET, ReceiverIs("a.B", True)),
        ("set(size)", GET, False),
        ("handler(KeyError)", HANDLER, True),
        ("handler(LookupError)", HANDLER, False),
        ("handler(LookupError+)", HANDLER, True),
        ("handler(KeyError)", OPEN_HANDLER, ReceiverIs("KeyError", True)),
        ("target(Stream+) and call(* *(..))", CALL, True),
        ("target(Stream) and call(* *(..))", CALL, TargetIs("Stream")),
        ("target(*) and handler(*)", HANDLER, False),
        ("args(int) and get(*)", GET, False),
        ("args(..) and call(* *(..))", CALL, True),
        ("raises(*) and handler(*)", HANDLER, False),
        ("this(Base) and call(* *(..))", CALL, False),
        (f"within({HERE}) and call(* *(..))", CALL, True),
        ("withincode(* plain(int, ..)) and call(* *(..))", CALL, True),
        ("withincode(str plain(..)) and call(* *(..))", CALL, False),
        (f"within({HERE})", CALL, False),
        (f"within({HERE})", GET, False),
        ("call(* f(..)) or within(tests)", CALL, False),
        ("(call(* f(..)) or within(tests)) and within(tests)", CALL, True),
        ("(call(* f(..)) or within(tests)) and within(tests)", SHADOWS["plain"], False),
        ("not get(*)", CALL, False),
        ("execution(* plain(..))", CALL, False),
        ("initialization(*)", CALL, False),
    ],
)
def test_pointcut_selects_places_in_code(text: str, shadow: Shadow, answer: object) -> None:
    found = match(parse_pointcut(text), shadow)

    assert found.matched is (answer is not False)
    if answer == "arguments":
        assert isinstance(found.residue, ArgumentsAre)
    elif answer == "all":
        assert isinstance(found.residue, AllOf)
        assert found.residue.operands[0] == ReceiverIs("Reader")
    else:
        assert found.residue == (None if isinstance(answer, bool) else answer)


@pytest.mark.parametrize(
    ("text", "shadow", "answer"),
    [
        (f"{HERE}.Base.serve.inner", NESTED, True),
        ("tests..inner", NESTED, True),
        (f"{HERE}.Base.inner", NESTED, False),
        ("execution(* Base+.inner(..))", NESTED, False),
        ("withincode(* Base.serve(..))", NESTED, False),
        (f"withincode(* {HERE}.Base.serve(..))", NESTED, True),
        ("withincode(* serve(..))", NESTED, True),
        ("withincode(* serve())", NESTED, False),
        (f"within({HERE}.Base)", NESTED, True),
        (f"{HERE}.Base.serve.<lambda>", LAMBDA, True),
    ],
)
def test_function_inside_a_function_stands_in_that_one(text: str, shadow: Shadow, answer: bool) -> None:
    assert match(parse_pointcut(text), shadow).matched is answer


def test_class_inside_a_function_is_known_without_the_marks() -> None:
    shadow = replace(
        SHADOWS["Base.serve"],
        qualname="f.<locals>.Inner.serve",
        class_name=f"{HERE}.f.<locals>.Inner",
        bases=(f"{HERE}.f.<locals>.Inner", f"{HERE}.f.<locals>.Outer"),
    )

    assert match(parse_pointcut(f"{HERE}.f.Inner.serve"), shadow).matched
    assert match(parse_pointcut(f"execution(* {HERE}.f.Outer+.serve(..))"), shadow).matched
    assert match(parse_pointcut(f"initialization({HERE}.f.Inner)"), replace(shadow, name="__init__")).matched
    assert not match(parse_pointcut("initialization(Other)"), replace(shadow, name="__init__")).matched


def test_function_that_was_put_into_a_class_is_found_by_the_class() -> None:
    shadow = replace(SHADOWS["plain"], class_name="a.B", bases=("a.B", "builtins.object"))

    assert match(parse_pointcut("a.B.plain"), shadow).matched
    assert match(parse_pointcut("within(a.B) and execution(* plain(..))"), shadow).matched


@pytest.mark.parametrize(
    ("text", "residue"),
    [
        ("this(Base+)", None),
        ("this(Base)", ThisIs("Base")),
        ("this(Derived+)", ThisIs("Derived", True)),
        ("target(Base+)", None),
        ("target(Derived)", TargetIs("Derived")),
        ("args(..)", None),
        ("raises(ValueError+)", Raised("ValueError", True)),
        ("cflow(a.b)", InFlow(parse_pointcut("a.b"))),
        ("not cflow(a.b)", NoneOf((InFlow(parse_pointcut("a.b")),))),
        ("not (this(A) or this(B))", NoneOf((ThisIs("A"), ThisIs("B")))),
        ("this(A) or this(B)", AnyOf((ThisIs("A"), ThisIs("B")))),
        ("this(A) or serve", None),
        ("this(A) or nothing", ThisIs("A")),
        ("serve and this(A) and raises(B)", AllOf((ThisIs("A"), Raised("B")))),
        ("serve and not (this(A) and this(B))", NoneOf((AllOf((ThisIs("A"), ThisIs("B"))),))),
        ("(this(A) or this(B)) and this(C)", AllOf((AnyOf((ThisIs("A"), ThisIs("B"))), ThisIs("C")))),
    ],
)
def test_what_the_shadow_does_not_tell_is_left_for_run_time(text: str, residue: object) -> None:
    assert match(parse_pointcut(text), SHADOWS["Base.serve"]) == Match(True, "", residue)  # type: ignore[arg-type]


def test_all_of_inside_all_of_is_one() -> None:
    shadow = replace(OPEN_CALL, class_name="a.B")

    found = match(parse_pointcut("this(A) and call(* B.read(int))"), shadow)

    assert isinstance(found.residue, AllOf)
    assert [type(one) for one in found.residue.operands] == [ThisIs, ReceiverIs, ArgumentsAre]


def test_constructor_that_a_class_inherits_is_selected_for_objects_of_that_class() -> None:
    assert match(parse_pointcut("initialization(Heir)"), SHADOWS["Base.__init__"]).residue == ThisIs("Heir")
    assert match(parse_pointcut("initialization(Heir+)"), SHADOWS["Base.__init__"]).residue == ThisIs("Heir", True)
    assert match(parse_pointcut("initialization(Base+)"), SHADOWS["Own.__init__"]).residue is None
    assert match(parse_pointcut(f"initialization({HERE}.Around.Heir)"), SHADOWS["Around.Base.__init__"]).residue


def test_heirs_that_a_shadow_brings_along_are_taken() -> None:
    class Read(Shadow):
        __slots__ = ()
        heirs = (("a.Heir", "a.Other", "builtins.object"),)

    known = SHADOWS["Base.__init__"]
    shadow = Read(*(getattr(known, name) for name in Shadow.__dataclass_fields__))

    assert match(parse_pointcut("initialization(a.Heir)"), shadow).residue == ThisIs("a.Heir")
    assert match(parse_pointcut("initialization(a.Other+)"), shadow).residue == ThisIs("a.Other", True)
    assert not match(parse_pointcut("initialization(a.Other)"), shadow).matched


def test_class_that_cannot_be_found_has_no_heirs() -> None:
    gone = replace(SHADOWS["Base.__init__"], module="no.such.module", class_name="no.such.module.Gone", bases=())
    no_class = replace(SHADOWS["Base.__init__"], class_name=f"{HERE}.plain", bases=())

    assert not match(parse_pointcut("initialization(Heir)"), gone).matched
    assert not match(parse_pointcut("initialization(Heir)"), no_class).matched


def test_decorators_are_compared_as_written_and_by_their_last_name() -> None:
    shadow = replace(SHADOWS["plain"], decorators=("functools.lru_cache", "class:app.Stateless"))

    answers = {
        name: match(parse_pointcut(f"decorated({name})"), shadow).matched
        for name in ("lru_cache", "functools.lru_cache", "Stateless", "app.Stateless", "cache", "x.lru_cache")
    }

    assert answers == dict.fromkeys(("lru_cache", "functools.lru_cache", "Stateless", "app.Stateless"), True) | {
        "cache": False,
        "x.lru_cache": False,
    }


def test_static_method_runs_on_no_object() -> None:
    assert not match(
        parse_pointcut("this(Derived)"), replace(SHADOWS["Derived.make"], decorators=("staticmethod",))
    ).matched


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a.plain", "is not a"),
        ("a+.plain", "is not a or a subclass of it"),
        ("tests..other", "the name plain is not other"),
        ("execution(* tests..plain(x))", "the parameters value, other are not (x)"),
        ("execution(str tests..plain(..))", "it returns int, not str"),
        ("not tests..plain", "is execution"),
        ("within(b)", "is not within b"),
        ("a.plain or b.plain", "is not a; tests.weaver.pointcut.test_match is not b"),
        ("call(* f(..))", "of the kind execution, not call"),
        ("get(f)", "of the kind execution, not get"),
        ("handler(E)", "of the kind execution, not handler"),
        ("initialization(E)", "is no __init__"),
        ("withincode(* f(..))", "is not in the code of"),
        ("decorated(f)", "has no decorator f"),
        ("this(f)", "runs on no object"),
        ("target(f)", "runs on no object"),
    ],
)
def test_no_has_a_reason(text: str, reason: str) -> None:
    found = match(parse_pointcut(text), SHADOWS["plain"])

    assert not found.matched
    assert reason in found.reason


@pytest.mark.parametrize(
    ("text", "shadow", "reason"),
    [
        ("execution(* read(..))", CALL, "of the kind call, not execution"),
        ("call(* x.Z.read(..))", CALL, "read belongs to x.y.Reader, not to x.Z"),
        ("handler(ValueError)", HANDLER, "it handles builtins.KeyError, not ValueError"),
        ("within(tests)", CALL, "selects no joinpoint of the kind call"),
        ("handler(*) and args(int)", HANDLER, "has no arguments"),
        ("handler(*) and raises(int)", HANDLER, "ends no joinpoint"),
        ("handler(*) and target(int)", HANDLER, "has no target"),
        ("initialization(int)", SHADOWS["Base.__init__"], "Base is not int"),
    ],
)
def test_no_has_a_reason_for_places_too(text: str, shadow: Shadow, reason: str) -> None:
    assert reason in match(parse_pointcut(text), shadow).reason


def test_what_is_no_pointcut_is_refused() -> None:
    with pytest.raises(TypeError, match="Pointcut is no pointcut"):
        decide(Pointcut(), SHADOWS["plain"])


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a.b", {"execution"}),
        ("within(a)", {"execution"}),
        ("not call(* a(..))", {"execution"}),
        ("initialization(A)", {"execution"}),
        ("call(* a(..)) and within(b)", {"call"}),
        ("call(* a(..)) and execution(* b(..))", set()),
        ("call(* a(..)) or within(b)", {"call", "execution"}),
        ("(call(* a(..)) or within(b)) and within(c)", {"call"}),
        ("(get(a) or set(b)) and not handler(E)", {"get", "set"}),
        ("handler(E) and cflow(call(* a(..)))", {"handler"}),
        ("cflow(call(* a(..)))", {"execution"}),
        ("args(int) and this(A) and raises(E)", {"execution"}),
    ],
)
def test_kinds_that_a_pointcut_can_select_are_known(text: str, kinds: set[str]) -> None:
    assert needs(parse_pointcut(text)) == kinds


@pytest.mark.parametrize(
    "text", ["within(a)", "a.b.f", "not a.b.f", "call(* f(..)) and within(a)", "get(f) or within(b)"]
)
@pytest.mark.parametrize("shadow", [SHADOWS["plain"], CALL, GET, SET, HANDLER])
def test_nothing_is_selected_of_a_kind_that_is_not_needed(text: str, shadow: Shadow) -> None:
    pointcut = parse_pointcut(text)

    assert shadow.kind in needs(pointcut) or not match(pointcut, shadow).matched


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("a.b.f", {"a", "a.b"}),
        ("a..f", {"a", "a.b", "a.b.c"}),
        ("*.f", {"a", "x"}),
        ("f", {"a", "a.b", "a.b.c", "x"}),
        ("execution(* a.B+.f(..))", {"a", "a.b", "a.b.c", "x"}),
        ("within(a.b)", {"a", "a.b", "a.b.c"}),
        ("within(a.B+)", {"a", "a.b", "a.b.c", "x"}),
        ("withincode(* x.f(..))", {"x"}),
        ("within(a.b) and x.f", set()),
        ("within(x) or a.b.f", {"a", "a.b", "x"}),
        ("not within(a)", {"a", "a.b", "a.b.c", "x"}),
        ("call(* a.f(..))", {"a", "a.b", "a.b.c", "x"}),
    ],
)
def test_modules_in_which_nothing_can_match_are_ruled_out(text: str, modules: set[str]) -> None:
    pointcut = parse_pointcut(text)

    assert {module for module in ("a", "a.b", "a.b.c", "x") if could_match(pointcut, module)} == modules


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a.b.f", {"f"}),
        ("a..{f,g}", {"f", "g"}),
        ("a..f*", {"f*"}),
        ("a..*", None),
        ("call(* a.f(..)) or set(a.B.g)", {"f", "g"}),
        ("call(* a.f(..)) or handler(KeyError)", None),
        ("get(a.{f,g}) and within(a)", {"f", "g"}),
        ("a.{f,g} and a.f", {"f"}),
        ("within(a) and decorated(d)", None),
        ("not a.f", None),
        ("a.<lambda>", {"<lambda>"}),
    ],
)
def test_names_that_a_pointcut_wants_are_known_before_it_is_matched(text: str, wanted: set[str] | None) -> None:
    assert names(parse_pointcut(text)) == wanted


NEAR = (
    "plain",
    "serve",
    "{plain,serve}",
    "s*",
    f"within({__name__})",
    "call(* serve(..))",
    "get(ready)",
    "execution(* Base+.serve(..))",
)


@given(
    pointcut=st.recursive(st.sampled_from(NEAR).map(parse_pointcut), combined, max_leaves=6),
    shadow=st.sampled_from(list(SHADOWS.values())),
)
def test_what_is_selected_has_a_wanted_name(pointcut: Pointcut, shadow: Shadow) -> None:
    wanted = names(pointcut)

    assert not match(pointcut, shadow).matched or wanted is None or shadow.name in wanted


def test_flows_are_listed_once_inner_ones_first() -> None:
    inner = parse_pointcut("a.b")
    outer = And((parse_pointcut("c.d"), Cflow(inner)))

    assert flows(Cflow(outer) & Cflow(inner) | ~Cflow(inner)) == (inner, outer)
    assert flows(inner) == ()


def test_pointcut_of_another_package_costs_next_to_nothing() -> None:
    pointcut = parse_pointcut("execution(* server.engine..*.do_*(..)) and not within(server.testing)")
    shadows = [replace(SHADOWS["plain"], name=f"f{n}", qualname=f"f{n}") for n in range(100)]
    match(pointcut, shadows[0])
    compiled = pattern._regex.cache_info().misses

    assert not any(match(pointcut, shadow).matched for shadow in shadows)
    assert pattern._regex.cache_info().misses == compiled
    assert not could_match(pointcut, "apps.click2call")


def test_parameters_are_not_mixed_up_with_a_function_that_takes_self() -> None:
    shadow = replace(SHADOWS["plain"], parameters=(Parameter("self", None),))

    assert match(parse_pointcut("execution(* plain(self))"), shadow).matched
    assert match(parse_pointcut("execution(* plain())"), shadow).matched
