"""``weaver look-back``."""

import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from weaver.look_back import LookBack, mark


@pytest.fixture(autouse=True)
def _two_calls(open_socket: OpenSocket, look_back: LookBack) -> None:
    open_socket()
    for call in ("a1", "b2"):
        ring, token = look_back.begin(call)
        ring.add_name(f"{call}@example.com")
        mark("in", "INVITE")
        mark("out\x1b[2J", 486)
        look_back.end(token)
    look_back.keep("a1", "status 486")


def test_kept_calls_are_listed(run: Run) -> None:
    lines = run("look-back", "ls").out.splitlines()

    assert len(lines) == 2
    assert lines[1].split()[1:] == ["a1", "a1@example.com", "2", "status", "486"]


def test_call_is_shown_mark_by_mark_and_harms_no_terminal(run: Run) -> None:
    result = run("look-back", "show", "a1@example.com")

    assert result.out.splitlines()[0] == "a1  a1@example.com  status 486"
    assert [line.split()[2:] for line in result.out.splitlines()[2:]] == [["in", "INVITE"], [r"out\x1b[2J", "486"]]


def test_call_that_is_not_kept_is_named(run: Run) -> None:
    result = run("look-back", "show", "nobody")

    assert result.code == 2
    assert "no marks are kept of a call 'nobody'" in result.err


def test_call_is_kept_and_all_are_dropped(run: Run) -> None:
    assert run("look-back", "keep", "b2", "--reason", "ticket 17").out == "b2 is kept, 2 marks so far\n"
    assert [one["reason"] for one in run("look-back", "ls", "--json").json["calls"]] == ["status 486", "ticket 17"]
    assert run("look-back", "clear").out == "2 calls were dropped\n"
    assert "has marks" in run("look-back", "keep", "nobody").err


def test_json_is_what_the_server_says(run: Run, look_back: LookBack) -> None:
    assert run("look-back", "show", "a1", "--json").json["marks"] == (look_back.show("a1") or {})["marks"]
    assert run("look-back", "keep", "a1", "--json").json["reason"] == "status 486"
    assert run("look-back", "clear", "--json").json == {"cleared": 1}


def test_what_went_for_want_of_room_is_told(run: Run, look_back: LookBack) -> None:
    look_back.keep("b2", "status 500")
    look_back.resize(marks=1, calls=9, kept=1)

    assert run("look-back", "ls").err == "1 more were dropped for want of room\n"
