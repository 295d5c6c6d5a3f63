"""The tree of a pointcut: frozen values; ``str(tree)`` gives an expression that parses to the same tree."""

from __future__ import annotations

from dataclasses import dataclass


class Pointcut:
    """Root of all nodes; ``&``, ``|`` and ``~`` combine them."""

    __slots__ = ()

    def __and__(self, other: Pointcut) -> Pointcut:
        return And(self, other)

    def __or__(self, other: Pointcut) -> Pointcut:
        return Or(self, other)

    def __invert__(self) -> Pointcut:
        return Not(self)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameter list of an execution pointcut.

    Shape: names or annotations, ``*`` for any one; ``rest`` says that a ``..`` stands behind them.
    """

    names: tuple[str, ...] = ()
    rest: bool = True

    def __str__(self) -> str:
        return ", ".join((*self.names, "..") if self.rest else self.names)


@dataclass(frozen=True, slots=True)
class Execution(Pointcut):
    """``execution(RETURNS TYPE.NAME(PARAMETERS))``.

    Shape: ``path`` is the module or module and class as a pattern, empty for any; ``subclasses`` is the ``+``.
    """

    name: str
    path: str = ""
    subclasses: bool = False
    parameters: Parameters = Parameters()
    returns: str = "*"

    def __str__(self) -> str:
        plus = "+" if self.subclasses else ""
        joint = "" if not self.path or self.path.endswith("..") else "."
        return f"execution({self.returns} {self.path}{plus}{joint}{self.name}({self.parameters}))"


@dataclass(frozen=True, slots=True)
class Within(Pointcut):
    """``within(PATH)``: whatever lies in a module or class."""

    path: str
    subclasses: bool = False

    def __str__(self) -> str:
        return f"within({self.path}{'+' if self.subclasses else ''})"


@dataclass(frozen=True, slots=True)
class And(Pointcut):
    """Both."""

    left: Pointcut
    right: Pointcut

    def __str__(self) -> str:
        return f"{_part(self.left, Or)} and {_part(self.right, Or, And)}"


@dataclass(frozen=True, slots=True)
class Or(Pointcut):
    """Either."""

    left: Pointcut
    right: Pointcut

    def __str__(self) -> str:
        return f"{self.left} or {_part(self.right, Or)}"


@dataclass(frozen=True, slots=True)
class Not(Pointcut):
    """Not."""

    operand: Pointcut

    def __str__(self) -> str:
        return f"not {_part(self.operand, Or, And)}"


def _part(node: Pointcut, *weaker: type[Pointcut]) -> str:
    return f"({node})" if isinstance(node, weaker) else str(node)
