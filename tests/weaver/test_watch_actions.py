from collections.abc import Mapping
from typing import Any

import pytest

from tests.weaver.events import make_event
from weaver.errors import UnknownNameError
from weaver.look_back import LookBack
from weaver.management.roles import Role
from weaver.management.rpc import RegisteredMethod
from weaver.notices import NoticeBoard
from weaver.redaction import HIDDEN
from weaver.watch import Fired, Watch, dye_of
from weaver.watch_actions import DYE_METHOD, watch_actions


class House:
    def __init__(self, *, dyes: bool = True) -> None:
        self.notices, self.look_back = NoticeBoard(), LookBack()
        self.dyed: list[Mapping[str, Any]] = []
        method = RegisteredMethod(self.dyed.append, "Adds a dye rule.", Role.OPERATOR)
        self.now = 0.0
        methods = {DYE_METHOD: method} if dyes else {}
        self.actions = watch_actions(self.notices, self.look_back, lambda: methods, lambda: self.now)

    def do(self, action: str, **facts: Any) -> None:
        event = make_event(7, payload={"token": "t"}, context_payload=facts or None)
        self.actions[action](Fired(Watch("W", "status >= 500", dye=60.0), event, None))


def test_notice_has_the_event_without_its_secrets() -> None:
    house = House()

    house.do("notify", status=503, call_key="k")

    (notice,) = house.notices.recent()
    assert (notice.kind, notice.source, notice.text) == ("watch.fired", "W", "status >= 500: M at m.f")
    assert notice.details["record_id"] == 7
    assert notice.details["context_payload"] == {"status": 503, "call_key": "k"}
    assert notice.details["payload"] == {"token": HIDDEN}


def test_notice_of_a_counter_has_its_value() -> None:
    house = House()

    house.actions["notify"](Fired(Watch("W", "rate(M) > 10/s", severity="error"), None, 12.5))

    (notice,) = house.notices.recent()
    assert (notice.text, notice.severity) == ("rate(M) > 10/s: it is 12.5", "error")
    assert notice.details == {"value": 12.5}


def test_log_line_has_the_level_of_the_severity(caplog: pytest.LogCaptureFixture) -> None:
    House().do("log", status=503)

    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", "watch W: status >= 500: M at m.f")
    ]


@pytest.mark.parametrize(("caller", "kind", "value"), [("sip:a@b", "caller", "sip:a@b"), ("", "call-id", "c")])
def test_caller_is_dyed_for_a_while_or_else_the_call(caller: str, kind: str, value: str) -> None:
    house = House()
    ring, token = house.look_back.begin("k")
    ring.caller = caller
    house.look_back.end(token)

    house.do("dye", call_id="c", call_key="k")

    assert house.dyed == [{"kind": kind, "value": value, "name": "WATCH_W", "ttl": 60.0, "reason": "watch W"}]


def test_who_is_dyed_is_not_dyed_again_before_that_is_over() -> None:
    house = House()

    for seconds in (0.0, 59.0, 2.0):
        house.now += seconds
        house.do("dye", call_id="c")

    assert len(house.dyed) == 2


def test_dye_of_a_watch_has_a_name_of_its_own_whatever_the_watch_is_called() -> None:
    assert dye_of("late-calls.2") == "WATCH_LATE_CALLS_2"
    assert len(dye_of("\u00e4" * 80)) == 32


def test_nobody_is_dyed_for_an_event_of_no_call() -> None:
    with pytest.raises(UnknownNameError, match="nobody to dye"):
        House().do("dye")


def test_nobody_is_dyed_where_no_plugin_dyes() -> None:
    with pytest.raises(UnknownNameError, match=r"no method dye\.add"):
        House(dyes=False).do("dye", call_id="c")


def test_marks_of_the_call_are_kept() -> None:
    house = House()
    house.look_back.end(house.look_back.begin("k")[1])

    house.do("look_back", call_key="k")

    assert [(one["call"], one["reason"]) for one in house.look_back.list()] == [("k", "watch W")]


@pytest.mark.parametrize("facts", [{}, {"call_key": "gone"}])
def test_call_without_marks_is_told(facts: dict[str, Any]) -> None:
    with pytest.raises(UnknownNameError, match="CallMarks"):
        House().do("look_back", **facts)
