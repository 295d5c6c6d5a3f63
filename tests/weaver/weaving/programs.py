"""Hypothesis strategies for functions of every kind, as source text, and for what is done with them.

A program defines ``make(log, tick, helper, Suppress, step, steps)`` which returns the function ``f``. Every loop ends:
``tick()`` is true a limited number of times. What a program does with names that are not bound, or with objects that do
not fit, raises; that is as good as any other behaviour.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

Lines = list[str]
Draw = Callable[..., object]

NAMES = ("a", "b", "c", "d", "x", "y", "cell")
ERRORS = ("ValueError", "KeyError", "ZeroDivisionError", "StopIteration", "GeneratorExit")


@dataclass(frozen=True)
class Place:
    """What may stand at a place of a program."""

    generates: bool
    awaits: bool
    loop: bool = False
    group: bool = False
    """Inside ``except*``, where nothing may leave by return, break or continue."""
    depth: int = 3

    def inner(self, **changes: bool) -> "Place":
        kept = {"generates": self.generates, "awaits": self.awaits, "loop": self.loop, "group": self.group}
        return Place(**{**kept, **changes}, depth=self.depth - 1)


@dataclass(frozen=True)
class Program:
    """A function's source, its arguments and what is done with what it returns."""

    source: str
    arguments: tuple[int, ...]
    keywords: dict[str, int]
    steps: tuple[tuple[str, object], ...]

    def __repr__(self) -> str:
        return f"{self.source}\nf(*{self.arguments}, **{self.keywords}) then {self.steps}"


def indented(lines: Lines) -> Lines:
    return [f" {line}" for line in lines]


names = st.sampled_from(NAMES)
errors = st.sampled_from(ERRORS)
atoms = st.one_of(st.integers(0, 3).map(str), names, st.just("None"))


@st.composite
def expressions(draw: st.DrawFn, place: Place) -> str:
    first, second = draw(atoms), draw(atoms)
    forms = [
        first,
        f"{first} // {second}",
        f"helper({first}, {second})",
        f"({first}, {second})",
        f"({first} or {second})",
        f"({second} if {first} else x)",
        f"(y := {first})",
        f"[{second} for x in range(2) if x]",
        f"(lambda q={first}: (q, cell))()",
        f"sorted(({first}, *[{second}]), key=lambda v: -v)",
        "(\n  helper(a,\n   b)\n )",
    ]
    if place.generates:
        forms += [f"(yield {first})", f"(yield {first}, (yield {second}))"]
    if place.awaits:
        forms += [f"(await step({first}))", f"(await step({first}), await step({second}))"]
    return draw(st.sampled_from(forms))


@st.composite
def simple(draw: st.DrawFn, place: Place) -> Lines:
    value, name, error = draw(expressions(place)), draw(names), draw(errors)
    forms = [
        f"log.append({value})",
        f"{name} = {value}",
        f"{name} += 1",
        "pass",
        f"del {name}" if name != "cell" else "cell = None",
        f"assert {name}, {name}",
        f"raise {error}({name})",
        f"raise {error} from helper({name}, 1)",
        "raise",
        f"a, *b = {value}",
    ]
    if not place.group:
        forms += [f"return {value}" if not (place.generates and place.awaits) else "return", "return"]
        forms += ["break", "continue"] if place.loop else []
    if place.generates and not place.awaits:
        forms += [f"{name} = yield from steps({value}, log)", "yield"]
        forms += [] if place.group else [f"return (yield {value})"]
    return [draw(st.sampled_from(forms))]


@st.composite
def compound(draw: st.DrawFn, place: Place) -> Lines:
    block = blocks(place.inner())
    kinds = [branch, choice, loops, tries, withs, inner_functions]
    return draw(draw(st.sampled_from(kinds))(place, block))


@st.composite
def branch(draw: st.DrawFn, place: Place, block: st.SearchStrategy[Lines]) -> Lines:
    rest = ["else:", *indented(draw(block))] if draw(st.booleans()) else []
    return [f"if {draw(expressions(place))}:", *indented(draw(block)), *rest]


@st.composite
def choice(draw: st.DrawFn, place: Place, block: st.SearchStrategy[Lines]) -> Lines:
    guard = draw(st.sampled_from(("", " if helper(x, 1)", " if y")))
    cases = [
        line
        for pattern in (f"0 | 1{guard}", f"[x, *y]{guard}", "_")
        for line in [f"case {pattern}:", *indented(draw(block))]
    ]
    return [f"match {draw(expressions(place))}:", *indented(cases)]


