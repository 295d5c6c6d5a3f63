from typing import Any

import pytest

from server.sip.auth import (
    DEFAULT_ALGORITHMS,
    HASHES,
    PROXY,
    UNCHALLENGED,
    USER_AGENT,
    Realm,
    Verdict,
    authentication_info,
    challenge,
    ha1_of,
    hash_of,
    response_of,
    verify,
    without_credentials,
)
from server.sip.auth_client import Account, answer, is_proved
from server.sip.build import make_response
from server.sip.headers.credentials import AuthValue, parse_auth_value
from server.sip.headers.table import WWW_AUTHENTICATE
from server.sip.message import Request, Response
from server.sip.nonce import NonceCounts, make_nonce
from tests.server.sip.samples import request

REALM = Realm("example.com", b"key")
PEER = "192.0.2.1"
ALICE = Account("example.com", 'al"ice', "secret \\ é", frozenset({PEER}))
ANY = tuple(HASHES)
BODY = b"v=0\r\n"


def keeps(username: str, algorithm: str) -> str | None:
    return ha1_of(algorithm, ALICE.username, "example.com", ALICE.password) if username == ALICE.username else None


def refused(realm: Realm = REALM, now: float = 1000.0, *, stale: bool = False, status: int = 401) -> Response:
    name = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[status]
    return make_response(request(), status, extra=[(name, line) for line in challenge(realm, now, b"r", stale=stale)])


def credentials(response: Response, **more: Any) -> tuple[tuple[str, str], ...]:
    arguments = {
        "request": request(),
        "peers": frozenset({PEER}),
        "accounts": (ALICE,),
        "tries": 0,
        "cnonce": 'c"1',
        **more,
    }
    return answer(response, **arguments)


def again(sent: Request, *lines: tuple[str, str]) -> Request:
    for name, value in lines:
        sent = sent.with_added(name, value)
    return sent


def judge(sent: Request, now: float = 1001.0, realm: Realm = REALM, counts: NonceCounts | None = None) -> Verdict:
    return verify(realm, USER_AGENT, sent, keeps, now, NonceCounts() if counts is None else counts)


