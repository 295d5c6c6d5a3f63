"""Click-to-call message by message: the page asks over HTTP, both phones are the test."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client

from apps.click2call.servlets import Click2CallServlet
from apps.click2call.web import CallsServlet, PageServlet
from server.http.session_key import SessionKeys
from server.http.wsgi import WsgiApplication
from server.sip.message import Request, Response
from server.testing.phone import SDP
from tests.server.container.kit import ALICE, BOB, House, lines, reply

SETTINGS = {
    "allowed_targets": ["sip:*@192.0.2.*", "sip:*@nowhere"],
    "calls_per_minute": 5,
    "calls_per_minute_per_address": 7,
    "hold_after": 8.0,
}
FIRST, SECOND = "sip:alice@192.0.2.1", "sip:bob@192.0.2.2"
OFFER = b"v=0\r\no=alice 4 4 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace(b"alice", b"bob")


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build(Click2CallServlet, settings=SETTINGS, at_once=False)


@pytest.fixture
def client(house: House) -> Client:
    context = house.context("app0")
    servlets = {
        "/": (PageServlet(context), house.factory()),
        "/calls": (CallsServlet(context), house.factory()),
    }
    return Client(WsgiApplication(servlets, SessionKeys(b"secret")))  # type: ignore[arg-type]


def start(house: House, client: Client, caller: str = FIRST, callee: str = SECOND) -> tuple[str, list[Any]]:
    """Start a call; return its path and what is sent."""
    house.wire.sent.clear()
    response = client.post("/calls", json={"caller": caller, "callee": callee})
    assert response.status_code == 201, response.json
    return response.headers["Location"], list(house.wire.sent)


def state(client: Client, path: str) -> tuple[str, str | None]:
    shown = client.get(path).json
    return shown["state"], shown["reason"]


def rung(house: House, client: Client) -> tuple[str, Request, Request]:
    """Bring a call to where the first phone has answered; return its path and both INVITEs."""
    path, (first,) = start(house, client)
    (second,) = house.receive(reply(first, 200, "a", body=OFFER, content_type=SDP), ALICE)
    assert isinstance(second, Request)
    return path, first, second


def joined(house: House, client: Client) -> tuple[str, Request, Request]:
    path, first, second = rung(house, client)
    assert lines(house.receive(reply(second, 200, body=ANSWER, content_type=SDP), BOB)) == ["ACK", "ACK"]
    return path, first, second


def bye(invite: Request, house: House, address: tuple[str, int], tag: str) -> list[Request | Response]:
    """Have a phone that was called hang up."""
    request = house.request(
        "BYE", 1, invite.from_.tag or "", tag=tag, call_id=invite.call_id, call_to=f"<{invite.from_.uri}>"
    )
    return house.receive(request, address)


def test_both_phones_ring_answer_and_are_joined(house: House, client: Client) -> None:
    path, (first,) = start(house, client)
    states = [state(client, path)[0]]
    house.receive(reply(first, 180, "a"), ALICE)
    states.append(state(client, path)[0])
    (second,) = house.receive(reply(first, 200, "a", body=OFFER, content_type=SDP), ALICE)
    assert (second.method, second.body, second.to.uri) == ("INVITE", OFFER, SECOND)
    house.receive(reply(second, 183), BOB)
    sent = house.receive(reply(second, 200, body=ANSWER, content_type=SDP), BOB)
    states.append(state(client, path)[0])

    assert lines(sent) == ["ACK", "ACK"]
    assert sorted(m.body for m in sent) == [b"", ANSWER]
    assert states == ["calling", "ringing", "answered"]


def kept_offer(house: House, path: str) -> Any:
    """Return the first phone's SDP as the session keeps it."""
    call_id = path.rpartition("/")[2]
    session = house.factory().application_session(call_id.partition(".")[2])
    assert session is not None
    calls: Any = session.snapshot()["calls"]
    return calls[call_id]["offer"]


