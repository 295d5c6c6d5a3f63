"""What has no Python code, reached through its attribute: a proxy stands there while it is woven.

Only what looks the attribute up sees the proxy: names that were bound before do not. So it is done on explicit request.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from weakref import ref

from weaver.errors import WeaveError
from weaver.shadow import Shadow
from weaver.weaving.guard import Advice, Guard, same


class _Placed(NamedTuple):
    owner: ref[Any]
    proxy: object
    original: object


_placed: dict[tuple[str, str], _Placed] = {}


def weave_proxy(shadow: Shadow, advice: Advice | None) -> None:
    """Put a proxy with advice in the place of an attribute, in place of one that is there; None takes it away.

    Errors: WeaveError when the attribute cannot be set, or somebody else has set it meanwhile.
    """
    key = (shadow.module, shadow.qualname)
    placed = _placed.get(key)
    if placed is None and advice is None:
        return
    owner, name = _owner(shadow)
    if placed is not None and placed.owner() is not owner:
        placed = None  # of a module that is gone
        if advice is None:
            return
    present = vars(owner).get(name)
    if placed is not None and present is not placed.proxy:
        raise WeaveError(shadow.module, shadow.qualname, "another tool has replaced its proxy; it is left alone")
    original = present if placed is None else placed.original
    wanted = original if advice is None else _proxy(original, advice)
    try:
        setattr(owner, name, wanted)
    except (TypeError, AttributeError) as error:
        raise WeaveError(shadow.module, shadow.qualname, f"no proxy can stand there: {error}") from error
    _placed.pop(key, None)
    if advice is not None:
        _placed[key] = _Placed(ref(owner), wanted, original)


def enter(advice: Advice, *arguments: object) -> object:
    """Count and enter, as woven code does; return the token."""
    if advice.passes is not None:
        next(advice.passes)
    return advice.enter(*arguments) if advice.arguments else advice.enter()


def lets_through(guard: Guard | None) -> bool:
    """Say whether a guard lets the advice run, as woven code asks it."""
    if guard is None:
        return True
    return (guard.gate is None or guard.gate.on) and bool(getattr(guard.get(), guard.slot))


def _owner(shadow: Shadow) -> tuple[Any, str]:
    """Return the module or class that has the attribute, and its name."""
    *path, name = shadow.qualname.split(".")
    owner: Any = sys.modules.get(shadow.module)
    for part in path:
        owner = None if owner is None else vars(owner).get(part)
    if owner is None or name not in vars(owner):
        raise WeaveError(shadow.module, shadow.qualname, "it is not found where it was")
    return owner, name


def _proxy(original: Any, advice: Advice) -> object:
    from wrapt import FunctionWrapper  # not above: it imports threading

    leave, throw, guard = advice.exit or same, advice.throw, advice.guard

    def advised(
        wrapped: Callable[..., object], instance: object, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> object:
        if not lets_through(guard):
            return wrapped(*arguments, **keywords)
        token = enter(advice, *(() if instance is None else (instance,)), *arguments, *keywords.values())
        try:
            result = wrapped(*arguments, **keywords)
        except BaseException as error:
            if throw is not None:
                throw(token, error)
            raise
        return leave(token, result)

    return FunctionWrapper(original, advised)
