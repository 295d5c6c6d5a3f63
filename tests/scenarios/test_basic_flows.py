"""The 16 basic flows of RFC 3665, each named by its section, message by message."""

from collections.abc import Callable
from typing import Any

import pytest

from server.servlet import B2buaServlet
from server.sip.auth_client import Account
from server.sip.build import make_ack, make_cancel
from server.sip.message import Request, Response
from tests.conformance import agents
from tests.conformance.agents import Callee
from tests.scenarios.flows import (
    ANSWER,
    OFFER,
    SDP,
    Phone,
    Proxying,
    Redirecting,
    address_of,
    along,
    domain_of,
    named,
    only,
)
from tests.server.container.kit import ALICE, BOB, House, lines

Build = Callable[..., House]
PEERS = frozenset({"proxy"})


def account(realm: str, password: str = "secret") -> Account:
    return Account(realm, "alice", password, PEERS)


@pytest.fixture
def p1(build: Build) -> House:
    return proxy(build, "one", asks=True)


@pytest.fixture
def p2(build: Build) -> House:
    return proxy(build, "two")


@pytest.fixture
def alice(p1: House, p2: House) -> Phone:
    return Phone("alice", ALICE, domain_of(p1), remote=f"<sip:bob@{domain_of(p2)}>")


@pytest.fixture
def bob(p2: House) -> Phone:
    """Bob, registered at the second proxy."""
    phone = Phone("bob", BOB, domain_of(p2), remote=f"<sip:bob@{domain_of(p2)}>")
    register = phone.request("REGISTER")
    only(p2.receive(register, BOB), "200 REGISTER")
    return Phone("bob", BOB, domain_of(p2))


def proxy(build: Build, realm: str, *, asks: bool = False) -> House:
    users: dict[str, Any] = {"realm": realm, "users": ["alice:secret"]} if asks else {}
    sections = {"registrar": users, "sip": {"domains": [f"{realm}.invalid"]}}
    return build(Proxying, settings={"asks": asks}, sections=sections)


def invited(alice: Phone, p1: House, p2: House, body: bytes = OFFER) -> tuple[Request, Request]:
    """Bring an INVITE through the first proxy's question to Bob; return it as Alice sent it and as Bob got it."""
    first = alice.request("INVITE", body)
    challenge = only(p1.receive(first, ALICE), "407 INVITE")
    assert isinstance(challenge, Response)
    assert p1.receive(make_ack(first, challenge), ALICE) == []
    invite = alice.again(first, challenge, account("one"))
    sent = p1.receive(invite, ALICE)
    assert sorted(lines(sent)) == ["100 INVITE", "INVITE"]
    onward = p2.receive(named(sent, "INVITE"), address_of(p1))
    assert sorted(lines(onward)) == ["100 INVITE", "INVITE"]
    got = named(onward, "INVITE")
    assert isinstance(got, Request)
    return invite, got


def hang_up(caller: Phone, came_from: tuple[str, int], callee: Phone, *way: House) -> None:
    bye = along(caller.request("BYE"), came_from, *way)
    assert isinstance(bye, Request)
    along(callee.reply(bye, 200), callee.address, *reversed(way))


def test_2_1_new_registration_is_asked_for_a_password_and_bound(build: Build) -> None:
    house = build(Proxying, sections={"registrar": {"realm": "one", "users": ["alice:secret"]}})
    phone = Phone("alice", ALICE, domain_of(house), remote=f"<sip:alice@{domain_of(house)}>")

    register = phone.request("REGISTER")
    challenge = only(house.receive(register), "401 REGISTER")
    ok = only(house.receive(phone.again(register, challenge, account("one"))), "200 REGISTER")

    assert ok.contacts[0].uri == "sip:alice@192.0.2.1:5060"


def test_2_2_further_contact_is_bound_beside_the_first(p2: House, bob: Phone) -> None:
    bob.remote, bob.number = f"<sip:bob@{domain_of(p2)}>", 1

    ok = only(p2.receive(bob.request("REGISTER", contact="<mailto:bob@example.com>"), BOB), "200 REGISTER")

    assert {contact.uri for contact in ok.contacts} == {"sip:bob@192.0.2.2:5060", "mailto:bob@example.com"}


def test_2_3_request_without_contacts_lists_those_there_are(p2: House, bob: Phone) -> None:
    bob.remote, bob.number = f"<sip:bob@{domain_of(p2)}>", 1

    ok = only(p2.receive(bob.request("REGISTER").without("Contact"), BOB), "200 REGISTER")

    assert [contact.uri for contact in ok.contacts] == ["sip:bob@192.0.2.2:5060"]


