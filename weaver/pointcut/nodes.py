"""The tree of a pointcut: frozen values; ``str(tree)`` gives an expression that parses to the same tree.

``And`` and ``Or`` take their own kind apart, so that every spelling of one thing is one tree and a long chain is flat.
"""

from __future__ import annotations

from dataclasses import dataclass


class Pointcut:
    """Root of all nodes; ``&``, ``|`` and ``~`` combine them."""

    __slots__ = ()

    def __and__(self, other: Pointcut) -> Pointcut:
        return And((self, other))

    def __or__(self, other: Pointcut) -> Pointcut:
        return Or((self, other))

    def __invert__(self) -> Pointcut:
        return Not(self)


@dataclass(frozen=True, slots=True)
class Value:
    """A pattern for one parameter, argument or result.

    Shape: ``pattern`` is ``*`` for any; ``subclasses`` is the ``+`` behind a class; ``shown`` is the ``%`` before it,
    which says that the value may be shown.
    """

    pattern: str = "*"
    subclasses: bool = False
    shown: bool = False

    def __str__(self) -> str:
        return f"{'%' if self.shown else ''}{_type(self.pattern, self.subclasses)}"


@dataclass(frozen=True, slots=True)
class Parameters:
    """A parameter list; ``rest`` says that a ``..`` stands behind the values."""

    values: tuple[Value, ...] = ()
    rest: bool = True

    @property
    def is_anything(self) -> bool:
        """Say whether it is ``(..)``."""
        return self.rest and not self.values

    def __str__(self) -> str:
        return ", ".join((*map(str, self.values), "..") if self.rest else map(str, self.values))


ANYTHING = Parameters()


@dataclass(frozen=True, slots=True)
class Execution(Pointcut):
    """``execution(RETURNS PATH.NAME(PARAMETERS))``: the body of a function.

    Shape: ``path`` is the module, class or function around it, empty for any; ``subclasses`` is the ``+``.
    """

    name: str
    path: str = ""
    subclasses: bool = False
    parameters: Parameters = ANYTHING
    returns: Value = Value()

    def __str__(self) -> str:
        return f"execution({_signature(self)})"


@dataclass(frozen=True, slots=True)
class WithinCode(Pointcut):
    """``withincode(RETURNS PATH.NAME(PARAMETERS))``: whatever lies in the code of a function."""

    name: str
    path: str = ""
    subclasses: bool = False
    parameters: Parameters = ANYTHING
    returns: Value = Value()

    def __str__(self) -> str:
        return f"withincode({_signature(self)})"


@dataclass(frozen=True, slots=True)
class Call(Pointcut):
    """``call(* PATH.NAME(CLASSES))``: a call site; ``parameters`` are the classes of the arguments."""

    name: str
    path: str = ""
    subclasses: bool = False
    parameters: Parameters = ANYTHING
    returns: Value = Value()

    def __str__(self) -> str:
        return f"call({_signature(self)})"


@dataclass(frozen=True, slots=True)
class Get(Pointcut):
    """``get(PATH.NAME)``: an attribute is read."""

    name: str
    path: str = ""
    subclasses: bool = False

    def __str__(self) -> str:
        return f"get({_member(self.path, self.subclasses, self.name)})"


@dataclass(frozen=True, slots=True)
class Set(Pointcut):
    """``set(PATH.NAME)``: an attribute is written."""

    name: str
    path: str = ""
    subclasses: bool = False

    def __str__(self) -> str:
        return f"set({_member(self.path, self.subclasses, self.name)})"


@dataclass(frozen=True, slots=True)
class OfClass(Pointcut):
    """The designators that hold one class pattern; a pattern of one part is a class of that name in any module."""

    pattern: str
    subclasses: bool = False

    def __str__(self) -> str:
        return f"{type(self).__name__.lower()}({_type(self.pattern, self.subclasses)})"


class Handler(OfClass):
    """``handler(CLASS)``: an ``except`` clause for the class."""

    __slots__ = ()


class Initialization(OfClass):
    """``initialization(CLASS)``: ``__init__`` of the class."""

    __slots__ = ()


class This(OfClass):
    """``this(CLASS)``: the object that the code runs on."""

    __slots__ = ()


class Target(OfClass):
    """``target(CLASS)``: the object that is called, read or written."""

    __slots__ = ()


class Raises(OfClass):
    """``raises(CLASS)``: it ends with an exception of the class."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Within(Pointcut):
    """``within(PATH)``: whatever lies in a package, module or class."""

    path: str
    subclasses: bool = False

    def __str__(self) -> str:
        return f"within({_type(self.path, self.subclasses)})"


@dataclass(frozen=True, slots=True)
class Decorated(Pointcut):
    """``decorated(NAME)``: the function or its class has that decorator."""

    name: str

    def __str__(self) -> str:
        return f"decorated({self.name})"


@dataclass(frozen=True, slots=True)
class Args(Pointcut):
    """``args(CLASSES)``: the classes of the arguments."""

    parameters: Parameters = ANYTHING

    def __str__(self) -> str:
        return f"args({self.parameters})"


@dataclass(frozen=True, slots=True)
class Cflow(Pointcut):
    """``cflow(POINTCUT)``: while a joinpoint of that pointcut is on the way in this context."""

    pointcut: Pointcut

    def __str__(self) -> str:
        return f"cflow({self.pointcut})"


@dataclass(frozen=True, slots=True)
class And(Pointcut):
    """All of them."""

    operands: tuple[Pointcut, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "operands", _flat(And, self.operands))

    def __str__(self) -> str:
        return " and ".join(f"({one})" if isinstance(one, Or) else str(one) for one in self.operands)


@dataclass(frozen=True, slots=True)
class Or(Pointcut):
    """Any of them."""

    operands: tuple[Pointcut, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "operands", _flat(Or, self.operands))

    def __str__(self) -> str:
        return " or ".join(map(str, self.operands))


@dataclass(frozen=True, slots=True)
class Not(Pointcut):
    """Not."""

    operand: Pointcut

    def __str__(self) -> str:
        return f"not ({self.operand})" if isinstance(self.operand, And | Or) else f"not {self.operand}"


Function = Execution | WithinCode | Call
"""The nodes that hold a function's signature."""


def children(node: Pointcut) -> tuple[Pointcut, ...]:
    """Return the nodes directly below one."""
    if isinstance(node, And | Or):
        return node.operands
    if isinstance(node, Not):
        return (node.operand,)
    return (node.pointcut,) if isinstance(node, Cflow) else ()


def _flat(kind: type[And | Or], operands: tuple[Pointcut, ...]) -> tuple[Pointcut, ...]:
    return tuple(inner for one in operands for inner in (one.operands if isinstance(one, kind) else (one,)))


def _signature(node: Function) -> str:
    return f"{node.returns} {_member(node.path, node.subclasses, node.name)}({node.parameters})"


def _member(path: str, subclasses: bool, name: str) -> str:
    joint = "" if not path or path.endswith("..") else "."
    return f"{_type(path, subclasses)}{joint}{name}"


def _type(pattern: str, subclasses: bool) -> str:
    return f"{pattern}+" if subclasses else pattern
