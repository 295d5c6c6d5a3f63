"""Row D24: who somebody is, what he wants hidden, why something ended, and which way a request has taken."""

from collections.abc import Callable

import pytest

from server.servlet import B2buaServlet, ProxyOptions, SipRequest, SipServlet
from server.sip.build import make_cancel
from server.sip.message import Request
from tests.conformance import agents
from tests.conformance.agents import ANSWER, Callee, established, offered
from tests.conformance.ladder import request_of
from tests.server.container.kit import ALICE, BOB, House, lines

Build = Callable[..., House]
CAROL = ("192.0.2.3", 5060)
PAI, PPI = "P-Asserted-Identity", "P-Preferred-Identity"
SAID = (PAI, "<sip:alice@home.example>")
BY_ALICE = {"sip": {"trusted": [ALICE[0]]}}
BY_BOTH = {"sip": {"trusted": [ALICE[0], BOB[0]]}}


class Passing(SipServlet):
    """Passes requests on to Bob, then to Carol, or to both at once; vouches for ``identity``."""

    def do_invite(self, request: SipRequest) -> None:
        settings = self.context.settings
        options = ProxyOptions(parallel=settings.get("parallel", True), supervised=False)
        proxy = request.create_proxy(options)
        if "identity" in settings:
            proxy.assert_identity(settings["identity"])
        proxy.proxy_to(*settings.get("targets", ("sip:bob@192.0.2.2",)))

    do_message = do_invite


BOTH = {"targets": ("sip:bob@192.0.2.2", "sip:carol@192.0.2.3")}
ONE_BY_ONE = {**BOTH, "parallel": False}


def passed(house: House, *headers: tuple[str, str]) -> Request:
    return request_of(house.receive(offered(house, extra=headers)), "INVITE")


def to(messages: list[object], host: str) -> Request:
    (found,) = [m for m in messages if isinstance(m, Request) and m.uri.endswith(host)]
    return found


@pytest.mark.parametrize("servlet", [Passing, B2buaServlet])
@pytest.mark.parametrize(
    ("sections", "privacy", "is_told"),
    [
        ({}, (), False),
        (BY_ALICE, (), True),
        (BY_ALICE, (("Privacy", "id"),), False),
        (BY_ALICE, (("Privacy", "none"),), True),
        (BY_ALICE, (("Privacy", "(;"),), False),
        (BY_BOTH, (("Privacy", "id"),), True),
    ],
)
def test_d24_asserted_identity_of_a_trusted_peer_goes_on_and_stays_private_where_that_is_asked(
    build: Build,
    servlet: type[SipServlet],
    sections: dict[str, dict[str, object]],
    privacy: tuple[tuple[str, str], ...],
    is_told: bool,
) -> None:
    house = build(servlet, sections=sections)

    invite = passed(house, SAID, *privacy)

    assert invite.headers.get(PAI) == (SAID[1] if is_told else None)
    assert invite.headers.get("privacy") == (privacy[0][1] if privacy else None)


def test_d24_servlet_does_not_see_what_a_stranger_asserts(build: Build) -> None:
    class Reading(Callee):
        def do_invite(self, request: SipRequest) -> None:
            self.seen.append(request.header(PAI) or "nobody")
            super().do_invite(request)

    for sections, says in (({}, "nobody"), (BY_ALICE, SAID[1])):
        house = build(Reading, sections=sections)
        house.receive(offered(house, extra=(SAID,)))
        assert says in house.servlets[0].seen  # type: ignore[attr-defined]


def test_d24_identity_in_an_answer_is_believed_of_a_trusted_peer_only(build: Build) -> None:
    for sections, said in (({}, None), ({"sip": {"trusted": [BOB[0]]}}, "<sip:bob@home.example>")):
        house = build(B2buaServlet, sections=sections)
        invite = passed(house)

        ok = house.receive(agents.reply(invite, 200, "b", ANSWER, extra=((PAI, "<sip:bob@home.example>"),)), BOB)[0]

        assert ok.headers.get(PAI) == said


