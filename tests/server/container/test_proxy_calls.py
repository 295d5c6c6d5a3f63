"""Whole calls through a proxying application, on a wire and a clock of the test's own."""

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.container.records import Sessions
from server.container.response_context import Contexts
from server.engine.call import peek_section
from server.servlet import InvalidStateError, ProxyOptions, SipRequest, SipResponse, SipServlet
from server.sip.message import Request, Response
from server.transport.flow import Flow
from tests.server.container.kit import ALICE, BOB, House, lines, reply

NUMBERS = count(1)
CAROL = ("192.0.2.3", 5060)
TIMER_C = 185.0


class Forking(SipServlet):
    """Proxies to Bob and Carol, and stays in the way."""

    def do_invite(self, request: SipRequest) -> None:
        proxy = request.create_proxy(ProxyOptions(record_route=True))
        proxy.proxy_to("sip:bob@192.0.2.2", "sip:carol@192.0.2.3")
        assert [branch.uri for branch in proxy.branches] == ["sip:bob@192.0.2.2", "sip:carol@192.0.2.3"]
        assert request.create_proxy().branches == proxy.branches

    def do_message(self, request: SipRequest) -> None:
        request.create_proxy().proxy_to("sip:bob@192.0.2.2")

    def do_success_response(self, response: SipResponse) -> None:
        for misuse in (response.create_ack, response.request.create_proxy):
            with pytest.raises(InvalidStateError):
                misuse()


@pytest.fixture
def house() -> Iterator[House]:
    opened = House(Forking)
    yield opened
    opened.close()


@pytest.fixture
def passing() -> Iterator[House]:
    opened = House(Passing)
    yield opened
    opened.close()


def forked(house: House) -> tuple[Request, Request]:
    bob, carol = [message for message in house.receive(house.request()) if isinstance(message, Request)]
    return bob, carol


def test_p3_timer_c_cancels_a_branch_that_only_rings(house: House) -> None:
    bob, carol = forked(house)
    house.receive(reply(bob, 180), BOB)
    house.receive(reply(carol, 486), CAROL)

    too_early = lines(house.pass_time(TIMER_C - 1))
    cancelled = lines(house.pass_time(1.1))

    assert too_early == []
    assert cancelled == ["CANCEL"]
    sent = house.receive(reply(bob, 487), BOB)
    assert lines(sent) == ["ACK", "486 INVITE"]


def test_p3_provisional_response_gives_a_branch_its_time_anew(house: House) -> None:
    bob, carol = forked(house)
    house.receive(reply(carol, 486), CAROL)
    house.receive(reply(bob, 180), BOB)
    house.pass_time(TIMER_C - 1)

    house.receive(reply(bob, 183), BOB)

    assert lines(house.pass_time(TIMER_C - 1)) == []


def test_p5_branch_that_does_not_answer_its_cancel_is_given_up(house: House) -> None:
    bob, carol = forked(house)
    house.receive(reply(bob, 180), BOB)

    house.receive(reply(carol, 603), CAROL)

    assert "603 INVITE" in lines(house.pass_time(33.0))


def test_p4_branch_that_cannot_be_reached_counts_as_503_and_alone_as_500(house: House) -> None:
    house.wire.broken = {"192.0.2.2", "192.0.2.3"}

    sent = lines(house.receive(house.request()))

    assert sent[-1] == "500 INVITE"


def test_p4_provisional_response_whose_only_via_is_ours_goes_no_further_and_is_a_sign_of_life(house: House) -> None:
    bob, carol = forked(house)
    ringing = reply(bob, 180)

    sent = house.receive(ringing.with_header("Via", str(ringing.via)), BOB)

    assert sent == []
    assert [m.method for m in house.receive(reply(carol, 603), CAROL) if isinstance(m, Request)] == ["ACK", "CANCEL"]


def test_p4_request_other_than_invite_that_nobody_answers_gets_no_408(house: House) -> None:
    house.receive(house.request("MESSAGE"))

    sent = [line for _ in range(40) for line in lines(house.pass_time(1.0))]

    assert set(sent) <= {"MESSAGE", "100 MESSAGE"}  # RFC 4320 4.1: 100 when the answer takes long
    assert house.engine.store.statistics().calls == 0


def test_p3_call_state_is_gone_when_call_and_transactions_are_over(house: House) -> None:
    bob, carol = forked(house)
    (accepted,) = house.receive(reply(bob, 200), BOB)
    assert isinstance(accepted, Response)
    house.receive(reply(carol, 180), CAROL)
    house.receive(reply(carol, 487), CAROL)

    routes = [("Route", str(route)) for route in reversed(accepted.record_routes)]
    (ack,) = house.receive(house.request("ACK", 1, "b", extra=routes))
    (bye,) = house.receive(house.request("BYE", 2, "b", extra=routes))
    house.receive(reply(bye, 200), BOB)
    for _ in range(40):
        house.pass_time(1.0)

    assert (ack.method, bye.method) == ("ACK", "BYE")
    assert house.engine.store.statistics().calls == 0


def test_p3_established_call_keeps_its_session_and_nothing_of_its_transactions(house: House) -> None:
    bob, carol = forked(house)
    house.receive(reply(carol, 486), CAROL)
    house.receive(reply(bob, 200), BOB)
    for _ in range(40):
        house.pass_time(1.0)

    found = house.engine.store.peek(house.engine.dispatch.hashed("call", "c-1"))

    assert found is not None
    assert peek_section(found[1], "proxies", Contexts).contexts == {}
    assert [record.state for record in peek_section(found[1], "sessions", Sessions).sips.values()] == ["CONFIRMED"]
    assert [known.keys() for known in peek_section(found[1], "proxies", Contexts).parties.values()] == [{"a", "b"}]


