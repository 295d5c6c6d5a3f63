"""Whatever can be set, called, chosen or raised is described, and the tables of docs/ are those of the code."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from docs.generate import HERE, PAGES, text_of
from docs.sources import (
    ROOT,
    Library,
    Setting,
    app_settings,
    commands,
    errors,
    first_line,
    instrumentation_settings,
    methods,
    options,
    toml_settings,
)

SERVER = ROOT / "server" / "defaults.toml"


@pytest.fixture(scope="module")
def library() -> Library:
    return Library()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_page_is_as_the_code_says(page: str) -> None:
    assert (HERE / page).read_text(encoding="utf-8") == text_of(page), "run `make docs` and commit what it writes"


def test_stale_page_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = text_of("actions.md")
    monkeypatch.setattr("monitors.actions.trace.TraceAction.__doc__", "Says something else.")

    assert text_of("actions.md") != before


def test_every_key_of_the_defaults_is_a_documented_setting() -> None:
    values = tomllib.loads(SERVER.read_text(encoding="utf-8"))

    assert [one.key for one in toml_settings(SERVER)] == [f"{name}.{key}" for name in values for key in values[name]]


def test_every_setting_of_an_application_is_documented() -> None:
    for name, settings in app_settings().items():
        values = tomllib.loads((ROOT / "apps" / name / "app.toml").read_text(encoding="utf-8")).get("settings", {})

        assert [one.key for one in settings] == [f"settings.{key}" for key in values]


def everything() -> Iterable[Setting]:
    yield from toml_settings(SERVER)
    yield from instrumentation_settings()
    for settings in app_settings().values():
        yield from settings


def test_every_setting_has_a_meaning() -> None:
    assert [one.key for one in everything() if len(one.meaning) < 5] == []


def test_every_number_has_a_unit() -> None:
    numbers = [one for one in everything() if type(one.default) in {int, float}]

    assert len(numbers) > 10
    assert [one.key for one in numbers if not re.fullmatch(r"\w+", one.unit)] == []


def test_unit_in_the_name_of_a_setting_is_its_unit() -> None:
    words = {"ms": "milliseconds", "bytes": "bytes"}

    named = {one.key: one.unit for one in everything() if one.key.rpartition("_")[2] in words}

    assert len(named) >= 3
    assert named == {key: words[key.rpartition("_")[2]] for key in named}


def test_every_monitor_and_action_says_what_it_is_for(library: Library) -> None:
    assert [monitor.name for monitor in library.monitors if not monitor.description.endswith(".")] == []
    assert [action.name for action in library.actions if not first_line(type(action)).endswith(".")] == []


def test_every_dye_flag_with_a_test_says_when_it_is_set(library: Library) -> None:
    tested = [flag for flag in library.flags().values() if flag is not None]

    assert {"ADDR1", "SIP_ANY_HEADER"} <= {flag.name for flag in tested}
    assert [flag.name for flag in tested if len(flag.description) < 10] == []


def test_every_admin_method_is_described() -> None:
    found = {str(method["name"]): str(method["description"]) for method in methods()}

    assert {"monitor.list", "monitor.set", "event.subscribe"} <= set(found)
    assert [name for name, description in found.items() if not description.endswith(".")] == []


def test_every_command_and_option_of_the_client_has_help() -> None:
    found = dict(commands())

    assert {"weaver ps", "weaver tail", "weaver monitor set"} <= set(found)
    assert [path for path, command in found.items() if not command.help] == []
    assert [(path, one.name) for path, command in found.items() for one in options(command) if not one.help] == []


def test_every_error_has_a_meaning_and_somebody_who_deals_with_it() -> None:
    table = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    found = errors()

    assert [kind.__name__ for kind in found if not first_line(kind)] == []
    assert [
        kind.__name__
        for kind in found
        if not any(f"`{above.__name__}`" in table for above in kind.__mro__ if above.__module__ != "builtins")
    ] == []


def prose() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("page", prose(), ids=lambda page: page.name)
def test_files_that_the_prose_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:weaver|server|monitors|apps|tests|docs)/[\w./*-]+)`", page.read_text(encoding="utf-8"))

    assert [name for name in named if not list(ROOT.glob(name.rstrip("/")))] == []


def test_commands_that_the_readme_shows_exist() -> None:
    words = re.findall(r"\.venv/bin/(weaver(?: [a-z]+)+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    known = dict(commands())

    assert len(words) >= 3
    assert [shown for shown in words if not any(f"{shown} ".startswith(f"{path} ") for path in known)] == []


def test_options_that_the_readme_shows_exist() -> None:
    shown = re.findall(r"^\| `(--[\w-]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    sources = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("server/__main__.py", "weaver/run.py"))

    assert len(shown) >= 7
    assert [option for option in shown if f'"{option}"' not in sources] == []