@st.composite
def loops(draw: st.DrawFn, place: Place, block: st.SearchStrategy[Lines]) -> Lines:
    heads = ["for x in range(2):", "while tick():", "for a, *b in [(1, 2), (3,)]:", "while True:"]
    heads += ["async for x in steps(2, log):"] if place.awaits else []
    head = draw(st.sampled_from(heads))
    body = draw(blocks(place.inner(loop=True, group=False) if not place.group else place.inner()))
    stop = [" if not tick(): raise IndexError"] if head == "while True:" else []
    rest = ["else:", *indented(draw(block))] if draw(st.booleans()) else []
    return [head, *stop, *indented(body), *rest]


@st.composite
def tries(draw: st.DrawFn, place: Place, block: st.SearchStrategy[Lines]) -> Lines:
    kind = draw(st.sampled_from(("except", "finally", "except finally", "except*")))
    out = ["try:", *indented(draw(block))]
    if kind == "except*":
        handler = draw(blocks(place.inner(loop=False, group=True)))
        return [*out, f"except* {draw(errors)} as e:", " log.append(len(e.exceptions))", *indented(handler)]
    if "except" in kind:
        named = draw(st.sampled_from((f"except {draw(errors)}:", "except Exception as e:", "except:")))
        out += [named, *indented(draw(block))]
        out += ["else:", *indented(draw(block))] if draw(st.booleans()) else []
    if "finally" in kind:
        out += ["finally:", *indented(draw(block))]
    return out


@st.composite
def withs(draw: st.DrawFn, place: Place, block: st.SearchStrategy[Lines]) -> Lines:
    word = draw(st.sampled_from(("with", "async with"))) if place.awaits else "with"
    managers = ", ".join(f"Suppress({draw(errors)}, log) as {draw(names)}" for _ in range(draw(st.integers(1, 2))))
    return [f"{word} {managers}:", *indented(draw(block))]


@st.composite
def inner_functions(draw: st.DrawFn, place: Place, block: st.SearchStrategy[Lines]) -> Lines:
    nested = draw(blocks(Place(generates=False, awaits=False, depth=0)))
    return ["def inner(x=a):", " nonlocal b", *indented(nested), "log.append(inner())", *draw(block)]


@st.composite
def blocks(draw: st.DrawFn, place: Place) -> Lines:
    statement = simple(place) if place.depth <= 0 else st.one_of(simple(place), compound(place))
    return [line for lines in draw(st.lists(statement, min_size=1, max_size=3)) for line in lines]


CALLS = (
    ("a=0, b=1", ((), {})),
    ("a=0, b=1", ((2, 0), {})),
    ("a=0, /, b=1, *c, d=4, **y", ((1, 2, 3), {"d": 0, "z": 1})),
    ("a, b=1, *, c=2", ((3,), {"c": 1})),
    ("*a, b=2, **c", ((0, 1), {"b": 0})),
    ("a=0, b=1, /, *, c=3, d=4", ((0,), {"d": 2})),
    ("a=cell, b=(), x=7, y=8", ((), {"y": 0})),
    ("a, b", ((), {"b": 1})),
)
"""Parameters of every kind, and arguments for them; the last do not fit."""

SEND = st.tuples(st.just("send"), st.one_of(st.none(), st.integers(0, 3)))
THROW = st.tuples(st.just("throw"), errors)
CLOSE = st.tuples(st.just("close"), st.none())
STEPS = st.one_of(SEND, THROW, CLOSE)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    generates, awaits = draw(st.booleans()), draw(st.booleans())
    place = Place(generates, awaits)
    body = [*draw(blocks(place)), *(["yield 9"] if generates else []), *(["await step(8)"] if awaits else [])]
    scope = draw(st.sampled_from(("nonlocal cell; x, y, d = 1, [2], ()", "pass", "'''Document.'''; nonlocal cell")))
    parameters, (arguments, keywords) = draw(st.sampled_from(CALLS))
    head = f"{'async ' if awaits else ''}def f({parameters}):"
    lines = [
        "def make(log, tick, helper, Suppress, step, steps):",
        " cell = 5",
        f" {head}",
        *indented(indented([scope, *body, f"return {draw(names)}" if not (generates and awaits) else "return"])),
        " def f_cell(): return cell",
        " return f, f_cell",
    ]
    steps = draw(st.one_of(st.just([("send", None), ("close", None)]), st.lists(STEPS, max_size=5)))
    return Program("\n".join(lines), arguments, keywords, tuple(steps))
