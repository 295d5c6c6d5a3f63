"""Rows D12, D17 and D23: what refusals end, INFO and its packages, MESSAGE outside dialogs."""

from collections.abc import Callable

import pytest

from server.servlet import B2buaServlet, SipRequest, SipServlet
from server.sip.build import make_response
from server.sip.usage.ends import DIALOG_ENDERS, METHOD_ENDERS, USAGE_ENDERS, ended_by
from tests.conformance import agents
from tests.conformance.agents import Callee, Caller, answered, established, offered
from tests.conformance.ladder import one, request_of
from tests.server.container.kit import BOB, House, lines
from tests.server.sip.samples import request

Build = Callable[..., House]


class Packaged(Callee):
    info_packages = ("dtmf", "g.3gpp.state-and-event")

    def do_info(self, request: SipRequest) -> None:
        self.seen.append(request.body.decode())
        request.create_response(200).send()


class Post(SipServlet):
    """Takes messages of whoever proves to be somebody."""

    def do_message(self, request: SipRequest) -> None:
        if self.context.registrar.authenticate(request) is not None:
            request.create_response(200).send()

    do_invite = do_message


def test_d12_refusals_end_the_dialog_the_usage_or_nothing() -> None:
    assert {ends("INFO", status) for status in DIALOG_ENDERS} == {"dialog"}
    assert {ends("INFO", status) for status in USAGE_ENDERS} == {"usage"}
    assert {ends("INVITE", status) for status in METHOD_ENDERS} == {"usage"}
    assert {ends(method, status) for method in ("OPTIONS", "MESSAGE", "FOO") for status in USAGE_ENDERS} == {""}
    assert {ends("MESSAGE", status) for status in DIALOG_ENDERS} == {"dialog"}
    others = set(range(300, 700)) - DIALOG_ENDERS - USAGE_ENDERS
    assert {ends("INFO", status) for status in others} == {""}


@pytest.mark.parametrize(
    ("status", "after", "end"),
    [(480, "30", ""), (480, "soon", "usage"), (481, "30", "usage"), (404, "30", "dialog"), (503, "30", "")],
)
def test_d12_who_says_when_to_come_again_has_lost_nothing(status: int, after: str, end: str) -> None:
    assert ends("INFO", status, ("Retry-After", after)) == end


def test_d12_session_stands_after_480_with_retry_after_and_is_refreshed_then(build: Build) -> None:
    house = build(Callee)
    ask = (("Supported", "timer"), ("Session-Expires", "300;refresher=uas"))
    established(house, offered(house, extra=ask))
    update = request_of(house.pass_time(150), "UPDATE")
    house.receive(agents.reply(update, 480, extra=(("Retry-After", "20 (busy)"),)))

    assert house.pass_time(19) == []
    again = request_of(house.pass_time(1), "UPDATE")

    assert again.headers.get("session-expires") == "300;refresher=uac"


def ends(method: str, status: int, *headers: tuple[str, str]) -> str:
    return ended_by(method, make_response(request(), status, extra=headers))


@pytest.mark.parametrize(("status", "stands"), [(404, False), (480, False), (481, False), (486, True), (500, True)])
@pytest.mark.parametrize("method", ["INFO", "INVITE", "UPDATE"])
def test_d12_session_stands_after_a_refusal_or_not(build: Build, method: str, status: int, stands: bool) -> None:
    house = build(Callee)
    ok = established(house, offered(house))
    house.receive(agents.reply(agents.in_session(house, ok, method), status))

    (answer,) = house.receive(house.in_dialog("UPDATE", 2, ok))

    assert lines([answer]) == ["200 UPDATE" if stands else "481 UPDATE"]


@pytest.mark.parametrize("status", [408, 480, 481])
def test_d12_message_that_fails_in_a_call_leaves_the_call(build: Build, status: int) -> None:
    house = build(Callee)
    ok = established(house, offered(house))
    house.receive(agents.reply(agents.in_session(house, ok, "MESSAGE"), status))

    assert lines(house.receive(house.in_dialog("UPDATE", 2, ok))) == ["200 UPDATE"]