def test_2_4_star_takes_every_contact_away(p2: House, bob: Phone) -> None:
    bob.remote, bob.number = f"<sip:bob@{domain_of(p2)}>", 1

    ok = only(p2.receive(bob.request("REGISTER", b"", ("Expires", "0"), contact="*"), BOB), "200 REGISTER")

    assert ok.contacts == ()


def test_2_5_wrong_password_is_asked_again(build: Build) -> None:
    house = build(Proxying, sections={"registrar": {"realm": "one", "users": ["alice:secret"]}})
    phone = Phone("alice", ALICE, domain_of(house), remote=f"<sip:alice@{domain_of(house)}>")
    register = phone.request("REGISTER")
    challenge = only(house.receive(register), "401 REGISTER")

    refused = house.receive(phone.again(register, challenge, account("one", "wrong")))

    assert "www-authenticate" in only(refused, "401 REGISTER").headers


def test_3_1_session_between_two_user_agents(build: Build) -> None:
    house = build(Callee, settings={"answers": (180, 200)})
    phone = Phone("alice", ALICE, "192.0.2.1", remote=f"<sip:bob@{domain_of(house)}>")

    sent = house.receive(phone.request("INVITE", OFFER))
    phone.take(named(sent, "200 INVITE"))

    assert lines(sent) == ["180 INVITE", "200 INVITE"]
    assert house.receive(phone.request("ACK", number=1)) == []
    only(house.receive(phone.request("BYE")), "200 BYE")


def test_3_2_session_through_two_proxies(alice: Phone, bob: Phone, p1: House, p2: House) -> None:
    _, got = invited(alice, p1, p2)

    along(bob.reply(got, 180), BOB, p2, p1)
    alice.take(along(bob.reply(got, 200, ANSWER), BOB, p2, p1))
    ack = along(alice.request("ACK", number=2), ALICE, p1, p2)
    hang_up(bob, BOB, alice, p2, p1)

    assert len(alice.routes) == 2
    assert ack.to.tag == "bob"


def test_3_3_session_with_two_proxies_that_both_ask(build: Build, alice: Phone, p1: House) -> None:
    second = proxy(build, "two", asks=True)
    alice.remote = "<sip:bob@192.0.2.2>"
    alice.routes = [f"<sip:{domain_of(p1)};lr>", f"<sip:{domain_of(second)};lr>"]
    request = alice.request("INVITE")  # with a body it would be too large for UDP
    for realm, way in (("one", (p1,)), ("two", (p1, second))):
        came_from, message = ALICE, request
        for house in way:
            sent = house.receive(message, came_from)
            came_from = address_of(house)
            message = named(sent, "INVITE") if house is not way[-1] else named(sent, "407 INVITE")
        if len(way) > 1:
            message = named(p1.receive(message, address_of(second)), "407 INVITE")
        request = alice.again(request, message, account(realm))

    got = along(request, ALICE, p1, second)

    bob = Phone("bob", BOB, "192.0.2.2")
    assert isinstance(got, Request)
    alice.take(along(bob.reply(got, 200, OFFER), BOB, second, p1))
    along(alice.request("ACK", ANSWER, number=3), ALICE, p1, second)
    hang_up(alice, ALICE, bob, p1, second)


def test_3_4_caller_goes_by_the_second_proxy_when_the_first_fails(
    build: Build, alice: Phone, bob: Phone, p2: House
) -> None:
    first = proxy(build, "one")
    first.wire.broken.add(address_of(p2)[0])
    invite = alice.request("INVITE", OFFER)
    failed = [m for m in first.receive(invite) if lines([m]) != ["100 INVITE"]]
    refused = only(failed, "500 INVITE")
    assert isinstance(refused, Response)
    assert first.receive(make_ack(invite, refused)) == []

    got = along(alice.request("INVITE", OFFER), ALICE, p2)

    assert isinstance(got, Request)
    alice.take(along(bob.reply(got, 200, ANSWER), BOB, p2))
    along(alice.request("ACK", number=2), ALICE, p2)
    hang_up(bob, BOB, alice, p2)


def test_3_5_session_through_an_application_gateway_and_a_proxy(build: Build, bob: Phone, p2: House) -> None:
    gateway = build(B2buaServlet)
    alice = Phone("alice", ALICE, "192.0.2.1", remote=f"<sip:bob@{domain_of(p2)}>")

    got = along(alice.request("INVITE", OFFER), ALICE, gateway, p2)
    assert isinstance(got, Request)
    alice.take(along(bob.reply(got, 200, ANSWER), BOB, p2, gateway))
    along(alice.request("ACK", number=1), ALICE, gateway, p2)
    sent = gateway.receive(alice.request("BYE"))
    bye = along(named(sent, "BYE"), address_of(gateway), p2)

    assert got.from_.uri == "sip:alice@192.0.2.1"
    assert (sorted(lines(sent)), bye.call_id != "alice-call") == (["200 BYE", "BYE"], True)


