"""Rows S1 and S3: challenges to requests of ours, and what the answer to proven credentials says."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from server.container.challenged import parse_accounts
from server.container.records import Sessions
from server.engine.call import Call, CallKey
from server.errors import ConfigError
from server.servlet import B2buaServlet, SipRequest, SipServlet
from server.sip.auth import PROXY, USER_AGENT, Realm, Side, Verdict, authentication_info, challenge, ha1_of, verify
from server.sip.auth_client import Account, answer, is_proved
from server.sip.build import make_response
from server.sip.headers.credentials import parse_auth_info, parse_auth_value
from server.sip.ids import key_of_token
from server.sip.message import Request, Response
from server.sip.nonce import NonceCounts
from tests.conformance import agents
from tests.conformance.agents import ANSWER, OFFER, Caller, established, offered
from tests.conformance.ladder import one, request_of
from tests.server.container.kit import ALICE, BOB, House, lines

Build = Callable[..., House]
REALM = Realm("there", b"key")
ACCOUNT = {"sip": {"accounts": [f"bob:secret:there:{ALICE[0]}"]}}
STRANGERS = (
    {"sip": {"accounts": ["bob:secret:elsewhere:192.0.2.1"]}},
    {"sip": {"accounts": ["bob:secret:there:192.0.2.77"]}},
    {},
)


class Post(SipServlet):
    """Takes messages of whoever proves to be somebody."""

    def do_message(self, request: SipRequest) -> None:
        if self.context.registrar.authenticate(request) is not None:
            request.create_response(200).send()


def challenged(request: Request, side: Side = USER_AGENT, *, stale: bool = False, number: int = 1) -> Response:
    """Make Alice's challenge to a request of the house."""
    extra = [(side.challenge, line) for line in challenge(REALM, 1.0, bytes([number]), stale=stale)]
    return make_response(request, side.status, to_tag="a1", extra=extra)


def judged(request: Request, side: Side = USER_AGENT) -> Verdict:
    """Judge the credentials of a request as Alice does."""
    return verify(REALM, side, request, lambda _, name: ha1_of(name, "bob", "there", "secret"), 1.0, NonceCounts())


def outcome(request: Request, side: Side = USER_AGENT) -> str:
    return judged(request, side).outcome


@pytest.mark.parametrize("side", [USER_AGENT, PROXY])
def test_s3_invite_of_ours_answers_a_challenge_of_its_own_realm_and_peer(build: Build, side: Side) -> None:
    house = build(Caller, sections=ACCOUNT)
    invite = agents.call(house, body=OFFER)

    sent = house.receive(challenged(invite, side))
    again = request_of(sent, "INVITE")

    assert lines(sent) == ["ACK", "INVITE"]
    assert outcome(again, side) == "accepted"
    assert (again.cseq.number, again.call_id, again.body) == (invite.cseq.number + 1, invite.call_id, OFFER)
    assert lines(house.receive(agents.reply(again, 200, body=ANSWER))) == ["ACK"]


@pytest.mark.parametrize("sections", STRANGERS)
def test_s3_nothing_is_proved_to_a_stranger_by_the_server(build: Build, sections: dict[str, dict[str, object]]) -> None:
    house = build(Caller, sections=sections)

    sent = house.receive(challenged(agents.call(house, body=OFFER)))

    assert lines(sent) == ["ACK"]
    assert house.servlets[0].seen == ["401 INVITE"]  # type: ignore[attr-defined]


def test_s3_credentials_are_sent_at_most_twice_and_again_only_for_a_stale_nonce(build: Build) -> None:
    house = build(Caller, sections=ACCOUNT)
    request = agents.call(house, body=OFFER)
    for number, stale in enumerate((False, True), 1):
        request = request_of(house.receive(challenged(request, stale=stale, number=number)), "INVITE")

    assert lines(house.receive(challenged(request, stale=True, number=3))) == ["ACK"]
    other = agents.call(house, body=OFFER)
    once = request_of(house.receive(challenged(other)), "INVITE")
    assert lines(house.receive(challenged(once, number=2))) == ["ACK"]


def test_s3_proxy_and_callee_may_both_ask(build: Build) -> None:
    house = build(Caller, sections=ACCOUNT)
    invite = agents.call(house, body=OFFER)

    through = request_of(house.receive(challenged(invite, PROXY)), "INVITE")
    both = request_of(house.receive(challenged(through, USER_AGENT, number=2)), "INVITE")

    assert (outcome(both, PROXY), outcome(both, USER_AGENT)) == ("accepted", "accepted")


@pytest.mark.parametrize("method", ["INFO", "UPDATE", "BYE"])
def test_s3_request_in_a_dialog_answers_a_challenge(build: Build, method: str) -> None:
    house = build(Caller, sections=ACCOUNT)
    ok = established(house, offered(house))
    request = agents.in_session(house, ok, method)

    again = request_of(house.receive(challenged(request)), method)

    assert outcome(again) == "accepted"
    assert (again.to.tag, again.cseq.number) == (request.to.tag, request.cseq.number + 1)
    house.receive(agents.reply(again, 200))
    still = ["481 UPDATE" if method == "BYE" else "200 UPDATE"]
    assert lines(house.receive(house.in_dialog("UPDATE", 2, ok))) == still


@pytest.mark.parametrize("rings", [True, False])
def test_s3_challenge_to_an_invite_that_was_given_up_is_not_answered(build: Build, rings: bool) -> None:
    house = build(Caller, sections=ACCOUNT)
    invite = agents.call(house, body=OFFER)
    house.receive(agents.reply(invite, 180)) if rings else None
    call_key = CallKey(key_of_token(invite.from_.tag or "") or "")

    def give_up(call: Call) -> None:
        (record,) = call.section("sessions", Sessions).sips.values()
        house.container.sending.cancel(call, record)

    house.engine.run(call_key, give_up)

    assert lines(house.receive(challenged(invite))) == ["ACK"]