def test_S1_examples_of_the_rfcs() -> None:
    common: dict[str, Any] = {"qop": "auth", "count": "00000001"}
    nonce, cnonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    for algorithm, response in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        ha1 = ha1_of(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
        assert response_of(algorithm, ha1, "GET", "/dir/index.html", nonce, cnonce=cnonce, **common) == response

    # RFC 7616 3.9.2 with the values of erratum 4897
    ha1 = ha1_of("SHA-512-256", "Jäsøn Doe", "api@example.org", "Secret, or not?")
    nonce, cnonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    assert (
        response_of("SHA-512-256", ha1, "GET", "/doe.json", nonce, cnonce=cnonce, **common)
        == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    )

    # RFC 2617 3.5, and RFC 2069 2.4 with its erratum 749
    ha1 = ha1_of("MD5", "Mufasa", "testrealm@host.com", "Circle Of Life")
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    assert (
        response_of("MD5", ha1, "GET", "/dir/index.html", nonce, cnonce="0a4f113b", **common)
        == "6629fae49393a05397450978507c4ef1"
    )
    ha1 = ha1_of("MD5", "Mufasa", "testrealm@host.com", "CircleOfLife")
    assert response_of("MD5", ha1, "GET", "/dir/index.html", nonce) == "1949323746fe6a43ef61f9606e7febea"


def test_S1_session_algorithm_and_integrity_change_the_response_as_the_rfc_says() -> None:
    ha1 = ha1_of("SHA-256", "u", "r", "p")
    session = hash_of("SHA-256", f"{ha1}:n:c".encode())

    given = response_of("SHA-256-sess", ha1, "M", "sip:h", "n", qop="auth-int", count="1", cnonce="c", body=b"b")

    ha2 = hash_of("SHA-256", b"M:sip:h:" + hash_of("SHA-256", b"b").encode())
    assert given == hash_of("SHA-256", f"{session}:n:1:c:auth-int:{ha2}".encode())


def test_S1_challenges_come_the_strongest_first_and_without_md5() -> None:
    values = refused().many(WWW_AUTHENTICATE)

    assert [value.param("algorithm") for value in values] == list(DEFAULT_ALGORITHMS) == ["SHA-512-256", "SHA-256"]
    assert {value.param("realm") for value in values} == {"example.com"}
    assert values[0].param("qop") == "auth,auth-int"
    assert values[0].param("stale") is None
    assert refused(stale=True).many(WWW_AUTHENTICATE)[0].param("stale") == "true"
    assert len(challenge(Realm("x", b"", ANY), 1.0, b"r")) == 3


@pytest.mark.parametrize("algorithms", [DEFAULT_ALGORITHMS, ("SHA-256",), ("MD5",)])
@pytest.mark.parametrize("qop", [("auth",), ("auth-int",), ("auth", "auth-int")])
def test_S1_answered_challenge_is_accepted(algorithms: tuple[str, ...], qop: tuple[str, ...]) -> None:
    realm = Realm("example.com", b"key", algorithms, qop)
    account = Account("example.com", ALICE.username, ALICE.password, ALICE.peers, ANY)
    sent = request().with_body(BODY, "application/sdp")

    lines = credentials(refused(realm), request=sent, accounts=(account,))
    verdict = judge(again(sent, *lines), realm=realm)

    assert lines[0][0] == "Authorization"
    assert (verdict.outcome, verdict.username) == ("accepted", ALICE.username)
    assert verdict.credentials is not None
    assert verdict.credentials.param("algorithm") == algorithms[0]
    if qop == ("auth-int",):
        assert judge(again(sent.with_body(b"other", "application/sdp"), *lines), realm=realm).outcome == "wrong"


def test_S1_nonce_is_bound_to_time_and_key_and_its_count_is_used_once() -> None:
    counts, lines = NonceCounts(), credentials(refused())
    sent = again(request(), *lines)

    assert judge(sent, counts=counts).outcome == "accepted"
    assert judge(sent, counts=counts).outcome == "stale"
    assert judge(sent, now=1000.0 + REALM.lifetime + 1).outcome == "stale"
    assert judge(sent, now=999.0).outcome == "stale"
    assert judge(sent, realm=Realm("example.com", b"other key")).outcome == "stale"
    assert judge(again(request(), *credentials(refused(), count=2)), counts=counts).outcome == "accepted"


def test_S2_credentials_are_consumed_for_their_realm_alone() -> None:
    others = ('Digest username="a", realm="other"', "nothing that can be read")
    sent = again(request(), *[("Proxy-Authorization", value) for value in others])
    proved = again(sent, ("Proxy-Authorization", 'Digest username="a", realm="example.com"'), ("Authorization", "x"))

    left = without_credentials(proved, PROXY, "example.com")

    assert left.headers.get_all("proxy-authorization") == others
    assert "authorization" in left.headers
    assert without_credentials(sent, PROXY, "example.com") is sent


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"password": "other"}, "wrong"),
        ({"username": "mallory"}, "wrong"),
        ({"realm": "example.net"}, "missing"),
    ],
)
def test_S1_who_does_not_know_the_secret_is_not_accepted(change: dict[str, str], outcome: str) -> None:
    fields = {"realm": "example.com", "username": ALICE.username, "password": ALICE.password, **change}
    account = Account(**fields, peers=ALICE.peers)  # type: ignore[arg-type]
    realm = Realm(fields["realm"], b"key")

    assert judge(again(request(), *credentials(refused(realm), accounts=(account,)))).outcome == outcome


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("nc=00000001", "nc=00000002", "wrong"),
        ("qop=auth", "qop=auth-conf", "wrong"),
        ("uri=", "uri2=", "wrong"),
        ("sip:bob@127.0.0.1", "sip:eve@127.0.0.1", "wrong"),
        ("sip:bob@127.0.0.1", "tel:+1", "wrong"),
        ("algorithm=SHA-512-256", "algorithm=MD5", "wrong"),
        ("algorithm=SHA-512-256, ", "", "wrong"),
        ("response=", "response2=", "wrong"),
        ("nc=00000001", "nc=1", "malformed"),
        ("nc=00000001", "nc=00000000", "malformed"),
        ("nc=00000001", "nc=0000000x", "malformed"),
        (", nc=00000001", "", "malformed"),
        ("username=", "user=", "malformed"),
        ("username=", "username*=a, username=", "malformed"),
        ("Digest ", "Digest userhash=true, ", "malformed"),
        ("Digest ", "Basic ", "missing"),
        ("Digest ", "Digest x, ", "malformed"),
        ("nonce=", "nonce2=", "wrong"),
    ],
)
def test_S1_credentials_that_were_changed_are_not_accepted(old: str, new: str, outcome: str) -> None:
    ((name, value),) = credentials(refused())
    assert old in value

    assert judge(again(request(), (name, value.replace(old, new, 1)))).outcome == outcome


