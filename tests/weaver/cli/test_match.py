"""``weaver match`` and ``weaver explain``."""

from pathlib import Path
from typing import Any

import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from tests.weaver.offline.conftest import write
from weaver.cli import match as match_command

INSTRUMENTATION = """
[weaving]
prefixes = ["app"]
exclude = ["app.hidden"]

[pointcuts]
saves = "app..*.save"
broken = "app and"
"""
MODELS = """
from outside import Model

class Base(Model):
    def save(self, force: bool): ...

class Order(Base):
    def save(self, force: bool):
        self.write()
"""


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path,
        {
            "app/__init__.py": "",
            "app/models.py": MODELS,
            "app/hidden.py": "def save(): ...",
            "instrumentation.toml": INSTRUMENTATION,
        },
    )
    monkeypatch.chdir(tmp_path)


def names(found: Any) -> list[str]:
    return [one["joinpoint"] for one in found["shadows"]]


def test_joinpoints_of_the_default_packages_are_listed(run: Run) -> None:
    result = run("match", "app..*.save")

    assert (result.code, result.err) == (0, "")
    head, *rows = [line.split() for line in result.out.splitlines()]
    assert head == ["KIND", "JOINPOINT", "NAME", "PLACE", "WHEN"]
    assert rows == [
        ["execution", "app.models:Base.save", "app/models.py:5"],
        ["execution", "app.models:Order.save", "app/models.py:8"],
    ]


def test_packages_and_paths_are_read_when_they_are_named(run: Run) -> None:
    assert names(run("match", "--json", "save", "app.hidden").json) == ["app.hidden:save"]
    assert names(run("match", "--json", "save", "app/hidden.py", "app/hidden.py").json) == ["app.hidden:save"]


def test_json_has_what_was_found_and_what_is_not_known(run: Run) -> None:
    found = run("match", "--json", "call(* Order.write(..)) or execution(* Base+.save(..))").json

    assert names(found) == ["app.models:Base.save", "app.models:Order.save", "app.models:Order.save"]
    assert [one["when"] for one in found["shadows"]] == [None, None, "the receiver is a Order"]
    assert (found["unread"], found["faults"], found["nearest"]) == (["outside.Model"], [], [])


def test_what_is_known_when_loaded_is_said(run: Run) -> None:
    result = run("match", "execution(* Base+.save(..))")

    assert result.err == "weaver: known when loaded: what comes from bases that were not read: outside.Model\n"


def test_nothing_ends_with_1_and_the_nearest_names(run: Run) -> None:
    result = run("match", "app.Order.save")

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(
        "weaver: execution(* app.Order.save(..)) selects nothing; near are app.models.Order.save"
    )
    assert run("match", "zzzz").err == "weaver: execution(* zzzz(..)) selects nothing\n"
    assert run("match", "--json", "zzzz").code == 1


def test_bad_expression_ends_with_2_and_a_caret(run: Run) -> None:
    result = run("match", "app.a & app.b")

    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[1:3] == ["  app.a & app.b", "        ^"]
    assert run("match", "--json", "a &").err.startswith('{"error": ')


def test_named_pointcuts_of_the_file_are_known(run: Run) -> None:
    assert len(names(run("match", "--json", "saves() and within(app.models)").json)) == 2
    assert "did you mean 'saves'?" in run("match", "save()").err


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"instrumentation.toml": "[weaving]"}, "no packages to read"),
        ({"instrumentation.toml": "weaving = 1\npointcuts = [1]"}, "no packages to read"),
        ({"instrumentation.toml": "= 1"}, "instrumentation.toml: cannot be read"),
        (
            {"instrumentation.toml": '[weaving]\nprefixes = ["gone"]'},
            "there is no package, module, folder or file",
        ),
    ],
)
def test_file_of_no_use_ends_with_2(run: Run, tmp_path: Path, files: dict[str, str], words: str) -> None:
    write(tmp_path, files)

    result = run("match", "save")

    assert result.code == 2
    assert words in result.err


def test_other_file_can_be_named(run: Run, tmp_path: Path) -> None:
    assert run("match", "save", "--instrumentation", str(tmp_path / "none.toml")).code == 2
    assert run("match", "save", "app", "--instrumentation", str(tmp_path / "none.toml")).code == 0


def test_source_that_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    write(tmp_path, {"app/bad.py": "def"})

    result = run("match", "save")

    assert result.code == 0
    assert "app/bad.py: cannot be read" in result.err
    assert "app/bad.py" in run("explain", "save", "Order.save").err


def test_live_asks_the_running_program(run: Run, monkeypatch: pytest.MonkeyPatch, open_socket: OpenSocket) -> None:
    open_socket("web-1.sock")
    asked: list[object] = []

    def call(client: object, method: str, **params: object) -> object:
        asked.append((method, params))
        return {"pointcut": "execution(* save(..))", "shadows": [], "nearest": ["a.save"]}

    monkeypatch.setattr("weaver.cli.client.Client.call", call)

    result = run("match", "--live", "save")

    assert asked == [("pointcut.match", {"expression": "save"})]
    assert (result.code, result.err) == (1, "weaver: execution(* save(..)) selects nothing; near are a.save\n")


def test_live_without_a_server_ends_with_3(run: Run) -> None:
    assert run("match", "--live", "save").code == 3


def test_explanation_has_a_mark_for_each_part(run: Run) -> None:
    result = run("explain", "saves() and not within(app.models.Order) and this(X)", "Order.save")

    assert result.code == 1
    assert result.out.splitlines() == [
        "execution app.models:Order.save, app/models.py:8",
        "  - all of",
        "    + execution(* app..*.save(..))",
        "    - not",
        "      + within(app.models.Order)",
        "    ? this(X): when it runs on a X",
    ]


def test_explanation_of_places_in_a_function(run: Run) -> None:
    result = run("explain", "call(* write(..))", "app.models:Order.save")

    assert result.code == 0
    assert result.out.splitlines() == [
        "call of write in app.models:Order.save, app/models.py:9",
        "  + call(* write(..))",
    ]


def test_function_without_such_places_is_explained_itself(run: Run) -> None:
    result = run("explain", "call(* write(..))", "Base.save")

    assert result.code == 1
    assert "  - call(* write(..)): the joinpoint is of the kind execution, not call" in result.out


def test_explanation_as_json(run: Run) -> None:
    found = run("explain", "--json", "app..*.save", "save").json

    assert [(one["joinpoint"], one["answer"]) for one in found["joinpoints"]] == [
        ("app.models:Base.save", "yes"),
        ("app.models:Order.save", "yes"),
    ]


def test_name_that_is_not_there_is_answered_by_those_that_are_near(run: Run) -> None:
    result = run("explain", "app..*.save", "Order.sav")

    assert result.code == 2
    assert result.err.splitlines() == [
        "weaver: there is no function 'Order.sav'",
        "  did you mean app.models.Order.save or app.models.Base.save?",
    ]
    assert "weaver match lists names" in run("explain", "app..*.save", "zzzzzz").err
    assert run("explain", "app &", "save").code == 2


def test_command_has_its_own_name() -> None:
    assert match_command.match.name == "match"
