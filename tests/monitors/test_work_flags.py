"""Flags of work classes."""

from types import SimpleNamespace
from typing import Any

import pytest

from monitors.work_flags import WorkFlag, register
from server.engine.call import Item
from server.servlet import HttpRequest
from weaver.event import EventBuffer
from weaver.plugins import Plugins
from weaver.registry import Registry


def request_of(application: str) -> HttpRequest:
    made = HttpRequest({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
    made.work_class = application
    return made


@pytest.mark.parametrize(
    ("value", "facts", "matches"),
    [
        ("sip", {"item": Item("message")}, True),
        (" timer ", {"item": Item("timer")}, True),
        ("http", {"item": Item("action"), "request": None}, True),
        ("sip", {"item": Item("timer")}, False),
        ("click2call", {"item": None, "request": request_of("click2call")}, True),
        ("click2call", {"item": None, "request": request_of("other")}, False),
        ("sip", {"item": None, "request": None}, False),
        ("sip", {}, False),
    ],
)
def test_item_and_request_say_what_they_are_worked_on_in(value: str, facts: dict[str, Any], matches: bool) -> None:
    assert WorkFlag("EXECQ").compile(value)(SimpleNamespace(**facts)) is matches


def test_value_that_names_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="work class"):
        WorkFlag("THREADGROUP").compile(" ")


def test_both_flags_are_contributed() -> None:
    plugins = Plugins(Registry(EventBuffer(1)))
    register(plugins)

    assert {name: flag.property for name, flag in plugins.dye_flags.items()} == {
        "EXECQ": "EXECQ", "THREADGROUP": "THREADGROUP",
    }  # fmt: skip
