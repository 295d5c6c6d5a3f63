"""What a plugin may contribute, and what is said of one that cannot be loaded."""

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from weaver import plugins as module
from weaver.errors import PluginError, UnknownNameError
from weaver.event import EventBuffer
from weaver.plugins import Plugins
from weaver.registry import Registry


class Flag:
    def __init__(self, name: str) -> None:
        self.name = name
        self.property = ""
        self.description = "never"

    def compile(self, value: str) -> Any:
        return lambda message: False


@pytest.fixture
def plugins() -> Plugins:
    return Plugins(Registry(EventBuffer(1)))


def test_dye_flag_has_one_test(plugins: Plugins) -> None:
    plugins.dye_flag(Flag("ADDR1"))

    with pytest.raises(PluginError, match="dye flag ADDR1: there is a test for it already"):
        plugins.dye_flag(Flag("ADDR1"))


def test_dye_flag_must_be_one_of_those_that_there_are(plugins: Plugins) -> None:
    with pytest.raises(UnknownNameError, match="'ADDR9' is no dye flag; did you mean 'ADDR"):
        plugins.dye_flag(Flag("ADDR9"))


def test_method_has_a_group_and_its_own_name(plugins: Plugins) -> None:
    plugins.method("a.b", dict, "Does something.")

    for name, words in (
        ("a.b", "taken"),
        ("monitor.mine", "taken"),
        ("event.subscribe", "taken"),
        ("nogroup", "lower case"),
        ("A.b", "lower case"),
    ):
        with pytest.raises(PluginError, match=f"method '?{name}'?: .*{words}"):
            plugins.method(name, dict, "Does something else.")
    assert plugins.methods["a.b"].description == "Does something."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No module named"),
        ("1 / 0", r"ZeroDivisionError: division by zero \(.*py:1\)"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", "has no attribute 'register'"),
    ],
)
def test_plugin_that_cannot_be_loaded_is_named_with_the_reason(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, words: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"plugin_{abs(hash(words))}"
    if content is not None:
        (tmp_path / f"{name}.py").write_text(content)

    with pytest.raises(PluginError, match=f"plugin {name} cannot be loaded: .*{words}"):
        plugins.load([name])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("{}['gone']", r"KeyError: 'gone' \(.*py:1\)"),
        ("plugins.action(object())", "AttributeError: 'object' object has no attribute 'kind'"),
        ("plugins.method('nogroup', dict, '')", "PluginError: method 'nogroup': a name has the form group.verb"),
        ("exit(3)", "SystemExit: 3"),
    ],
)
def test_plugin_that_cannot_register_is_named_with_the_reason(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, words: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"plugin_{abs(hash(call))}"
    (tmp_path / f"{name}.py").write_text(f"def register(plugins): {call}")

    with pytest.raises(PluginError, match=f"plugin {name} cannot register: {words}"):
        plugins.load([name])


def test_plugins_of_other_packages_are_loaded_once_and_last(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    order: list[str] = []
    for name in ("plugin_named", "plugin_installed"):
        (tmp_path / f"{name}.py").write_text("def register(plugins): plugins.order.append(__name__)")
    points = [EntryPoint("one", name, module.GROUP) for name in ("plugin_installed", "plugin_named")]
    monkeypatch.setattr(module, "entry_points", lambda group: points if group == module.GROUP else [])
    plugins.order = order  # type: ignore[attr-defined]

    plugins.load(["plugin_named"])

    assert order == ["plugin_named", "plugin_installed"]
