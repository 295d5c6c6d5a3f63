from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.pointcut.test_match import HERE, SHADOWS
from weaver.pointcut.lint import (
    CODES,
    Lint,
    is_c_function,
    lint_location,
    lint_mask,
    lint_names,
    lint_selection,
)
from weaver.pointcut.parser import parse_pointcut
from weaver.pointcut.selection import select
from weaver.shadow import Shadow

ALL = list(SHADOWS.values())


def selection(text: str, shadows: list[Shadow] = ALL, most: int = 100, **options: Any) -> list[Lint]:
    pointcut = parse_pointcut(text)
    return list(lint_selection("M", pointcut, select(pointcut, shadows), shadows, most=most, **options))


def test_nothing_is_said_of_a_pointcut_that_is_fine() -> None:
    assert selection(f"{HERE}.plain") == []


def test_pointcut_that_selects_nothing_is_told_the_nearest_names() -> None:
    (lint,) = selection("server.plain")

    assert (lint.code, lint.subject) == ("matches-nothing", "M")
    assert lint.text == f"execution(* server.plain(..)) selects nothing; near are {HERE}.plain"
    assert selection("zzzz")[0].text == "execution(* zzzz(..)) selects nothing"


def test_pointcut_that_selects_too_much_is_told_how_much() -> None:
    (lint,) = selection("serve", most=1)

    assert (lint.code, lint.text) == ("matches-many", "execution(* serve(..)) selects 2 joinpoints, more than 1")


def test_joinpoint_on_a_hot_path_is_named() -> None:
    assert [lint.text for lint in selection("serve", hot=["*..Base.*", "x.y"])] == [
        f"{HERE}.Base.serve is on a hot path"
    ]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("generator", "generator; before runs at its first step"),
        ("coroutine", "coroutine; before runs when it is first awaited"),
        ("async_generator", "async generator; before runs at its first step"),
    ],
)
def test_meaning_of_before_and_after_is_said_once_for_each_kind(flags: str, words: str) -> None:
    shadows = [replace(one, flags=flags) for one in ALL]  # type: ignore[arg-type]

    (lint,) = selection("serve", shadows)

    assert lint.code == "generator"
    assert f"{HERE}.Base.serve and 1 more: {words}" in lint.text


def test_single_generator_is_named_alone_and_call_sites_are_not() -> None:
    generator = replace(SHADOWS["plain"], flags="generator")

    assert selection("plain", [generator])[0].text.startswith(f"{HERE}.plain: generator")
    assert selection("call(* plain(..))", [replace(generator, kind="call")]) == []


@pytest.mark.parametrize(
    ("text", "location", "codes"),
    [
        ("a and raises(E)", "before", ["raises-before"]),
        ("a and raises(E)", "after", []),
        ("a or not raises(E)", "before", ["raises-before"]),
        ("cflow(raises(E))", "before", []),
        ("a", "before", []),
    ],
)
def test_raises_before_anything_is_raised_is_noticed(text: str, location: str, codes: list[str]) -> None:
    assert [lint.code for lint in lint_location("M", parse_pointcut(text), location)] == codes


def test_flag_that_nothing_sets_is_named() -> None:
    (lint,) = lint_mask("M", [frozenset({"ADDR1", "USER1"})], {"ADDR1"})

    assert lint == Lint("flag-without-injector", "nothing sets the dye flag USER1: the monitor will not fire", "M")


def test_function_written_in_c_is_sent_to_call() -> None:
    (lint,) = lint_names("M", parse_pointcut("within(a) and math.sqrt"), {})

    assert lint.code == "c-function"
    assert "use call(* math.sqrt(..))" in lint.text


def test_name_that_belongs_elsewhere_is_told_where() -> None:
    (lint,) = lint_names("M", parse_pointcut("a.f or b.f"), {"a.f": "lib.g"})

    assert lint == Lint("alias", "a.f is another name of lib.g; write that", "M")


@pytest.mark.parametrize("text", ["a.*", "f", "a..f", "{a,b}.f", "call(* time.sleep(..))"])
def test_only_whole_names_of_executions_are_looked_up(text: str) -> None:
    assert list(lint_names("M", parse_pointcut(text), {"a.f": "b.f"})) == []


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("math.sqrt", True),
        ("builtins.dict.get", True),
        ("builtins.dict.fromkeys", True),
        ("builtins.int.__add__", True),
        ("json.loads", False),
        ("json.no.such.name", False),
        ("no_such_package.f", False),
        ("f", False),
    ],
)
def test_functions_written_in_c_are_known_without_an_import(name: str, answer: bool) -> None:
    assert is_c_function(name) is answer


def test_extension_module_that_is_not_loaded_is_known_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"never_loaded_extension{EXTENSION_SUFFIXES[0]}").touch()
    monkeypatch.syspath_prepend(str(tmp_path))

    assert is_c_function("never_loaded_extension.f")


def test_every_code_is_described() -> None:
    assert set(CODES) == {
        "matches-nothing",
        "matches-many",
        "hot-path",
        "generator",
        "c-function",
        "alias",
        "flag-without-injector",
        "raises-before",
    }