def test_3_6_session_by_a_redirection_with_the_answer_in_the_ack(
    build: Build, alice: Phone, bob: Phone, p2: House
) -> None:
    elsewhere = f"sip:bob@{domain_of(p2)}"
    redirect = build(Redirecting, settings={"elsewhere": elsewhere})
    invite = alice.request("INVITE")
    moved = only(redirect.receive(invite), "302 INVITE")
    assert isinstance(moved, Response)
    assert redirect.receive(make_ack(invite, moved)) == []
    alice.remote = f"<{moved.contacts[0].uri}>"

    got = along(alice.request("INVITE"), ALICE, p2)
    assert isinstance(got, Request)
    ok = along(bob.reply(got, 200, OFFER), BOB, p2)
    alice.take(ok)
    ack = along(alice.request("ACK", ANSWER, number=2), ALICE, p2)

    assert (ok.body, ack.body, ack.content_type) == (OFFER, ANSWER, SDP)
    hang_up(bob, BOB, alice, p2)


def test_3_7_invite_within_the_session_moves_it_to_another_address(build: Build) -> None:
    house = build(Callee, settings={"answers": (200,)})
    phone = Phone("alice", ALICE, "192.0.2.1", remote=f"<sip:bob@{domain_of(house)}>")
    phone.take(only(house.receive(phone.request("INVITE", OFFER)), "200 INVITE"))
    house.receive(phone.request("ACK", number=1))

    phone.address = ("192.0.2.9", 5060)
    ok = only(house.receive(phone.request("INVITE", OFFER), phone.address), "200 INVITE")
    assert house.receive(phone.request("ACK", number=2), phone.address) == []

    assert ok.body == agents.ANSWER
    only(house.receive(phone.request("BYE"), phone.address), "200 BYE")


def test_3_8_caller_gives_up_while_it_rings(alice: Phone, bob: Phone, p1: House, p2: House) -> None:
    invite, got = invited(alice, p1, p2)
    along(bob.reply(got, 180), BOB, p2, p1)

    first = p1.receive(make_cancel(invite), ALICE)
    second = p2.receive(named(first, "CANCEL"), address_of(p1))
    cancel = named(second, "CANCEL")
    assert isinstance(cancel, Request)

    assert [sorted(lines(sent)) for sent in (first, second)] == [["200 CANCEL", "CANCEL"]] * 2
    assert p2.receive(bob.reply(cancel, 200), BOB) == []
    _refused(bob.reply(got, 487), 487, invite, p1, p2)


def test_3_9_callee_is_busy(alice: Phone, bob: Phone, p1: House, p2: House) -> None:
    invite, got = invited(alice, p1, p2)

    _refused(bob.reply(got, 486), 486, invite, p1, p2)


def test_3_10_callee_does_not_respond(alice: Phone, bob: Phone, p1: House, p2: House) -> None:
    invite, _ = invited(alice, p1, p2)

    found = [message for _ in range(64) for message in p2.pass_time(0.5)]

    assert lines(found).count("INVITE") == 6
    timed_out = named(found, "408 INVITE")
    sent = p1.receive(timed_out, address_of(p2))
    assert sorted(lines(sent)) == ["408 INVITE", "ACK"]
    refused = named(sent, "408 INVITE")
    assert isinstance(refused, Response)
    assert p1.receive(make_ack(invite, refused), ALICE) == []


def test_3_11_callee_is_not_available(alice: Phone, bob: Phone, p1: House, p2: House) -> None:
    invite, got = invited(alice, p1, p2)
    along(bob.reply(got, 180), BOB, p2, p1)

    _refused(bob.reply(got, 480), 480, invite, p1, p2)


def _refused(response: Response, status: int, invite: Request, p1: House, p2: House) -> None:
    """Bring a refusal back to Alice; every hop acknowledges it to the one behind."""
    second = p2.receive(response, BOB)
    first = p1.receive(named(second, f"{status} INVITE"), address_of(p2))
    refused = named(first, f"{status} INVITE")
    assert [sorted(lines(sent)) for sent in (second, first)] == [sorted([f"{status} INVITE", "ACK"])] * 2
    assert isinstance(refused, Response)
    assert p2.receive(named(first, "ACK"), address_of(p1)) == []
    assert p1.receive(make_ack(invite, refused), ALICE) == []
