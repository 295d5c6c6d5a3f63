"""What of a pointcut is only known at run time: a frozen tree, and the test that it is compiled to.

A test runs none of the program's code: it looks at ``type(x)`` and the classes it comes from, never at ``x``. Answers
about a class are kept, so that the next object of that class costs a look-up.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import ClassVar, NamedTuple, Protocol

from weaver.classes import bases_of, dotted_name
from weaver.pointcut.nodes import Parameters, Pointcut, Value
from weaver.pointcut.pattern import fits_class, without_locals

KEPT = 1024
"""How many answers about classes one pattern keeps; then it begins anew."""


class Facts(Protocol):
    """What a test asks of one pass through a joinpoint.

    Shape: ``this`` is the object that the code runs on, ``receiver`` the object that is called, read or written, for an
    ``except`` clause the exception, for an execution the same as ``this``; None where there is none. ``arguments`` are
    without ``this``. ``error`` is set at the end.
    """

    @property
    def this(self) -> object | None:
        """The object that the code runs on."""
        ...

    @property
    def receiver(self) -> object | None:
        """The object that is called, read or written."""
        ...

    @property
    def arguments(self) -> tuple[object, ...]:
        """What was passed."""
        ...

    @property
    def error(self) -> BaseException | None:
        """What it raised."""
        ...

    def in_flow(self, pointcut: Pointcut) -> bool:
        """Say whether a joinpoint of that pointcut is on the way in this context."""
        ...


class Residue:
    """Root of all residues."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _IsOfClass(Residue):
    pattern: str
    subclasses: bool = False
    words: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"{self.words} {self.pattern}{'+' if self.subclasses else ''}"


class ReceiverIs(_IsOfClass):
    """The receiver is of a class."""

    __slots__ = ()
    words: ClassVar[str] = "the receiver is a"


class ThisIs(_IsOfClass):
    """The object that the code runs on is of a class."""

    __slots__ = ()
    words: ClassVar[str] = "it runs on a"


class TargetIs(_IsOfClass):
    """The object that is called, read or written is of a class."""

    __slots__ = ()
    words: ClassVar[str] = "the target is a"


class Raised(_IsOfClass):
    """It ended with an exception of a class; asked at the end."""

    __slots__ = ()
    words: ClassVar[str] = "it raises a"


@dataclass(frozen=True, slots=True)
class ArgumentsAre(Residue):
    """The arguments are of these classes; ``rest`` allows more of them."""

    patterns: tuple[Value, ...]
    rest: bool = False

    def __str__(self) -> str:
        return f"the arguments are ({Parameters(self.patterns, self.rest)})"


@dataclass(frozen=True, slots=True)
class InFlow(Residue):
    """A joinpoint of the pointcut is on the way in this context."""

    pointcut: Pointcut

    def __str__(self) -> str:
        return f"it is under way from {self.pointcut}"


@dataclass(frozen=True, slots=True)
class AllOf(Residue):
    """All of them."""

    operands: tuple[Residue, ...]

    def __str__(self) -> str:
        return " and ".join(f"({one})" if isinstance(one, AnyOf) else str(one) for one in self.operands)


@dataclass(frozen=True, slots=True)
class AnyOf(Residue):
    """Any of them."""

    operands: tuple[Residue, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.operands))


@dataclass(frozen=True, slots=True)
class NoneOf(Residue):
    """None of them."""

    operands: tuple[Residue, ...]

    def __str__(self) -> str:
        return f"not ({' or '.join(map(str, self.operands))})"


Check = Callable[[Facts], bool]


class Test(NamedTuple):
    """A compiled residue: what to ask before the joinpoint and what after it; None asks nothing, both must say yes."""

    at_entry: Check | None = None
    at_exit: Check | None = None


def compile(residue: Residue) -> Test:  # noqa: A001 - as in re.compile
    """Compile a residue: what can be asked at entry is asked there, all else at exit."""
    parts = residue.operands if isinstance(residue, AllOf) else (residue,)
    entry = tuple(_check(part) for part in parts if not _is_late(part))
    late = tuple(_check(part) for part in parts if _is_late(part))
    return Test(_all(entry) if entry else None, _all(late) if late else None)


@lru_cache(maxsize=KEPT)
def class_test(pattern: str, subclasses: bool) -> Callable[[object], bool]:
    """Return the test whether an object is of a class, with ``subclasses`` or of a class that comes from it."""
    kept: dict[int, tuple[weakref.ref[type], bool]] = {}

    def is_of_class(value: object) -> bool:
        kind = type(value)
        found = kept.get(id(kind))
        if found is not None and found[0]() is kind:
            return found[1]
        classes = bases_of(kind) if subclasses else (kind,)
        answer = any(fits_class(pattern, class_name(one)) for one in classes)
        if len(kept) >= KEPT:
            kept.clear()
        kept[id(kind)] = weakref.ref(kind), answer
        return answer

    return is_of_class


def class_name(kind: type) -> str:
    """Return ``module.Class`` without asking the class's own code."""
    return without_locals(dotted_name(kind))


def _is_late(residue: Residue) -> bool:
    if isinstance(residue, AllOf | AnyOf | NoneOf):
        return any(map(_is_late, residue.operands))
    return isinstance(residue, Raised)


def _check(residue: Residue) -> Check:
    maker = _MAKERS.get(type(residue))
    if maker is None:
        raise TypeError(f"{type(residue).__name__} is no residue")
    check: Check = maker(residue)
    return check


def _of_class(residue: _IsOfClass) -> Check:
    test, subject = class_test(residue.pattern, residue.subclasses), _SUBJECTS[type(residue)]

    def check(facts: Facts) -> bool:
        value = subject(facts)
        return value is not None and test(value)

    return check


def _arguments(residue: ArgumentsAre) -> Check:
    count, rest = len(residue.patterns), residue.rest
    tests = [
        (at, class_test(value.pattern, value.subclasses))
        for at, value in enumerate(residue.patterns)
        if value.pattern != "*"
    ]

    def check(facts: Facts) -> bool:
        arguments = facts.arguments
        if len(arguments) < count or (not rest and len(arguments) != count):
            return False
        return all(test(arguments[at]) for at, test in tests)

    return check


def _flow(residue: InFlow) -> Check:
    pointcut = residue.pointcut
    return lambda facts: facts.in_flow(pointcut)


def _all_of(residue: AllOf) -> Check:
    return _all(tuple(map(_check, residue.operands)))


def _any_of(residue: AnyOf) -> Check:
    checks = tuple(map(_check, residue.operands))
    return lambda facts: any(check(facts) for check in checks)


def _none_of(residue: NoneOf) -> Check:
    checks = tuple(map(_check, residue.operands))
    return lambda facts: not any(check(facts) for check in checks)


def _all(checks: tuple[Check, ...]) -> Check:
    if len(checks) == 1:
        return checks[0]
    return lambda facts: all(check(facts) for check in checks)


_SUBJECTS: dict[type[_IsOfClass], Callable[[Facts], object]] = {
    ReceiverIs: attrgetter("receiver"),
    TargetIs: attrgetter("receiver"),
    ThisIs: attrgetter("this"),
    Raised: attrgetter("error"),
}
_MAKERS: dict[type[Residue], Callable[..., Check]] = {
    **dict.fromkeys(_SUBJECTS, _of_class),
    ArgumentsAre: _arguments,
    InFlow: _flow,
    AllOf: _all_of,
    AnyOf: _any_of,
    NoneOf: _none_of,
}