def test_p4_session_lives_until_the_last_dialog_of_a_forked_call_has_ended(house: House) -> None:
    bob, carol = forked(house)
    (accepted,) = house.receive(reply(bob, 200), BOB)
    house.receive(reply(carol, 200, "c"), CAROL)
    assert isinstance(accepted, Response)
    routes = [("Route", str(route)) for route in reversed(accepted.record_routes)]

    answers = []
    for number, (tag, address) in enumerate((("c", CAROL), ("b", BOB), ("b", BOB)), 2):
        sent = house.receive(house.request("BYE", number, tag, extra=routes, uri=f"sip:{tag}@{address[0]}"))
        if lines(sent) == ["BYE"]:
            sent = house.receive(reply(sent[0], 200, tag), address)
        answers += lines(sent)

    assert answers == ["200 BYE", "200 BYE", "481 BYE"]


def test_p4_challenge_of_a_bye_does_not_end_the_dialog(house: House) -> None:
    bob, carol = forked(house)
    house.receive(reply(carol, 486), CAROL)
    (accepted,) = house.receive(reply(bob, 200), BOB)
    assert isinstance(accepted, Response)
    routes = [("Route", str(route)) for route in reversed(accepted.record_routes)]

    (bye,) = house.receive(house.request("BYE", 2, "b", extra=routes))
    house.receive(reply(bye, 407), BOB)

    assert lines(house.receive(house.request("BYE", 3, "b", extra=routes))) == ["BYE"]


@pytest.mark.parametrize(("method", "stands"), [("NOTIFY", True), ("OPTIONS", True), ("INFO", False)])
def test_d12_call_that_is_proxied_ends_by_the_481_of_its_own_requests_only(
    house: House, method: str, stands: bool
) -> None:
    bob, carol = forked(house)
    house.receive(reply(carol, 486), CAROL)
    (accepted,) = house.receive(reply(bob, 200), BOB)
    assert isinstance(accepted, Response)
    routes = [("Route", str(route)) for route in reversed(accepted.record_routes)]

    (request,) = house.receive(house.request(method, 2, "b", extra=routes))
    house.receive(reply(request, 481), BOB)

    assert lines(house.receive(house.request("BYE", 3, "b", extra=routes))) == ["BYE" if stands else "481 BYE"]


def test_p4_response_that_has_no_via_but_ours_is_not_passed_on(house: House) -> None:
    bob, carol = forked(house)
    house.receive(reply(carol, 503), CAROL)
    alone = reply(bob, 200).with_header("Via", str(bob.via))

    assert lines(house.receive(alone, BOB)) == ["502 INVITE"]


def test_p3_callers_next_request_after_a_lost_call_state_is_refused_and_its_ack_goes_on(house: House) -> None:
    route = ("Route", f"<sip:00000000.{'0' * 20}@127.0.0.1:{house.node.udp.local[1]};lr>")

    refused = house.receive(house.request("BYE", 2, "b", extra=[route]))
    passed = house.receive(house.request("ACK", 1, "b", extra=[route]))

    assert lines(refused) == ["481 BYE"]
    assert lines(passed) == ["ACK"]


class Passing(SipServlet):
    """Passes everything on to where it is addressed to."""

    def do_other(self, request: SipRequest) -> None:
        request.create_proxy(ProxyOptions(record_route=True)).proxy_to(request.uri)

    do_invite = do_message = do_other


VALUES = st.sampled_from(
    [
        "",
        "<sip:127.0.0.1;lr>",
        "<sip:x@y>",
        "<tel:1>",
        "<sip:a@b?c=d>",
        "-1",
        "999999999999",
        ",",
        "x;y=;z",
        "<>",
        '"',
        "<sips:a@[::1]:0;maddr=x;transport=tls>",
        "*",
    ]
)
NAMES = st.sampled_from(
    ["Route", "Max-Breadth", "Proxy-Require", "Require", "Record-Route", "Contact", "Supported", "Via"]
)
URIS = st.sampled_from(
    [
        "sip:bob@192.0.2.2",
        "sip:192.0.2.2;lr",
        "sips:bob@192.0.2.2",
        "tel:+49",
        "x:y",
        "sip:a@b;maddr=c",
        "sip:127.0.0.1",
        "sip:0123abcd.00000000000000000000@127.0.0.1;lr",
    ]
)
METHODS = st.sampled_from(["INVITE", "MESSAGE", "BYE", "ACK"])


@given(st.lists(st.tuples(NAMES, VALUES), max_size=4), URIS, METHODS, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_p1_whatever_stands_in_the_headers_is_no_error_of_ours(
    passing: House,
    caplog: pytest.LogCaptureFixture,
    headers: list[tuple[str, str]],
    uri: str,
    method: str,
    in_dialog: bool,
) -> None:
    plain = passing.request(method, to="b" if in_dialog else "", uri=uri, call_id=f"c-{next(NUMBERS)}")
    more = "".join(f"{name}: {value}\r\n" for name, value in headers)
    host, port = passing.node.udp.local

    data = plain.wire().replace(b"Content-Length", more.encode() + b"Content-Length")
    passing.engine.on_datagram(data, Flow("UDP", host, port, *ALICE))

    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_p1_headers_that_are_right_are_passed_on(passing: House) -> None:
    assert "INVITE" in lines(passing.receive(passing.request(extra=[("Route", "<sip:127.0.0.1;lr>")])))