def test_offer_is_kept_until_both_phones_are_joined_or_the_call_has_failed(house: House, client: Client) -> None:
    waiting, _, _ = rung(house, client)
    answered, _, _ = joined(house, client)
    failed, _, second = rung(house, client)
    house.receive(reply(second, 486), BOB)

    assert [kept_offer(house, path) for path in (waiting, answered, failed)] == [OFFER, b"", b""]


@pytest.mark.parametrize("who", [0, 1])
def test_either_phone_ends_the_call(house: House, client: Client, who: int) -> None:
    path, first, second = joined(house, client)

    sent = bye((first, second)[who], house, (ALICE, BOB)[who], "ab"[who])

    assert sorted(lines(sent)) == ["200 BYE", "BYE"]
    assert state(client, path) == ("ended", "the call was hung up")


def test_page_ends_the_call_and_both_phones_are_told(house: House, client: Client) -> None:
    path, _, _ = joined(house, client)
    house.wire.sent.clear()

    assert client.delete(path).json["state"] == "ended"

    assert lines(house.wire.sent) == ["BYE", "BYE"]
    house.wire.sent.clear()
    assert client.delete(path).json["state"] == "ended"
    assert house.wire.sent == []


def test_page_gives_up_a_call_that_rings(house: House, client: Client) -> None:
    path, (first,) = start(house, client)
    house.receive(reply(first, 180, "a"), ALICE)
    house.wire.sent.clear()

    client.delete(path)

    assert lines(house.wire.sent) == ["CANCEL"]


@pytest.mark.parametrize(
    ("status", "words"), [(486, "the caller: the line is busy"), (603, "the caller: the call was de")]
)
def test_first_phone_that_refuses_fails_the_call(house: House, client: Client, status: int, words: str) -> None:
    path, (first,) = start(house, client)

    assert lines(house.receive(reply(first, status, "a"), ALICE)) == ["ACK"]

    found, reason = state(client, path)
    assert found == "failed"
    assert (reason or "").startswith(words)


def test_second_phone_that_refuses_fails_the_call_and_the_first_is_let_go(house: House, client: Client) -> None:
    path, _, second = rung(house, client)

    sent = house.receive(reply(second, 480), BOB)

    assert "BYE" in lines(sent)
    assert state(client, path)[0] == "failed"


def test_second_phone_without_a_way_fails_the_call_and_the_first_is_let_go(house: House, client: Client) -> None:
    path, (first,) = start(house, client, callee="sip:bob@192.0.2.2;transport=sctp")

    assert lines(house.receive(reply(first, 200, "a", body=OFFER, content_type=SDP), ALICE)) == ["ACK", "BYE"]

    assert state(client, path)[0] == "failed"


def test_first_phone_without_a_way_fails_the_call_at_once(house: House, client: Client) -> None:
    path, sent = start(house, client, caller="sip:alice@192.0.2.1;transport=sctp")

    assert sent == []
    assert state(client, path)[0] == "failed"


def test_first_phone_that_hangs_up_while_the_second_rings_ends_it(house: House, client: Client) -> None:
    path, first, second = rung(house, client)
    house.receive(reply(second, 180), BOB)

    assert sorted(lines(bye(first, house, ALICE, "a"))) == ["200 BYE", "CANCEL"]
    assert state(client, path)[0] == "ended"


def test_second_phone_that_answers_a_call_that_was_given_up_is_let_go(house: House, client: Client) -> None:
    path, first, second = rung(house, client)
    bye(first, house, ALICE, "a")

    assert lines(house.receive(reply(second, 200, body=ANSWER, content_type=SDP), BOB)) == ["ACK", "BYE"]
    assert state(client, path)[0] == "ended"


def test_first_phone_is_put_on_hold_when_the_second_rings_for_long(house: House, client: Client) -> None:
    path, _, second = rung(house, client)
    house.receive(reply(second, 180), BOB)

    (ack,) = house.pass_time(8.1)
    sent = house.receive(reply(second, 200, body=ANSWER, content_type=SDP), BOB)

    assert (ack.method, b"a=inactive" in ack.body) == ("ACK", True)
    (again,) = [m for m in sent if m.method == "INVITE"]
    assert b"m=audio" in again.body
    assert "ACK" in lines(house.receive(reply(again, 200, "a", body=OFFER, content_type=SDP), ALICE))
    assert state(client, path)[0] == "answered"
    assert house.pass_time(8.1) == []


