"""Does a pointcut select a joinpoint shadow? Yes, yes if a residue holds at run time, or no and why.

Shape: a shadow's ``owners`` are, of an ``except`` clause, the class that is caught and its bases; of a call, a read or
a write the class of an attribute and its bases, or the modules in which a function is found, its own first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from weaver.pointcut.fit import fit_parameters, fits_annotation, fits_around, heirs
from weaver.pointcut.needs import could_match, flows, needs
from weaver.pointcut.nodes import (
    And,
    Args,
    Call,
    Cflow,
    Decorated,
    Execution,
    Get,
    Handler,
    Initialization,
    Not,
    Or,
    Parameters,
    Pointcut,
    Raises,
    Set,
    Target,
    This,
    Within,
    WithinCode,
)
from weaver.pointcut.pattern import fits, fits_class, fits_inside, without_locals
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
)
from weaver.shadow import Shadow

__all__ = ["Match", "could_match", "decide", "flows", "match", "needs"]


class Match(NamedTuple):
    """The answer, for a no its reason in words, for a yes what must hold at run time."""

    matched: bool
    reason: str = ""
    residue: Residue | None = None


YES = Match(True)


def match(pointcut: Pointcut, shadow: Shadow) -> Match:
    """Match one shadow; a pointcut that names no kind of joinpoint selects executions."""
    if isinstance(pointcut, Or):
        return _either([match(one, shadow) for one in pointcut.operands])
    found = decide(pointcut, shadow)
    if found.matched and shadow.kind not in needs(pointcut):
        return Match(False, f"{pointcut} selects no joinpoint of the kind {shadow.kind}")
    return found


def decide(pointcut: Pointcut, shadow: Shadow) -> Match:
    """Match one shadow with a part of a pointcut, whatever the kinds that the whole is about.

    Errors: TypeError for what is no pointcut (ours).
    """
    decider = _DECIDERS.get(type(pointcut))
    if decider is None:
        raise TypeError(f"{type(pointcut).__name__} is no pointcut")
    found: Match = decider(pointcut, shadow)
    return found


def _all_of(pointcut: And, shadow: Shadow) -> Match:
    residues: list[Residue] = []
    for one in pointcut.operands:
        found = decide(one, shadow)
        if not found.matched:
            return found
        if found.residue is not None:
            residues += found.residue.operands if isinstance(found.residue, AllOf) else (found.residue,)
    if len(residues) < 2:
        return Match(True, "", residues[0]) if residues else YES
    return Match(True, "", AllOf(tuple(residues)))


def _any_of(pointcut: Or, shadow: Shadow) -> Match:
    return _either([decide(one, shadow) for one in pointcut.operands])


def _either(found: Sequence[Match]) -> Match:
    residues = [one.residue for one in found if one.matched]
    if not residues:
        return Match(False, "; ".join(dict.fromkeys(one.reason for one in found)))
    known = [one for one in residues if one is not None]
    if len(known) < len(residues):
        return YES
    return Match(True, "", known[0] if len(known) == 1 else AnyOf(tuple(known)))


def _not(pointcut: Not, shadow: Shadow) -> Match:
    found = decide(pointcut.operand, shadow)
    if not found.matched:
        return YES
    if found.residue is None:
        return Match(False, f"{shadow.id} is {pointcut.operand}")
    return Match(True, "", NoneOf(found.residue.operands if isinstance(found.residue, AnyOf) else (found.residue,)))


def _execution(pointcut: Execution, shadow: Shadow) -> Match:
    if shadow.kind != "execution":
        return _other_kind(shadow, "execution")
    if not fits(pointcut.name, shadow.name):
        return Match(False, f"the name {shadow.name} is not {pointcut.name}")
    return _function(pointcut, shadow)


def _within_code(pointcut: WithinCode, shadow: Shadow) -> Match:
    names = without_locals(shadow.qualname).split(".")
    if fits(pointcut.name, names[-1]):
        found = _function(pointcut, shadow)
        if found.matched:
            return found
    if pointcut.parameters.is_anything and pointcut.returns.pattern == "*":
        for end in range(len(names) - 1, 0, -1):
            around = ".".join([shadow.module, *names[: end - 1]])
            if fits(pointcut.name, names[end - 1]) and (not pointcut.path or fits(pointcut.path, around)):
                return YES
    return Match(False, f"{shadow.id} is not in the code of {pointcut}")


def _function(pointcut: Execution | WithinCode, shadow: Shadow) -> Match:
    """Match what stands around the enclosing function, its parameters and what it returns."""
    if pointcut.path and not fits_around(pointcut.path, pointcut.subclasses, shadow):
        plus = " or a subclass of it" if pointcut.subclasses else ""
        return Match(False, f"{shadow.class_name or shadow.module} is not {pointcut.path}{plus}")
    if not fit_parameters(pointcut.parameters, shadow.parameters):
        names = ", ".join(one.name for one in shadow.parameters)
        return Match(False, f"the parameters {names or '()'} are not ({pointcut.parameters})")
    wanted = pointcut.returns.pattern
    if wanted != "*" and not fits_annotation(wanted, shadow.returns or "None"):
        return Match(False, f"it returns {shadow.returns}, not {wanted}")
    return YES


def _call(pointcut: Call, shadow: Shadow) -> Match:
    found = _member(pointcut, shadow, "call")
    if not found.matched or pointcut.parameters.is_anything:
        return found
    classes = _arguments(pointcut.parameters)
    return Match(True, "", classes if found.residue is None else AllOf((found.residue, classes)))


def _get(pointcut: Get, shadow: Shadow) -> Match:
    return _member(pointcut, shadow, "get")


def _set(pointcut: Set, shadow: Shadow) -> Match:
    return _member(pointcut, shadow, "set")


def _member(pointcut: Call | Get | Set, shadow: Shadow, kind: str) -> Match:
    if shadow.kind != kind:
        return _other_kind(shadow, kind)
    if not fits(pointcut.name, shadow.name):
        return Match(False, f"the name {shadow.name} is not {pointcut.name}")
    if not pointcut.path:
        return YES
    if not shadow.owners:
        return Match(True, "", ReceiverIs(pointcut.path, pointcut.subclasses))
    is_class = shadow.owners[-1] == "builtins.object"
    owners = shadow.owners[:1] if is_class and not pointcut.subclasses else shadow.owners
    test = fits_class if pointcut.subclasses else fits
    if any(test(pointcut.path, without_locals(owner)) for owner in owners):
        return YES
    return Match(False, f"{shadow.name} belongs to {shadow.owners[0]}, not to {pointcut.path}")


def _handler(pointcut: Handler, shadow: Shadow) -> Match:
    if shadow.kind != "handler":
        return _other_kind(shadow, "handler")
    if not shadow.owners:
        return Match(True, "", ReceiverIs(pointcut.pattern, True))
    caught = shadow.owners if pointcut.subclasses else shadow.owners[:1]
    if any(fits_class(pointcut.pattern, without_locals(one)) for one in caught):
        return YES
    return Match(False, f"it handles {shadow.owners[0]}, not {pointcut.pattern}")


def _initialization(pointcut: Initialization, shadow: Shadow) -> Match:
    if shadow.kind != "execution" or shadow.name != "__init__" or shadow.class_name is None:
        return Match(False, f"{shadow.id} is no __init__")
    if _is_class(pointcut, [shadow.class_name, *shadow.bases[1:]]):
        return YES
    if any(_is_class(pointcut, classes) for classes in heirs(shadow)):
        return Match(True, "", ThisIs(pointcut.pattern, pointcut.subclasses))
    return Match(False, f"{shadow.class_name} is not {pointcut.pattern}")


def _is_class(pointcut: Initialization, classes: Sequence[str]) -> bool:
    wanted = classes if pointcut.subclasses else classes[:1]
    return any(fits_class(pointcut.pattern, without_locals(one)) for one in wanted)


def _within(pointcut: Within, shadow: Shadow) -> Match:
    if pointcut.subclasses:
        inside = any(fits_class(pointcut.path, without_locals(base)) for base in shadow.bases)
    else:
        inside = fits_inside(pointcut.path, without_locals(f"{shadow.module}.{shadow.qualname}")) or (
            shadow.class_name is not None and fits_inside(pointcut.path, without_locals(shadow.class_name))
        )
    return YES if inside else Match(False, f"{shadow.id} is not within {pointcut.path}")


def _decorated(pointcut: Decorated, shadow: Shadow) -> Match:
    if any(fits_class(pointcut.name, name.removeprefix("class:")) for name in shadow.decorators):
        return YES
    return Match(False, f"{shadow.id} has no decorator {pointcut.name}")


def _this(pointcut: This, shadow: Shadow) -> Match:
    if shadow.class_name is None or "staticmethod" in shadow.decorators:
        return Match(False, f"{shadow.id} runs on no object")
    if pointcut.subclasses and any(fits_class(pointcut.pattern, without_locals(base)) for base in shadow.bases):
        return YES
    return Match(True, "", ThisIs(pointcut.pattern, pointcut.subclasses))


def _target(pointcut: Target, shadow: Shadow) -> Match:
    residue = TargetIs(pointcut.pattern, pointcut.subclasses)
    if shadow.kind == "execution":
        found = _this(This(pointcut.pattern, pointcut.subclasses), shadow)
        return found if found.residue is None else Match(True, "", residue)
    if shadow.kind == "handler":
        return Match(False, "an except clause has no target")
    if pointcut.subclasses and any(fits_class(pointcut.pattern, without_locals(owner)) for owner in shadow.owners):
        return YES
    return Match(True, "", residue)


def _args(pointcut: Args, shadow: Shadow) -> Match:
    if shadow.kind not in {"execution", "call"}:
        return Match(False, f"a joinpoint of the kind {shadow.kind} has no arguments")
    return YES if pointcut.parameters.is_anything else Match(True, "", _arguments(pointcut.parameters))


def _arguments(parameters: Parameters) -> ArgumentsAre:
    return ArgumentsAre(parameters.values, parameters.rest)


def _cflow(pointcut: Cflow, shadow: Shadow) -> Match:  # noqa: ARG001 - as all deciders
    return Match(True, "", InFlow(pointcut.pointcut))


def _raises(pointcut: Raises, shadow: Shadow) -> Match:
    if shadow.kind == "handler":
        return Match(False, "an except clause ends no joinpoint")
    return Match(True, "", Raised(pointcut.pattern, pointcut.subclasses))


def _other_kind(shadow: Shadow, wanted: str) -> Match:
    return Match(False, f"the joinpoint is of the kind {shadow.kind}, not {wanted}")


_DECIDERS: dict[type[Pointcut], Callable[..., Match]] = {
    And: _all_of,
    Or: _any_of,
    Not: _not,
    Execution: _execution,
    WithinCode: _within_code,
    Call: _call,
    Get: _get,
    Set: _set,
    Handler: _handler,
    Initialization: _initialization,
    Within: _within,
    Decorated: _decorated,
    This: _this,
    Target: _target,
    Args: _args,
    Cflow: _cflow,
    Raises: _raises,
}
