"""``weaver watch``."""

import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from tests.weaver.events import make_event
from weaver.watches import Watches


@pytest.fixture(autouse=True)
def _socket(open_socket: OpenSocket) -> None:
    open_socket()


def test_watch_is_added_listed_and_taken_out(run: Run) -> None:
    added = run("watch", "add", "Late", "elapsed > 200ms", "--action", "log", "--action", "dye", "--dye", "60")
    listed = run("watch", "ls").out.splitlines()[1].split()
    gone = run("watch", "rm", "Late")

    assert added.out == "Late is on\n"
    assert listed == ["Late", "on", "0", "0", "log,dye", "elapsed", ">", "200ms"]
    assert gone.out == "Late is gone, it has fired 0 times\n"
    assert run("watch", "ls", "--json").json == {"watches": [], "dropped": 0}


def test_watch_is_switched_and_its_alarm_is_reset(run: Run, watches: Watches) -> None:
    run("watch", "add", "W", "status >= 500", "--alarm", "manual")
    watches(make_event(1, context_payload={"status": 500}))
    watches.work()

    assert run("watch", "ls").out.splitlines()[1].split()[:3] == ["W", "alarmed", "1"]
    assert run("watch", "reset", "W").out == "W is on\n"
    assert run("watch", "off", "W").out == "W is off\n"
    assert run("watch", "on", "W", "--json").json["enabled"] is True
    assert run("watch", "rm", "W", "--json").json["fired"] == 1


def test_why_a_watch_was_switched_off_is_told(run: Run, watches: Watches) -> None:
    run("watch", "add", "W", "status >= 500")
    watches._watching["W"].stop("it floods")

    assert run("watch", "ls").err == "W: switched off: it floods\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["add", "W", "statu = 1"], "did you mean 'status'?"),
        (["add", "W", "status = 1", "--action", "shout"], "there is no 'shout'"),
        (["add", "W", "status = 1", "--alarm", "never"], "'never' is not one of"),
        (["rm", "W"], "there is no watch 'W'"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: list[str], reason: str) -> None:
    result = run("watch", *arguments)

    assert result.code == 2
    assert reason in result.err