def test_phones_that_are_joined_may_change_the_call(house: House, client: Client) -> None:
    _, first, _ = joined(house, client)
    info = house.request(
        "INFO", 1, first.from_.tag or "", tag="a", call_id=first.call_id, call_to=f"<{first.from_.uri}>", body=b"x"
    )

    (relayed,) = house.receive(info, ALICE)

    assert (relayed.method, relayed.body) == ("INFO", b"x")


def test_phone_may_not_call_whom_the_page_may_not(house: House) -> None:
    (refused,) = house.receive(house.request("INVITE", uri="sip:x@203.0.113.1", call_to="<sip:x@203.0.113.1>"))

    assert lines([refused]) == ["403 INVITE"]


def test_phone_that_registered_is_called_where_it_is(house: House, client: Client) -> None:
    house.receive(house.request("REGISTER", contact="<sip:alice@192.0.2.1:5999>", call_to="<sip:alice@127.0.0.1>"))

    _, (first,) = start(house, client, caller="sip:alice@127.0.0.1")

    assert first.uri == "sip:alice@192.0.2.1:5999"


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"caller": FIRST}, "callee", "callee is missing"),
        ({"caller": 3, "callee": SECOND}, "caller", "caller is missing"),
        ({"caller": FIRST, "callee": SECOND, "x": 1}, "x", "'x' is not known"),
        ({"caller": FIRST, "callee": "bob"}, "callee", "is no SIP address"),
    ],
)
def test_bad_field_is_400_with_its_name(client: Client, body: dict[str, object], field: str, words: str) -> None:
    response = client.post("/calls", json=body)

    assert (response.status_code, response.json["field"]) == (400, field)
    assert words in response.json["error"]


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ({"data": "{", "content_type": "application/json"}, 400, "the body is not JSON"),
        ({"data": "caller=x"}, 400, "application/json"),
        ({"json": {}, "headers": {"Origin": "http://evil.example"}}, 403, "a page of http://evil.example"),
    ],
)
def test_request_that_is_no_call_is_refused(client: Client, more: dict[str, Any], status: int, words: str) -> None:
    response = client.post("/calls", **more)

    assert response.status_code == status
    assert words in response.json["error"]


def test_browser_that_calls_too_often_is_429(house: House, client: Client) -> None:
    statuses = [client.post("/calls", json={"caller": FIRST, "callee": SECOND}).status_code for _ in range(7)]

    assert statuses == [201] * 6 + [429]


@pytest.mark.parametrize(("address", "last"), [("192.0.2.77", 429), ("not an address", 429), ("127.0.0.1", 201)])
def test_address_that_calls_too_often_is_429_but_not_this_machine(client: Client, address: str, last: int) -> None:
    bare = Client(client.application, use_cookies=False)
    more: Any = {"json": {"caller": FIRST, "callee": SECOND}, "environ_overrides": {"REMOTE_ADDR": address}}

    statuses = [bare.post("/calls", **more).status_code for _ in range(8)]

    assert statuses[:7] == [201] * 7
    assert statuses[7] == last


@pytest.mark.parametrize("path", ["/calls/x", "/calls/x.a1.00000000000000000000", "/calls/"])
@pytest.mark.parametrize("method", ["get", "delete"])
def test_call_that_is_not_there_is_404(client: Client, method: str, path: str) -> None:
    assert getattr(client, method)(path).status_code == 404


def test_call_of_another_browser_is_not_to_be_guessed(house: House, client: Client) -> None:
    path, _ = start(house, client)
    other = path.replace(path.rpartition("/")[2][:4], "ffff")

    assert client.get(other).status_code == 404
    assert client.delete(other).status_code == 404