@pytest.mark.parametrize(
    ("sections", "headers", "says"),
    [
        ({}, (), "<sip:alice@here.example>"),
        ({}, (SAID,), "<sip:alice@here.example>"),
        ({}, (("Privacy", "id"),), None),
        (BY_ALICE, (SAID,), SAID[1]),
    ],
)
def test_d24_proxy_vouches_for_who_has_proved_to_be_somebody(
    build: Build, sections: dict[str, dict[str, object]], headers: tuple[tuple[str, str], ...], says: str | None
) -> None:
    house = build(Passing, settings={"identity": "sip:alice@here.example"}, sections=sections)

    invite = passed(house, (PPI, "<sip:alice@wish.example>"), *headers)

    assert (invite.headers.get(PAI), invite.headers.get(PPI)) == (says, None)


@pytest.mark.parametrize("servlet", [Passing, B2buaServlet])
@pytest.mark.parametrize(
    ("privacy", "lines_of"),
    [
        ("session;critical", ["500 INVITE"]),
        ("id;critical", ["INVITE", "100 INVITE"]),
        ("session", ["INVITE", "100 INVITE"]),
    ],
)
def test_d24_privacy_that_is_critical_and_not_given_is_500(
    build: Build, servlet: type[SipServlet], privacy: str, lines_of: list[str]
) -> None:
    house = build(servlet)

    assert sorted(lines(house.receive(offered(house, extra=(("Privacy", privacy),))))) == sorted(lines_of)


def test_d24_caller_who_wants_to_be_nobody_is_nobody_on_the_other_leg(build: Build) -> None:
    house = build(B2buaServlet)
    about = (("Subject", "me"), ("User-Agent", "mine"), ("Alert-Info", "<http://x.example>"))

    invite = passed(house, ("Privacy", "user;id"), *about)

    assert str(invite.from_).startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert [invite.headers.get(name) for name, _ in about] == [None, None, "<http://x.example>"]


def test_d24_branch_that_is_cancelled_is_told_that_another_has_answered(build: Build) -> None:
    house = build(Passing, settings=BOTH)
    sent = house.receive(offered(house))
    bob, carol = to(sent, "192.0.2.2"), to(sent, "192.0.2.3")
    house.receive(agents.reply(bob, 180, "b"), BOB)

    cancel = request_of(house.receive(agents.reply(carol, 200, "c", ANSWER), CAROL), "CANCEL")

    assert cancel.headers.get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'


def test_d24_branch_that_is_cancelled_is_told_of_a_refusal_for_all(build: Build) -> None:
    house = build(Passing, settings=BOTH)
    sent = house.receive(offered(house))
    bob, carol = to(sent, "192.0.2.2"), to(sent, "192.0.2.3")
    house.receive(agents.reply(bob, 180, "b"), BOB)

    cancel = request_of(house.receive(agents.reply(carol, 603, "c"), CAROL), "CANCEL")

    assert cancel.headers.get("reason") == "SIP;cause=603"


@pytest.mark.parametrize("servlet", [Passing, B2buaServlet])
@pytest.mark.parametrize("rings", [True, False])
def test_d24_reason_of_a_cancel_goes_on_with_it(build: Build, servlet: type[SipServlet], rings: bool) -> None:
    house = build(servlet)
    caller = offered(house)
    invite = request_of(house.receive(caller), "INVITE")
    if rings:
        house.receive(agents.reply(invite, 180, "b"), BOB)

    sent = house.receive(make_cancel(caller, ["Q.850;cause=16", "SIP;cause=600"]))
    sent += [] if rings else house.receive(agents.reply(invite, 180, "b"), BOB)

    given = ",".join(request_of(sent, "CANCEL").headers.get_all("reason"))
    reasons = [reason.strip() for reason in given.split(",")]
    assert reasons == ["Q.850;cause=16", "SIP;cause=600"]