def test_S1_any_outcome_but_accepted_says_nothing_of_a_password() -> None:
    assert judge(request()) == Verdict("missing")
    assert judge(again(request(), *credentials(refused())), now=9e9).ha1 == ""


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("UTF-8''J%C3%A4s%C3%B8n%20Doe", "accepted"), ("ISO-8859-1''J%E4s", "malformed"), ("UTF-8''other", "wrong")],
)
def test_S1_extended_user_name_is_read(text: str, outcome: str) -> None:
    ha1 = ha1_of("SHA-256", "Jäsøn Doe", "example.com", "p")
    nonce = make_nonce(b"key", "example.com", 1000.0, b"r")
    response = response_of(
        "SHA-256", ha1, "INVITE", "sip:bob@127.0.0.1", nonce, qop="auth", count="00000001", cnonce="c"
    )
    value = (
        f'Digest username*={text}, realm="example.com", nonce="{nonce}", uri="sip:bob@127.0.0.1", qop=auth,'
        f'response="{response}", algorithm=sha-256, nc=00000001, cnonce="c", userhash=false'
    )
    sent = again(request(), ("Authorization", value))

    verdict = verify(
        REALM, USER_AGENT, sent, lambda name, _: ha1 if name == "Jäsøn Doe" else None, 1001.0, NonceCounts()
    )
    assert verdict.outcome == outcome


def test_S1_session_credentials_are_accepted() -> None:
    nonce = make_nonce(b"key", "example.com", 1000.0, b"r")
    ha1 = keeps(ALICE.username, "SHA-256") or ""
    uri = "sip:BOB@127.0.0.1;transport=tcp".replace("BOB", "%62ob")
    response = response_of("SHA-256-sess", ha1, "INVITE", uri, nonce, qop="auth", count="00000001", cnonce="c")
    value = (
        f'Digest username="al\\"ice", realm="example.com", nonce="{nonce}", uri="{uri}", qop=auth,'
        f'response="{response.upper()}", algorithm=SHA-256-SESS, nc=00000001, cnonce="c"'
    )

    assert judge(again(request(), ("Authorization", value))).outcome == "accepted"


def test_S1_server_proves_that_it_knows_the_secret_too() -> None:
    ((name, value),) = credentials(refused())
    verdict = judge(again(request(), (name, value)))

    info = authentication_info(verdict, BODY, "next")

    sent = parse_auth_value(value)
    assert 'nextnonce="next", qop=auth, rspauth="' in info
    assert "nextnonce" not in authentication_info(verdict, BODY)
    assert is_proved(info, sent, ALICE, BODY)
    stranger = Account("example.com", ALICE.username, "other", ALICE.peers)
    assert not is_proved(info, sent, stranger, BODY)
    for bad in (info.replace("nc=00000001", "nc=00000002"), info.replace("rspauth", "x"), "", "a"):
        assert not is_proved(bad, sent, ALICE, BODY)


