"""``look_back.*``: the marks of calls that were kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from weaver.errors import UnknownNameError
from weaver.look_back import LookBack
from weaver.management.roles import Role
from weaver.management.rpc import MethodLike, RegisteredMethod, by_name


def look_back_methods(look_back: LookBack) -> dict[str, MethodLike]:
    """Return the methods over the rings of all calls."""

    def list_all() -> Any:
        return {"calls": look_back.list(), "statistics": asdict(look_back.statistics())}

    def show(call: str) -> Any:
        found = look_back.show(call)
        if found is None:
            raise UnknownNameError(f"no marks are kept of a call {call!r}; look_back.list has those that are")
        return found

    def keep(call: str, reason: str = "asked for") -> Any:
        if not look_back.keep(call, reason):
            raise UnknownNameError(f"no call {call!r} has marks; the monitor CallMarks leaves them while it is on")
        return look_back.show(call)

    def clear() -> Any:
        return {"cleared": look_back.clear()}

    return {
        "look_back.list": RegisteredMethod(by_name(list_all), "Lists the calls whose marks are kept.", Role.VIEWER),
        "look_back.show": RegisteredMethod(
            by_name(show), "Returns the marks of a call by its key or Call-ID.", Role.VIEWER
        ),
        "look_back.keep": RegisteredMethod(by_name(keep), "Keeps the marks of a call that lives.", Role.OPERATOR),
        "look_back.clear": RegisteredMethod(by_name(clear), "Drops the marks that are kept.", Role.OPERATOR),
    }
