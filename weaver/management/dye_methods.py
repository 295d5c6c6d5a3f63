"""The methods ``dye.*``: the rules that set named dyes, and which names there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weaver.dye_names import FLAGS
from weaver.dye_rules import RuleBook
from weaver.management.roles import Role
from weaver.management.rpc import MethodLike, RegisteredMethod, by_name


def dye_methods(rules: RuleBook, is_dyeing: Callable[[], bool] = lambda: True) -> dict[str, MethodLike]:
    """Return the methods over the rules of the process; ``is_dyeing`` says whether somebody puts them to messages."""

    def add(
        kind: str, value: str, name: str = "", ttl: float | None = None, hits: int | None = None, reason: str = ""
    ) -> Any:
        rule = rules.add(kind, value, name, ttl=ttl, hits=hits, reason=reason)
        return {**next(one for one in rules.list() if one["id"] == rule.id), "is_dyeing": is_dyeing()}

    def list_all() -> dict[str, Any]:
        names = rules.names
        named = {name: names.holders(name) for name in names if name not in FLAGS}
        room = {"flags": len(FLAGS), "width": names.width}
        return {"rules": rules.list(), "named": named, **room, "is_dyeing": is_dyeing()}

    def remove(which: str, reason: str = "") -> dict[str, Any]:
        before = {one["id"]: one for one in rules.list()}
        removed = [before[rule.id] for rule in rules.remove(which)]
        return {"removed": removed, **({"reason": reason} if reason else {})}

    def kinds() -> dict[str, str]:
        return {name: kind.description for name, kind in sorted(rules.kinds.items())}

    methods: Mapping[str, RegisteredMethod] = {
        "dye.add": RegisteredMethod(by_name(add), "Adds a rule that sets a named dye.", Role.OPERATOR),
        "dye.list": RegisteredMethod(by_name(list_all), "Lists the rules, and who holds the named dyes.", Role.VIEWER),
        "dye.remove": RegisteredMethod(
            by_name(remove),
            "Takes away a rule by its number, or all of a name; calls lose the dye.",
            Role.OPERATOR,
        ),
        "dye.kinds": RegisteredMethod(by_name(kinds), "Returns the kinds of rules and what they look at.", Role.VIEWER),
    }
    return dict(methods)
