"""``weaver tail`` and lines of events."""

import json

import gevent
import msgspec
import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from tests.weaver.management.fakes import event
from weaver.cli.tail import line_of
from weaver.event import EventBuffer


@pytest.fixture
def emitting(open_socket: OpenSocket, events: EventBuffer) -> None:
    """Emit three events as soon as somebody subscribes."""
    admin = open_socket()
    subscribe = events.subscribe

    def subscribed(*arguments: object) -> object:
        end = subscribe(*arguments)  # type: ignore[arg-type]
        for number, monitor in enumerate(("Before_Send", "Before_Service", "Before_Send"), 1):
            gevent.spawn(events.emit, event(number, monitor))
        return end

    events.subscribe = subscribed  # type: ignore[method-assign,assignment]
    assert admin.statistics().clients == 0


@pytest.mark.usefixtures("emitting")
def test_events_are_printed_until_there_are_enough(run: Run) -> None:
    result = run("tail", "-n", "2", "--utc")

    assert result.code == 0
    assert [line.split()[2] for line in result.out.splitlines()] == ["Before_Send", "Before_Service"]


@pytest.mark.usefixtures("emitting")
def test_json_has_one_event_a_line_of_one_monitor(run: Run) -> None:
    result = run("tail", "--monitor", "Before_Send", "-n", "2", "--json")

    found = [json.loads(line) for line in result.out.splitlines()]
    assert [one["record_id"] for one in found] == [1, 3]
    assert found[0] == msgspec.to_builtins(event(1))


@pytest.mark.usefixtures("emitting")
def test_query_says_which_events_are_printed(run: Run) -> None:
    result = run("tail", "--query", "RECORDID IN (2, 3)", "-n", "2", "--json")

    assert [json.loads(line)["record_id"] for line in result.out.splitlines()] == [2, 3]


@pytest.mark.usefixtures("emitting")
def test_too_few_events_in_time_end_with_5(run: Run) -> None:
    result = run("tail", "-n", "4", "--timeout", "0.05")

    assert (result.code, result.err) == (5, "weaver: 3 of 4 events within 0.05 s\n")
    assert run("tail", "--timeout", "0.01").code == 0


def test_events_that_were_dropped_are_told(run: Run, open_socket: OpenSocket, events: EventBuffer) -> None:
    open_socket(events=1)
    subscribe = events.subscribe

    def subscribed(*arguments: object) -> object:
        end = subscribe(*arguments)  # type: ignore[arg-type]
        for number in range(3):
            events.emit(event(number))
        return end

    events.subscribe = subscribed  # type: ignore[method-assign,assignment]
    result = run("tail", "-n", "1")

    assert result.err == "2 events were dropped: this client is too slow\n"


def test_unknown_monitor_ends_with_2(run: Run, open_socket: OpenSocket) -> None:
    open_socket()

    assert run("tail", "--monitor", "Before_Sned").code == 2


def test_end_of_the_server_ends_with_3(run: Run, open_socket: OpenSocket, events: EventBuffer) -> None:
    admin = open_socket()
    subscribe = events.subscribe

    def subscribed(*arguments: object) -> object:
        gevent.spawn(admin.stop)
        return subscribe(*arguments)  # type: ignore[arg-type]

    events.subscribe = subscribed  # type: ignore[method-assign,assignment]
    result = run("tail")

    assert (result.code, result.err) == (3, "weaver: the server has ended the connection: the server is stopping\n")


def test_line_tells_time_context_monitor_joinpoint_and_values() -> None:
    shown = event(class_name="server.servlet.Servlet", method="service", arguments=["INVITE", "\x1b[31m\n\u202e"])

    line = line_of({**msgspec.to_builtins(shown), "result": "None"}, utc=True)

    assert line == (
        "2023-11-14T22:13:20.000+00:00  c1  Before_Send  Servlet.service  (INVITE, \\x1b[31m\\n\\u202e)  -> None  "
        "elapsed_ns=12"
    )


def test_line_of_a_function_names_its_module_and_the_local_time() -> None:
    line = line_of(msgspec.to_builtins(event(context_id=None, payload=None)))

    assert line.split()[1:] == ["-", "Before_Send", "outbound.send_outbound"]