def test_d24_reason_of_a_bye_goes_on_to_the_other_leg(build: Build) -> None:
    house = build(B2buaServlet)
    invite = passed(house)
    ok = house.receive(agents.reply(invite, 200, "b", ANSWER), BOB)[0]
    house.receive(house.in_dialog("ACK", 1, ok))

    sent = house.receive(house.in_dialog("BYE", 2, ok, extra=(("Reason", "Q.850;cause=16"),)))

    assert request_of(sent, "BYE").headers.get("reason") == "Q.850;cause=16"


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_d24_peer_that_gives_another_name_is_called_by_that(build: Build, method: str) -> None:
    house = build(Callee)
    ok = established(house, offered(house))
    other = house.in_dialog(method, 2, ok).with_header("From", '"Al" <sip:al@192.0.2.1>;tag=a')
    house.receive(other)
    if method == "INVITE":
        house.receive(house.in_dialog("ACK", 2, ok))

    bye = agents.in_session(house, ok, "BYE")

    assert bye.headers.get("to") == '"Al" <sip:al@192.0.2.1>;tag=a'


def history(invite: Request) -> list[str]:
    return [entry for line in invite.headers.get_all("history-info") for entry in line.split(", ")]


WANTS = ("Supported", "histinfo")


def test_d24_request_says_where_it_was_for_whoever_asks(build: Build) -> None:
    house = build(Passing, settings={"targets": ("sip:carol@192.0.2.3",)})

    assert history(passed(house)) == []
    assert history(request_of(house.receive(offered(house, call_id="c-2", extra=(WANTS,))), "INVITE")) == [
        "<sip:bob@192.0.2.2>;index=1",
        "<sip:carol@192.0.2.3>;index=1.1;mp=1",
    ]


def test_d24_request_that_goes_where_it_was_meant_to_says_so(build: Build) -> None:
    assert history(passed(build(Passing), WANTS))[1:] == ["<sip:bob@192.0.2.2>;index=1.1;np=1"]


def test_d24_next_target_is_told_why_the_one_before_was_left(build: Build) -> None:
    house = build(Passing, settings=ONE_BY_ONE)
    bob = passed(house, WANTS)

    carol = request_of(house.receive(agents.reply(bob, 486, "b"), BOB), "INVITE")

    assert history(carol) == [
        "<sip:bob@192.0.2.2>;index=1",
        "<sip:bob@192.0.2.2?Reason=SIP%3Bcause%3D486>;index=1.1;np=1",
        "<sip:carol@192.0.2.3>;index=1.2;mp=1",
    ]


def test_d24_redirection_that_is_followed_is_part_of_the_history(build: Build) -> None:
    house = build(Passing)
    bob = passed(house, WANTS)
    moved = agents.reply(bob, 302, "b").with_header("Contact", "<sip:dave@192.0.2.4>")

    dave = request_of(house.receive(moved, BOB), "INVITE")

    assert history(dave)[1:] == [
        "<sip:bob@192.0.2.2?Reason=SIP%3Bcause%3D302>;index=1.1;np=1",
        "<sip:dave@192.0.2.4>;index=1.2;mp=1",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<sip:x@y>;index=1, <sip:bob@192.0.2.2>;index=1.1;mp=1", ["<sip:bob@192.0.2.2>;index=1.1.1;np=1.1"]),
        (
            "<sip:x@y>;index=1",
            ["<sip:bob@192.0.2.2>;index=1.0", "<sip:bob@192.0.2.2>;index=1.0.1;np=1.0"],
        ),
        ("nothing that can be read <", []),
        (", ".join(["<s:b>"] * 60), []),
    ],
)
def test_d24_history_that_is_there_is_gone_on_with(build: Build, before: str, after: list[str]) -> None:
    invite = passed(build(Passing), ("History-Info", before))

    assert history(invite) == before.split(", ") + after


@pytest.mark.parametrize(("privacy", "is_told"), [("history", False), ("header", False), ("id", True)])
def test_d24_history_is_hidden_from_strangers_where_that_is_asked(build: Build, privacy: str, is_told: bool) -> None:
    invite = passed(build(Passing), WANTS, ("Privacy", privacy))

    assert bool(history(invite)) is is_told


def test_d24_diversion_goes_on_unchanged(build: Build) -> None:
    for servlet in (Passing, B2buaServlet):
        invite = passed(build(servlet), ("Diversion", "<sip:eve@192.0.2.5>;reason=unconditional;counter=1"))

        assert invite.headers.get("diversion") == "<sip:eve@192.0.2.5>;reason=unconditional;counter=1"
