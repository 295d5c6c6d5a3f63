"""``weaver notices``."""

import json

import gevent
import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from weaver.notices import Notice, NoticeBoard


@pytest.fixture(autouse=True)
def _board(open_socket: OpenSocket, notices: NoticeBoard) -> None:
    open_socket()
    for name in ("A", "B", "C"):
        notices.publish("monitor.stopped", name, "switched off: it\nfails")


def test_last_notices_are_printed_one_a_line(run: Run) -> None:
    result = run("notices", "-n", "2", "--utc")

    lines = [line.split("  ") for line in result.out.splitlines()]
    assert [line[1:] for line in lines] == [
        ["warning", "monitor.stopped", name, r"switched off: it\nfails"] for name in ("B", "C")
    ]
    assert lines[0][0].endswith("+00:00")


def test_following_goes_on_with_new_ones(run: Run, notices: NoticeBoard) -> None:
    recent = notices.recent

    def asked() -> list[Notice]:
        notices.publish("watch.fired", "Between", "came after the subscription")
        gevent.spawn(notices.publish, "watch.fired", "Later", "it is late")
        return recent()

    notices.recent = asked  # type: ignore[method-assign]

    result = run("notices", "-n", "2", "--follow", "--timeout", "0.1", "--json")

    assert [json.loads(line)["source"] for line in result.out.splitlines()] == ["C", "Between", "Later"]


def test_too_many_are_refused(run: Run) -> None:
    assert run("notices", "-n", "1001").code == 2