def test_S2_ack_and_cancel_are_not_challenged() -> None:
    assert {"ACK", "CANCEL"} == UNCHALLENGED


def test_S2_proxy_and_user_agent_ask_by_their_own_headers() -> None:
    sent = again(request(), *credentials(refused(status=407)))

    assert sent.headers.get("proxy-authorization")
    assert verify(REALM, PROXY, sent, keeps, 1001.0, NonceCounts()).outcome == "accepted"
    assert verify(REALM, USER_AGENT, sent, keeps, 1001.0, NonceCounts()).outcome == "missing"


def test_S2_several_realms_are_answered_together_and_each_reads_its_own() -> None:
    other = Realm("example.net", b"other")
    both = refused()
    for line in challenge(other, 1000.0, b"r"):
        both = both.with_added("WWW-Authenticate", line)
    accounts = (ALICE, Account("example.net", "bob", "b", frozenset({PEER})))

    lines = credentials(both, accounts=accounts)
    sent = again(request(), *lines)

    assert [parse_auth_value(value).param("realm") for _, value in lines] == ["example.com", "example.net"]
    assert judge(sent).outcome == "accepted"
    ha1 = ha1_of("SHA-512-256", "bob", "example.net", "b")
    assert verify(other, USER_AGENT, sent, lambda *_: ha1, 1001.0, NonceCounts()).outcome == "accepted"
    assert credentials(both) == ()


@pytest.mark.parametrize(
    "more",
    [
        {"peers": frozenset({"192.0.2.66"})},
        {"accounts": ()},
        {"accounts": (Account("example.org", "a", "b", frozenset({PEER})),)},
        {"tries": 2},
        {"accounts": (Account("example.com", "a", "b", frozenset({PEER}), ("MD5",)),)},
    ],
)
def test_S3_client_answers_only_its_own_realm_and_peer_and_not_for_ever(more: dict[str, Any]) -> None:
    assert credentials(refused(), **more) == ()


def test_S3_stale_nonce_is_answered_once_more_and_no_further() -> None:
    stale, proven = refused(stale=True), again(request(), *credentials(refused()))

    assert credentials(refused(), request=proven, tries=1) == ()
    assert len(credentials(stale, request=proven, tries=1)) == 1

    assert credentials(stale, tries=1)
    assert credentials(stale, tries=2) == ()


def test_S3_client_answers_nothing_but_a_challenge_that_it_can_read() -> None:
    assert credentials(make_response(request(), 403)) == ()
    assert credentials(make_response(request(), 401)) == ()
    assert credentials(make_response(request(), 401, extra=[("WWW-Authenticate", "Digest (")])) == ()
    assert credentials(make_response(request(), 401, extra=[("WWW-Authenticate", 'Basic realm="example.com"')])) == ()


def test_S3_client_takes_the_strongest_that_it_allows_in_whatever_order() -> None:
    lines = list(challenge(Realm("example.com", b"key", ANY), 1000.0, b"r"))
    response = make_response(request(), 401, extra=[("WWW-Authenticate", line) for line in reversed(lines)])

    ((_, value),) = credentials(response)

    assert parse_auth_value(value).param("algorithm") == "SHA-512-256"


def test_client_gives_back_what_an_old_server_asks_for() -> None:
    account = Account("example.com", "a", "b", frozenset({PEER}), ANY)
    old = 'Digest realm="example.com", nonce="n", opaque="o\\"p"'

    ((_, value),) = credentials(make_response(request(), 401, extra=[("WWW-Authenticate", old)]), accounts=(account,))

    given: AuthValue = parse_auth_value(value)
    assert (given.param("opaque"), given.param("algorithm"), given.param("qop")) == ('o"p', "MD5", None)
    ha1 = ha1_of("MD5", "a", "example.com", "b")
    assert given.param("response") == response_of("MD5", ha1, "INVITE", "sip:bob@127.0.0.1", "n")
