import sys

import pytest

from weaver.pointcut.match import match
from weaver.pointcut.parser import parse_pointcut
from weaver.shadow import Shadow, scan_module


class Base:
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


def plain(value: int) -> int:
    return value


SHADOWS = {shadow.qualname: shadow for shadow in scan_module(sys.modules[__name__])}
HERE = __name__


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"execution(* {HERE}.Base.serve(..))", {"Base.serve"}),
        (f"execution(* {HERE}.Base+.serve(..))", {"Base.serve", "Derived.serve"}),
        ("execution(* tests..Derived.*(..))", {"Derived.serve", "Derived.ready", "Derived.make"}),
        (f"{HERE}:plain", {"plain"}),
        ("tests..pl*", {"plain"}),
        (f"execution(* tests..*.serve(request, ..)) and not within({HERE}.Base)", {"Derived.serve"}),
        ("execution(* tests..*.serve(str, int))", {"Base.serve", "Derived.serve"}),
        ("execution(bool tests..Base.serve(..))", {"Base.serve"}),
        ("execution(* tests..*.serve(nothing))", set()),
        (f"within({HERE}.Base+) and execution(* serve(..))", {"Base.serve", "Derived.serve"}),
    ],
)
def test_pointcut_selects_its_shadows(text: str, names: set[str]) -> None:
    tree = parse_pointcut(text)

    assert {name for name, shadow in SHADOWS.items() if match(tree, shadow).matched} == names & set(SHADOWS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a.plain", "is not a"),
        ("tests..other", "the name plain is not other"),
        ("execution(* tests..plain(x))", "the parameters value are not (x)"),
        ("execution(str tests..plain(..))", "it returns int, not str"),
        ("not tests..plain", "is execution"),
        ("within(b)", "is not within b"),
    ],
)
def test_no_has_a_reason(text: str, reason: str) -> None:
    shadow: Shadow = SHADOWS["plain"]

    found = match(parse_pointcut(text), shadow)

    assert not found.matched
    assert reason in found.reason