def test_d12_refused_notify_leaves_the_call_of_its_dialog(build: Build) -> None:
    class Telling(Callee):
        events = ("dialog",)

    house = build(Telling)
    ok = established(house, offered(house))
    sent = house.receive(house.in_dialog("SUBSCRIBE", 2, ok, extra=(("Event", "dialog"),)))

    house.receive(agents.reply(request_of(sent, "NOTIFY"), 481))

    assert lines(house.receive(house.in_dialog("UPDATE", 3, ok))) == ["200 UPDATE"]


def test_d17_packages_that_are_taken_stand_in_invite_and_answer(build: Build) -> None:
    house = build(Packaged)

    assert answered(house, offered(house)).headers.get("recv-info") == "dtmf, g.3gpp.state-and-event"
    assert agents.call(house).headers.get("recv-info") == "dtmf, g.3gpp.state-and-event"


@pytest.mark.parametrize(("package", "status"), [("dtmf", 200), ("dtmf;x=y", 200), ("other", 469), (None, 200)])
def test_d17_info_of_a_package_that_is_not_taken_is_469(build: Build, package: str | None, status: int) -> None:
    house = build(Packaged)
    ok = established(house, offered(house))
    extra = (("Info-Package", package),) if package else ()

    answer = one(house.receive(house.in_dialog("INFO", 2, ok, extra=extra, body=b"5")), f"{status} INFO")

    assert answer.headers.get("recv-info") == ("dtmf, g.3gpp.state-and-event" if status == 469 else None)
    assert ("5" in house.servlets[0].seen) == (status == 200)  # type: ignore[attr-defined]


def test_d17_packages_pass_from_leg_to_leg(build: Build) -> None:
    house = build(B2buaServlet)
    invite = request_of(house.receive(offered(house, extra=(("Recv-Info", "dtmf"),))), "INVITE")
    ok = house.receive(agents.reply(invite, 200, "b", extra=(("Recv-Info", "other"),)), BOB)[0]
    house.receive(house.in_dialog("ACK", 1, ok))

    info = request_of(house.receive(house.in_dialog("INFO", 2, ok, extra=(("Info-Package", "other"),))), "INFO")

    assert (invite.headers.get("recv-info"), ok.headers.get("recv-info")) == ("dtmf", "other")
    assert info.headers.get("info-package") == "other"


def test_d23_message_makes_no_dialog_and_leaves_nothing_behind(build: Build) -> None:
    house = build(Post)

    (ok,) = house.receive(house.request("MESSAGE", body=b"hello", contact=None))

    assert (lines([ok]), ok.contacts) == (["200 MESSAGE"], ())
    house.pass_time(33)
    assert house.engine.store.statistics().calls == 0


def test_d23_message_of_ours_has_no_contact(build: Build) -> None:
    house = build(B2buaServlet)

    message = request_of(house.receive(house.request("MESSAGE", body=b"hello")), "MESSAGE")

    assert (message.contacts, message.body, message.to.tag) == ((), b"hello", None)


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_d23_message_is_authenticated_as_an_invite_is(build: Build, method: str) -> None:
    users = {"realm": "here", "users": ["alice:secret"]}
    house = build(Post, sections={"registrar": users})

    refused = one(house.receive(house.request(method)), f"401 {method}")

    assert 'realm="here"' in (refused.headers.get("www-authenticate") or "")


def test_d23_message_of_a_caller_in_a_dialog_is_served(build: Build) -> None:
    class Reading(Caller):
        def do_message(self, request: SipRequest) -> None:
            request.create_response(200).send()

    house = build(Reading)
    ok = established(house, offered(house))

    assert lines(house.receive(house.in_dialog("MESSAGE", 2, ok, body=b"x"))) == ["200 MESSAGE"]