def test_call_is_not_posted_below_its_collection(client: Client) -> None:
    assert client.post("/calls/x", json={}).status_code == 404


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/style.css", "text/css"), ("/page.js", "text/javascript")]
)
def test_page_has_a_policy_that_lets_nothing_foreign_in(client: Client, path: str, kind: str) -> None:
    response = client.get(path)

    assert response.mimetype == kind
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_page_is_told_what_to_fill_in(client: Client) -> None:
    assert client.get("/config").json == {"demo": False, "caller": "", "callee": ""}
    assert client.get("/secret").status_code == 404


def test_call_that_is_never_acknowledged_fails(house: House, client: Client) -> None:
    path, (first,) = start(house, client)

    for _ in range(70):
        house.pass_time(0.5)

    assert state(client, path) == ("failed", "the caller: the phone did not answer in time")
    assert isinstance(first, Request)


def again(house: House, invite: Request) -> tuple[Request, Request]:
    """Have the first phone send another INVITE in a call that is joined; return it and what the second gets."""
    more = house.request(
        "INVITE",
        1,
        invite.from_.tag or "",
        tag="a",
        call_id=invite.call_id,
        call_to=f"<{invite.from_.uri}>",
        body=OFFER,
    )
    (relayed,) = [m for m in house.receive(more, ALICE) if isinstance(m, Request)]
    return more, relayed


def test_change_that_the_other_phone_refuses_leaves_the_call_as_it_is(house: House, client: Client) -> None:
    path, first, _ = joined(house, client)
    _, relayed = again(house, first)

    sent = house.receive(reply(relayed, 488), BOB)

    assert sorted(lines(sent)) == ["488 INVITE", "ACK"]
    assert state(client, path)[0] == "answered"


def test_change_that_is_never_acknowledged_ends_the_call(house: House, client: Client) -> None:
    path, first, _ = joined(house, client)
    _, relayed = again(house, first)
    house.receive(reply(relayed, 200, body=ANSWER, content_type=SDP), BOB)

    found = [line for _ in range(70) for line in lines(house.pass_time(0.5))]

    assert "BYE" in found
    assert state(client, path) == ("failed", "a phone: the phone did not answer in time")


def test_phone_calls_another_through_the_server(house: House) -> None:
    sent = house.receive(house.request(body=OFFER))
    (relayed,) = [m for m in sent if isinstance(m, Request)]
    ringing = house.receive(reply(relayed, 180), BOB)
    (ok,) = house.receive(reply(relayed, 200, body=ANSWER, content_type=SDP), BOB)
    ack = house.receive(house.in_dialog("ACK", 1, ok))
    end = house.receive(house.in_dialog("BYE", 2, ok))

    assert (lines(ringing), lines(ack), sorted(lines(end))) == (["180 INVITE"], ["ACK"], ["200 BYE", "BYE"])
    assert ok.body == ANSWER


def test_phone_that_calls_and_never_acknowledges_is_let_go(house: House) -> None:
    (relayed,) = [m for m in house.receive(house.request(body=OFFER)) if isinstance(m, Request)]
    house.receive(reply(relayed, 200, body=ANSWER, content_type=SDP), BOB)

    found = [line for _ in range(70) for line in lines(house.pass_time(0.5))]

    assert found.count("BYE") >= 2
    assert house.container.servlet_errors == 0


@pytest.mark.parametrize("status", [404, 486])
def test_phone_that_calls_hears_why_the_other_was_not_reached(house: House, status: int) -> None:
    (relayed,) = [m for m in house.receive(house.request(body=OFFER)) if isinstance(m, Request)]

    assert f"{status} INVITE" in lines(house.receive(reply(relayed, status), BOB))


def test_page_may_hang_up_before_the_second_phone_has_rung_for_long(house: House, client: Client) -> None:
    path, _, second = rung(house, client)
    house.receive(reply(second, 180), BOB)
    client.delete(path)

    assert "ACK" not in lines(house.pass_time(8.1))
    assert state(client, path)[0] == "ended"
