"""How a function fits a signature: what stands around it, its parameters, its annotations, the classes that use it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from weaver.classes import bases_of, is_class, namespace_of
from weaver.pointcut.nodes import Parameters
from weaver.pointcut.pattern import fits, fits_class, without_locals
from weaver.pointcut.residue import class_name
from weaver.shadow import Parameter, Shadow


def fits_around(path: str, subclasses: bool, shadow: Shadow) -> bool:
    """Say whether a function stands in a module, class or function; with ``subclasses`` in any class from it, too."""
    around = shadow.qualname.rpartition(".")[0]
    is_nested = around.endswith("<locals>")
    if subclasses:
        return not is_nested and any(fits_class(path, without_locals(base)) for base in shadow.bases)
    if shadow.class_name is not None and not is_nested and fits(path, without_locals(shadow.class_name)):
        return True
    return fits(path, without_locals(f"{shadow.module}.{around}" if around else shadow.module))


def fit_parameters(wanted: Parameters, present: Sequence[Parameter]) -> bool:
    """Say whether a function has such parameters; ``self`` and ``cls`` count only when they are asked for."""
    if wanted.is_anything:
        return True
    first = wanted.values[0].pattern if wanted.values else ""
    if present and present[0].name in {"self", "cls"} and first != present[0].name:
        present = present[1:]
    if len(present) < len(wanted.values) or (not wanted.rest and len(present) != len(wanted.values)):
        return False
    return all(
        value.pattern == "*" or fits(value.pattern, given.name) or fits_annotation(value.pattern, given.annotation)
        for value, given in zip(wanted.values, present, strict=False)
    )


def fits_annotation(pattern: str, annotation: str | None) -> bool:
    """Compare with an annotation as written, with each member of a union and with what stands before ``[``."""
    if not annotation:
        return False
    names = [annotation, *(part.strip().partition("[")[0] for part in annotation.split("|"))]
    return any(fits_class(pattern, name) for name in names)


def heirs(shadow: Shadow) -> Iterable[Sequence[str]]:
    """Return the class and bases of each known class that uses this ``__init__`` because it has none of its own.

    A class that is made later is not among them.
    """
    known: Iterable[Sequence[str]] | None = getattr(shadow, "heirs", None)  # what is read from source has them
    if known is not None:
        return known
    names = (shadow.class_name or "").removeprefix(f"{shadow.module}.").split(".")
    found: object = vars(sys.modules[shadow.module]).get(names[0]) if shadow.module in sys.modules else None
    for name in names[1:]:
        found = namespace_of(found).get(name) if is_class(found) else None
    return [list(map(class_name, bases_of(kind))) for kind in _inheriting(found)]


def _inheriting(owner: object) -> Iterator[type]:
    waiting: list[type] = type.__subclasses__(owner) if is_class(owner) else []
    seen: set[int] = set()
    while waiting:
        kind = waiting.pop()
        if id(kind) not in seen and "__init__" not in namespace_of(kind):
            seen.add(id(kind))
            waiting += type.__subclasses__(kind)
            yield kind
