"""Digest authentication from end to end: bytes of a client, bytes of a server, and nothing but those between them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.auth import PROXY, USER_AGENT, Realm, Side, authentication_info, challenge, ha1_of, verify
from server.sip.auth_client import Account, answer, is_proved
from server.sip.build import make_response
from server.sip.codec import parse_message
from server.sip.headers.credentials import parse_auth_value
from server.sip.message import Request, Response
from server.sip.nonce import NonceCounts
from tests.data.torture.case import SDP, request

PEER = "192.0.2.9"
TEXTS = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=12)


class Server:
    """Asks every request for the password of one user."""

    def __init__(self, realm: Realm, side: Side, username: str, password: str) -> None:
        self.realm, self.side, self.username, self.password = realm, side, username, password
        self.now, self.counts, self.asked = 100.0, NonceCounts(), 0

    def serve(self, data: bytes) -> bytes:
        sent = parse_message(data)
        assert isinstance(sent, Request)
        verdict = verify(self.realm, self.side, sent, self.ha1, self.now, self.counts)
        if verdict.outcome == "accepted":
            info = authentication_info(verdict, b"", "next")
            return make_response(sent, 200, to_tag="s", extra=[(self.side.info, info)]).wire()
        self.asked += 1
        lines = challenge(self.realm, self.now, bytes([self.asked]), stale=verdict.outcome == "stale")
        extra = [(self.side.challenge, line) for line in lines]
        return make_response(sent, self.side.status, to_tag="s", extra=extra).wire()

    def ha1(self, username: str, algorithm: str) -> str | None:
        return ha1_of(algorithm, username, self.realm.name, self.password) if username == self.username else None


def call(
    server: Server, account: Account, data: bytes, peer: str = PEER, late: float = 0.0
) -> tuple[Response, int, str]:
    """Send a request until it is no use; return the last response, how often it was sent, the last credentials."""
    sent = parse_message(data)
    assert isinstance(sent, Request)
    tries, value = 0, ""
    while True:
        response = parse_message(server.serve(sent.wire()))
        assert isinstance(response, Response)
        lines = answer(response, sent, frozenset({peer}), (account,), tries, "cnonce")
        if not lines:
            return response, tries + 1, value
        tries += 1
        server.now += late
        number = sent.cseq.number + 1
        for name, value in lines:
            sent = sent.with_header(name, value)
        sent = sent.with_header("CSeq", f"{number} {sent.method}")


@pytest.mark.parametrize("side", [USER_AGENT, PROXY])
@given(username=TEXTS, password=TEXTS, realm=TEXTS, method=st.sampled_from([b"INVITE", b"REGISTER", b"MESSAGE"]))
def test_S1_who_knows_the_password_is_let_in_at_the_second_try(
    side: Side, username: str, password: str, realm: str, method: bytes
) -> None:
    server = Server(Realm(realm, b"key"), side, username, password)
    account = Account(realm, username, password, frozenset({PEER}))

    response, count, value = call(server, account, request("s1", method, body=SDP))

    assert (response.status, count) == (200, 2)
    info = response.headers.get(side.info)
    assert info is not None
    assert is_proved(info, parse_auth_value(value), account, b"")


@given(password=TEXTS, other=TEXTS)
def test_S1_who_does_not_know_it_is_asked_again_and_gives_up(password: str, other: str) -> None:
    server = Server(Realm("example.com", b"key"), USER_AGENT, "alice", password)
    account = Account("example.com", "alice", other, frozenset({PEER}))

    response, count, _ = call(server, account, request("s1", b"REGISTER"))

    assert (response.status, count) == ((200, 2) if password == other else (401, 2))


def test_S1_credentials_that_were_overheard_are_no_use() -> None:
    server = Server(Realm("example.com", b"key"), USER_AGENT, "alice", "secret")
    _, _, value = call(server, Account("example.com", "alice", "secret", frozenset({PEER})), request("s1", b"REGISTER"))

    for method, uri in ((b"REGISTER", b"sip:dave@example.com"), (b"INVITE", b"sip:dave@example.com")):
        data = request("replay", method, b"Authorization: " + value.encode(), uri=uri)
        assert server.serve(data).startswith(b"SIP/2.0 401")


def test_S3_stale_nonce_is_answered_once_more_and_a_server_that_never_stops_asking_is_left() -> None:
    server = Server(Realm("example.com", b"key", lifetime=5.0), USER_AGENT, "alice", "secret")
    account = Account("example.com", "alice", "secret", frozenset({PEER}))

    response, count, _ = call(server, account, request("s3", b"REGISTER"), late=60.0)

    assert (response.status, count) == (401, 3)
    assert b"stale=true" in response.wire()


@pytest.mark.parametrize(
    ("change", "peer"),
    [({"realm": "example.net"}, PEER), ({}, "192.0.2.66"), ({"algorithms": ("MD5",)}, PEER)],
    ids=["another realm", "another peer", "algorithms that are off"],
)
def test_S3_nothing_is_proved_to_a_stranger(change: dict[str, Any], peer: str) -> None:
    server = Server(Realm("example.com", b"key"), USER_AGENT, "alice", "secret")
    fields = {"realm": "example.com", "username": "alice", "password": "secret", "peers": frozenset({PEER}), **change}

    response, count, value = call(server, Account(**fields), request("s3", b"REGISTER"), peer)

    assert (response.status, count, value) == (401, 1, "")