def test_s3_leg_of_a_relayed_call_proves_itself_and_the_caller_sees_nothing_of_it(build: Build) -> None:
    house = build(B2buaServlet, sections={"sip": {"accounts": [f"bob:secret:there:{BOB[0]}"]}})
    invite = request_of(house.receive(offered(house)), "INVITE")

    sent = house.receive(challenged(invite, PROXY), BOB)
    ok = house.receive(agents.reply(request_of(sent, "INVITE"), 200, "b", ANSWER), BOB)

    assert lines(sent) == ["ACK", "INVITE"]
    assert lines(ok) == ["200 INVITE"]


def test_s3_server_that_does_not_know_the_password_is_noticed(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    house = build(Caller, sections=ACCOUNT)
    warned = []
    for ha1 in ("", "forged"):
        again = request_of(house.receive(challenged(agents.call(house, body=OFFER))), "INVITE")
        verdict = judged(again)
        info = authentication_info(replace(verdict, ha1=ha1 or verdict.ha1), b"")
        house.receive(agents.reply(again, 486, extra=(("Authentication-Info", info),)))
        warned.append("does not know the password" in caplog.text)

    assert warned == [False, True]


def test_s1_answer_to_proven_credentials_proves_the_server_too(build: Build) -> None:
    house = build(Post, sections={"registrar": {"realm": "here", "users": ["alice:secret"]}})
    account = Account("here", "alice", "secret", frozenset({"house"}))
    request = house.request("MESSAGE")
    refused = one(house.receive(request), "401 MESSAGE")
    assert isinstance(refused, Response)
    ((name, value),) = answer(refused, request, frozenset({"house"}), (account,), 0, "c")

    ok = one(house.receive(house.request("MESSAGE", 2, extra=((name, value),))), "200 MESSAGE")

    assert refused.headers.get("authentication-info") is None
    assert is_proved(ok.headers.get("authentication-info") or "", parse_auth_value(value), account, b"")


def test_s1_nonce_that_grows_old_is_followed_by_the_next_before_it_is_stale(build: Build) -> None:
    house = build(Post, sections={"registrar": {"realm": "here", "users": ["alice:secret"]}})
    account = Account("here", "alice", "secret", frozenset({"house"}))
    request = house.request("MESSAGE")
    refused = one(house.receive(request), "401 MESSAGE")
    assert isinstance(refused, Response)
    infos = []
    for count, wait in ((1, 0), (2, 160)):
        house.pass_time(wait)
        lines_ = answer(refused, request, frozenset({"house"}), (account,), 0, "c", count)
        ok = one(house.receive(house.request("MESSAGE", count + 1, extra=lines_)), "200 MESSAGE")
        infos.append(parse_auth_info(ok.headers.get("authentication-info") or "").param("nextnonce"))

    assert infos[0] is None
    fresh = refused.with_header(
        "WWW-Authenticate", f'Digest realm="here", nonce="{infos[1]}", qop="auth", algorithm=SHA-256'
    )
    house.pass_time(200)
    proof = answer(fresh, request, frozenset({"house"}), (account,), 0, "c")
    assert lines(house.receive(house.request("MESSAGE", 9, extra=proof))) == ["200 MESSAGE"]


def test_s3_refresh_that_is_challenged_is_sent_with_credentials_and_goes_on(build: Build) -> None:
    house = build(Caller, sections=ACCOUNT)
    timer = (("Supported", "timer"), ("Session-Expires", "300;refresher=uas"))
    established(house, offered(house, extra=timer))
    update = request_of(house.pass_time(150), "UPDATE")

    again = request_of(house.receive(challenged(update)), "UPDATE")
    house.receive(agents.reply(again, 200, extra=(("Session-Expires", "300;refresher=uac"),)))

    assert outcome(again) == "accepted"
    assert lines(house.pass_time(150)) == ["UPDATE"]


def test_s1_credentials_that_one_engine_has_seen_are_stale_to_another(build: Build) -> None:
    users = {"registrar": {"realm": "here", "users": ["alice:secret"]}}
    here, there = build(Post, sections=users), build(Post, sections=users)
    account = Account("here", "alice", "secret", frozenset({"house"}))
    request = here.request("MESSAGE")
    refused = one(here.receive(request), "401 MESSAGE")
    assert isinstance(refused, Response)
    credentials = answer(refused, request, frozenset({"house"}), (account,), 0, "c")
    assert lines(here.receive(here.request("MESSAGE", 2, extra=credentials))) == ["200 MESSAGE"]

    replayed = one(there.receive(there.request("MESSAGE", 2, extra=credentials)), "401 MESSAGE")

    assert "stale=true" in (replayed.headers.get("www-authenticate") or "")
    assert isinstance(replayed, Response)
    fresh = answer(replayed, there.request("MESSAGE", 2, extra=credentials), frozenset({"house"}), (account,), 1, "d")
    assert lines(there.receive(there.request("MESSAGE", 3, extra=fresh))) == ["200 MESSAGE"]


def test_s3_account_without_a_peer_is_a_fault_that_does_not_tell_the_password() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_accounts(["bob:secret:there", "bob:secret:there: 192.0.2.1"])

    assert caught.value.faults == ("sip.accounts: entry 1 is not NAME:PASSWORD:REALM:PEER",)
