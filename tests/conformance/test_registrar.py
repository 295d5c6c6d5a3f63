"""Rows R1 to R6, R8 and R10: registrar and redirect server, against scripted peers."""

import re
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import load_config
from server.container.bindings import registered
from server.container.records import Binding
from server.node import Node
from server.sip.auth import ha1_of, response_of
from server.sip.codec import parse_message
from server.sip.message import Request
from server.transport.flow import Flow
from tests.conformance.caller import Caller, contact, is_quiet, next_request, reply
from tests.conformance.conftest import MakeUdp, StartNode
from tests.conformance.peer import Call, Message, UdpPeer

APPLICATION = "apps.proxy_registrar"
DOMAIN = "example.com"
LIMITS = {"min_expires": 60, "max_expires": 600, "default_expires": 300, "max_bindings": 3}


@pytest.fixture
def node(start_node: StartNode) -> Node:
    sip = {"domains": [DOMAIN], "trusted": ["127.0.0.1"]}
    return start_node(applications=[APPLICATION], sip=sip, registrar=LIMITS)


@pytest.fixture
def guarded(start_node: StartNode) -> Node:
    """A node that asks for passwords."""
    users = {"realm": DOMAIN, "users": ["alice:wonder:land", "bob:builder"]}
    return start_node(applications=[APPLICATION], sip={"domains": [DOMAIN]}, registrar={**LIMITS, **users})


class Phone:
    """A phone that registers."""

    def __init__(self, peer: UdpPeer, node: Node, user: str = "bob", domain: str = DOMAIN) -> None:
        self.peer, self.node, self.user = peer, node, user
        self.call = Call(f"sip:{DOMAIN}", peer.sent_by)
        self.address = f"<sip:{user}@{domain}>"

    def register(self, *lines: str) -> Message:
        """Send a REGISTER; a Contact of its own unless the lines have one, none with ``Contact:``."""
        if not any(line.startswith("Contact") for line in lines):
            lines = (contact(self.peer).replace("bob", self.user), *lines)
        sent = self.call.request("REGISTER", *lines, to=self.address)
        self.peer.send(sent.replace(b"Contact:\r\n", b""), self.node.udp.local)
        return self.peer.receive_final()

    def registered(self) -> list[str]:
        return self.register("Contact:").all("Contact")


@pytest.fixture
def bob(callee: UdpPeer, node: Node) -> Phone:
    return Phone(callee, node)


def test_r1_answer_lists_every_binding_with_what_is_left_of_its_time_and_the_date(bob: Phone, udp: MakeUdp) -> None:
    other = Phone(udp(), bob.node)
    bob.register("Expires: 100")

    answer = other.register(f"Contact: <sip:bob@{other.peer.sent_by}>;expires=200;q=0.5")

    listed = dict(re.findall(r"<([^>]+)>;expires=(\d+)", answer["Contact"]))
    assert answer.status == 200
    assert 95 <= int(listed[f"sip:bob@{bob.peer.sent_by}"]) <= 100
    assert 195 <= int(listed[f"sip:bob@{other.peer.sent_by}"]) <= 200
    assert ";q=0.5" in answer["Contact"]
    assert parsedate_to_datetime(answer["Date"]).tzinfo is not None


def test_r1_time_that_is_granted_is_the_default_and_bounded(bob: Phone) -> None:
    default = bob.register()
    longest = bob.register("Expires: 90000")

    assert default["Contact"].endswith(";expires=300")
    assert longest["Contact"].endswith(";expires=600")


def test_r1_register_without_contact_changes_nothing(bob: Phone) -> None:
    bob.register()

    assert bob.registered() == [f"<sip:bob@{bob.peer.sent_by}>;expires=300"]


def test_r1_one_binding_is_removed_and_the_others_stay(bob: Phone) -> None:
    bob.register("Contact: <sip:one@192.0.2.1>, <sip:two@192.0.2.2>")

    answer = bob.register("Contact: <sip:one@192.0.2.1>;expires=0")

    assert answer.all("Contact") == ["<sip:two@192.0.2.2>;expires=300"]


def test_r1_contact_that_is_the_same_uri_is_the_same_binding(bob: Phone) -> None:
    bob.register("Contact: <sip:b%6Fb@HOST.example.com;x=1>")

    answer = bob.register("Contact: <sip:bob@host.EXAMPLE.com>")

    assert answer.all("Contact") == ["<sip:bob@host.EXAMPLE.com>;expires=300"]


def test_r1_address_of_another_domain_is_unknown(callee: UdpPeer, node: Node) -> None:
    assert Phone(callee, node, domain="elsewhere.example.net").register().status == 404


def test_r1_require_is_looked_at_before_who_it_is(callee: UdpPeer, guarded: Node) -> None:
    phone = Phone(callee, guarded)

    unsupported, challenged = phone.register("Require: x-nobody"), phone.register()

    assert (unsupported.status, unsupported["Unsupported"]) == (420, "x-nobody")
    assert (challenged.status, len(challenged.all("WWW-Authenticate"))) == (401, 2)


def credentials(challenge: str, user: str, password: str, method: str, uri: str) -> str:
    nonce = re.search(r'nonce="([^"]+)"', challenge)
    assert nonce
    algorithm = "SHA-256"
    proof = response_of(
        algorithm,
        ha1_of(algorithm, user, DOMAIN, password),
        method,
        uri,
        nonce[1],
        qop="auth",
        count="00000001",
        cnonce="c",
    )
    return (
        f'Digest username="{user}", realm="{DOMAIN}", nonce="{nonce[1]}", uri="{uri}", response="{proof}", '
        f'algorithm={algorithm}, qop=auth, nc=00000001, cnonce="c"'
    )  # fmt: skip


def test_r1_password_registers_its_own_address_and_no_other(callee: UdpPeer, guarded: Node) -> None:
    for user, status in (("alice", 200), ("bob", 403)):
        phone = Phone(callee, guarded, user)
        challenge = phone.register()["WWW-Authenticate"]

        answer = phone.register(
            "Authorization: " + credentials(challenge, "alice", "wonder:land", "REGISTER", phone.call.uri)
        )

        assert answer.status == status


def test_r1_wrong_password_is_challenged_again_and_a_used_proof_too(callee: UdpPeer, guarded: Node) -> None:
    phone = Phone(callee, guarded, "alice")
    challenge = phone.register()["WWW-Authenticate"]
    right = "Authorization: " + credentials(challenge, "alice", "wonder:land", "REGISTER", phone.call.uri)
    wrong = "Authorization: " + credentials(challenge, "alice", "blunder", "REGISTER", phone.call.uri)

    statuses = [phone.register(line).status for line in (wrong, right, right)]

    assert statuses == [401, 200, 401]


def test_r1_caller_who_claims_to_be_a_user_must_prove_it_to_the_proxy(
    callee: UdpPeer, caller: UdpPeer, guarded: Node
) -> None:
    alice = Caller(caller, guarded, f"sip:bob@{DOMAIN}")
    alice.start()
    challenged = alice.receive(until=200)

    invite = alice.call.request(
        "INVITE",
        "Proxy-Authorization: "
        + credentials(challenged["Proxy-Authenticate"], "alice", "wonder:land", "INVITE", alice.call.uri),
    )
    alice.peer.send(invite.replace(b"<sip:caller@", b"<sip:alice@"), guarded.udp.local)

    assert challenged.status == 407
    while (final := alice.receive(until=200))["CSeq"] != "2 INVITE":
        pass
    assert final.status == 480


def send_proved(alice: Caller, *lines: str, sender: str = f"<sip:alice@{DOMAIN}>") -> None:
    """Send a MESSAGE of alice's, and again with the proof that the proxy asks for."""
    proof: tuple[str, ...] = ()
    for _ in range(2):
        message = alice.call.request("MESSAGE", *lines, *proof)
        alice.peer.send(message.replace(b"<sip:caller@example.com>", sender.encode()), alice.node.udp.local)
        if not proof:
            challenge = alice.receive(until=200)["Proxy-Authenticate"]
            right = credentials(challenge, "alice", "wonder:land", "MESSAGE", alice.call.uri)
            proof = (f"Proxy-Authorization: {right}",)


@pytest.mark.parametrize(("privacy", "is_told"), [((), True), (("Privacy: id",), False)])
def test_d24_proxy_vouches_for_a_user_who_has_proved_to_be_one(
    callee: UdpPeer, caller: UdpPeer, guarded: Node, privacy: tuple[str, ...], is_told: bool
) -> None:
    alice = Caller(caller, guarded, f"sip:carol@{callee.sent_by}")

    send_proved(alice, "P-Asserted-Identity: <sip:boss@example.com>", *privacy)

    assert callee.receive().all("P-Asserted-Identity") == (["<sip:alice@example.com>"] if is_told else [])


def test_d24_nobody_is_vouched_for_by_an_address_of_another_server(
    callee: UdpPeer, caller: UdpPeer, guarded: Node
) -> None:
    alice = Caller(caller, guarded, f"sip:carol@{callee.sent_by}")

    send_proved(alice, sender="<sip:alice@bank.example>")

    assert alice.receive(until=200).status == 403


@pytest.mark.parametrize(("trusted", "count"), [([], 1), (["127.0.0.1"], 2)])
def test_s2_credentials_for_this_server_go_to_trusted_peers_only(
    callee: UdpPeer, caller: UdpPeer, start_node: StartNode, trusted: list[str], count: int
) -> None:
    users = {"realm": DOMAIN, "users": ["alice:wonder:land"]}
    node = start_node(applications=[APPLICATION], sip={"domains": [DOMAIN], "trusted": trusted}, registrar=users)
    others = 'Digest username="a", realm="elsewhere", nonce="n", uri="sip:x@y", response="r"'

    send_proved(Caller(caller, node, f"sip:carol@{callee.sent_by}"), f"Proxy-Authorization: {others}")

    received = callee.receive().all("Proxy-Authorization")
    assert (received[0], len(received)) == (others, count)


@pytest.mark.parametrize("method", ["NOTIFY", "PRACK", "REFER", "SUBSCRIBE", "PUBLISH", "INFO", "UPDATE", "BYE"])
def test_p1_request_for_a_phone_is_passed_on_whatever_its_method(bob: Phone, caller: UdpPeer, method: str) -> None:
    bob.register()

    Caller(caller, bob.node, f"sip:bob@{DOMAIN}").send(method, "Event: message-summary", "Refer-To: <sip:x@y>")

    assert bob.peer.receive().start.startswith(f"{method} sip:bob@{bob.peer.sent_by} ")


def test_p1_password_is_asked_for_after_everything_else_was_checked(caller: UdpPeer, guarded: Node) -> None:
    alice = Caller(caller, guarded, f"sip:bob@{DOMAIN}")

    alice.send("MESSAGE", "Proxy-Require: x-nobody")

    assert alice.receive(until=200).status == 420


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Contact: *", "Expires: 0"), 200),
        (("Contact: *",), 400),
        (("Contact: *", "Expires: 10"), 400),
        (("Contact: *, <sip:x@y>", "Expires: 0"), 400),
    ],
)
def test_r2_star_removes_everything_and_only_with_expires_0(bob: Phone, lines: tuple[str, ...], status: int) -> None:
    bob.register("Contact: <sip:one@192.0.2.1>, <sip:two@192.0.2.2>")

    answer = bob.register(*lines)

    assert answer.status == status
    assert len(bob.registered()) == (0 if status == 200 else 1)


def test_r3_number_that_is_not_higher_changes_nothing_at_all(bob: Phone) -> None:
    bob.call.number = 5
    bob.register("Contact: <sip:one@192.0.2.1>")
    bob.call.number = 1

    late = bob.register("Contact: <sip:new@192.0.2.9>, <sip:one@192.0.2.1>;expires=0")
    star = bob.register("Contact: *", "Expires: 0")

    bob.call.number = 7
    assert (late.status, star.status) == (500, 500)
    assert bob.registered() == ["<sip:one@192.0.2.1>;expires=300"]


CONTACTS = st.lists(
    st.tuples(st.sampled_from(["<sip:a@192.0.2.1>", "<sip:b@192.0.2.2>", "<sip:c@192.0.2.3>", "<sip:d@192.0.2.4>"]),
              st.sampled_from([0, 1, 59, 60, 300, 9999])),
    min_size=1, max_size=4,
)  # fmt: skip
FLOW = Flow("UDP", "192.0.2.5", 5060, "192.0.2.9", 5060)


@given(st.lists(st.tuples(st.sampled_from(["x", "y"]), st.integers(1, 5), CONTACTS), max_size=8))
def test_r3_register_happens_wholly_or_not_at_all(
    requests: list[tuple[str, int, list[tuple[str, int]]]],
) -> None:
    """Against a model: contact -> (Call-ID, CSeq, seconds)."""
    config = load_config().registrar
    present: dict[str, Binding] = {}
    model: dict[str, tuple[str, int, int]] = {}
    for call_id, number, contacts in requests:
        outcome = registered(register_request(call_id, number, contacts), present, FLOW, 0.0, config)

        known = [model[uri] for uri, _ in contacts if uri in model]
        late = any(other == call_id and highest >= number for other, highest, _ in known)
        brief = any(0 < seconds < config.min_expires for _, seconds in contacts)
        if outcome.status == 200:
            assert not late
            assert not brief
            for uri, seconds in contacts:
                model.pop(uri, None)
                if seconds:
                    model[uri] = (call_id, number, min(seconds, config.max_expires))
        else:
            assert late or brief
            assert outcome.contacts is present
        present = dict(outcome.contacts)
        shown = {f"<{b.uri}>": (b.call_id, b.cseq, round(b.expires)) for b in present.values()}
        assert shown == model


def register_request(call_id: str, number: int, contacts: list[tuple[str, int]]) -> Request:
    listed = ", ".join(f"{uri};expires={seconds}" for uri, seconds in contacts)
    message = parse_message(
        f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        f"To: <sip:a@b>\r\nCall-ID: {call_id}\r\nCSeq: {number} REGISTER\r\nContact: {listed}\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def test_r4_time_that_is_too_brief_is_refused_with_the_least(bob: Phone) -> None:
    refused = bob.register("Expires: 59")

    assert (refused.status, refused["Min-Expires"]) == (423, "60")
    assert bob.registered() == []


def test_r5_path_is_kept_told_and_used(bob: Phone, udp: MakeUdp) -> None:
    edge, caller = udp(), udp()
    path = f"<sip:edge@{edge.sent_by};lr>"
    told = bob.register("Supported: path", f"Path: {path}", "Path: <sip:inner.example.net;lr>")

    Caller(caller, bob.node, f"sip:bob@{DOMAIN}").start()
    invite = edge.receive()

    assert told.all("Path") == [path, "<sip:inner.example.net;lr>"]
    assert invite.start == f"INVITE sip:bob@{bob.peer.sent_by} SIP/2.0"
    assert invite.all("Route") == [path, "<sip:inner.example.net;lr>"]
    assert is_quiet(bob.peer)


def test_r5_path_of_a_phone_that_does_not_know_of_it_is_refused(bob: Phone) -> None:
    refused = bob.register("Path: <sip:edge.example.net;lr>")

    assert (refused.status, refused["Unsupported"]) == (420, "path")


def test_r6_service_route_is_told(start_node: StartNode, callee: UdpPeer) -> None:
    routes = ["<sip:first.example.com;lr>", "<sip:second.example.com;lr>"]
    node = start_node(applications=[APPLICATION], registrar={"service_route": routes})

    assert Phone(callee, node).register().all("Service-Route") == routes


INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-aabbccddeeff>"'


def test_r8_one_binding_for_each_instance_and_reg_id(bob: Phone) -> None:
    for port, number in ((1, 1), (2, 2), (3, 1)):
        bob.call = Call(f"sip:{DOMAIN}", bob.peer.sent_by)
        answer = bob.register(
            f"Contact: <sip:bob@192.0.2.1:{port}>;{INSTANCE};reg-id={number}", "Supported: outbound, path"
        )

    bound = re.findall(r"192\.0\.2\.1:(\d)>[^,]*reg-id=(\d)", answer["Contact"])
    assert sorted(bound) == [("2", "2"), ("3", "1")]
    assert answer["Require"] == "outbound"


def test_r8_call_rings_a_phone_with_two_flows_once(bob: Phone, udp: MakeUdp, caller: UdpPeer) -> None:
    second = udp()
    for peer, number in ((bob.peer, 1), (second, 2)):
        phone = Phone(peer, bob.node)
        phone.register(f"Contact: <sip:bob@192.0.2.1>;{INSTANCE};reg-id={number}", "Supported: outbound, path")

    Caller(caller, bob.node, f"sip:bob@{DOMAIN}").start()

    assert second.receive().start == "INVITE sip:bob@192.0.2.1 SIP/2.0"
    assert is_quiet(bob.peer)


def test_r1_call_rings_every_phone_of_an_address_by_preference(bob: Phone, udp: MakeUdp, caller: UdpPeer) -> None:
    preferred, also = udp(), udp()
    for peer, q in ((bob.peer, 0.2), (preferred, 0.9), (also, 0.9)):
        Phone(peer, bob.node).register(f"{contact(peer)};q={q}")
    alice = Caller(caller, bob.node, f"sip:bob@{DOMAIN}")

    alice.start()
    invites = [peer.receive() for peer in (preferred, also)]
    first_alone = is_quiet(bob.peer)
    for peer, invite in zip((preferred, also), invites, strict=True):
        reply(peer, bob.node, invite, "480 Temporarily Unavailable")
    reply(bob.peer, bob.node, bob.peer.receive(), "200 OK", contact(bob.peer))
    accepted = alice.receive(until=200)
    alice.again("BYE", accepted)

    assert first_alone
    assert accepted.status == 200
    assert next_request(bob.peer).start.startswith("BYE ")


def test_r1_contact_that_sip_cannot_reach_is_listed_and_not_called(bob: Phone, caller: UdpPeer) -> None:
    listed = bob.register(f"Contact: <mailto:bob@{DOMAIN}>, <sip:bob@{bob.peer.sent_by}>")

    Caller(caller, bob.node, f"sip:bob@{DOMAIN}").start()

    assert "<mailto:" in listed["Contact"]
    assert bob.peer.receive().start == f"INVITE sip:bob@{bob.peer.sent_by} SIP/2.0"


def test_r1_secure_call_does_not_go_to_a_phone_that_registered_in_the_open(bob: Phone, caller: UdpPeer) -> None:
    bob.register()
    alice = Caller(caller, bob.node, f"sips:bob@{DOMAIN}")

    alice.start()

    assert alice.receive(until=200).status == 480
    assert is_quiet(bob.peer)


def test_r10_redirect_names_the_contacts_by_preference_and_sends_nothing_on(
    start_node: StartNode, callee: UdpPeer, caller: UdpPeer
) -> None:
    node = start_node(
        applications=[APPLICATION], sip={"domains": [DOMAIN]}, apps={"proxy_registrar": {"redirect": True}}
    )
    bob = Phone(callee, node)
    bob.register(f"{contact(callee)};q=0.5, <sip:bob@{DOMAIN}>")
    alice = Caller(caller, node, f"sip:bob@{DOMAIN}")

    for method in ("INVITE", "PUNCH"):
        alice.send(method, "Require: x-nobody", "X-Unknown: y")
        final = alice.receive(until=200)
        assert final.status == 302
        assert re.fullmatch(rf"<sip:bob@{callee.sent_by}>;q=0\.5;expires=\d+", final["Contact"])
    assert is_quiet(callee)


def test_r10_cancel_of_a_redirected_request_is_answered(start_node: StartNode, caller: UdpPeer) -> None:
    node = start_node(applications=[APPLICATION], apps={"proxy_registrar": {"redirect": True}})
    alice = Caller(caller, node, f"sip:bob@{DOMAIN}")
    alice.start()
    assert alice.receive(until=200).status == 480

    alice.cancel()

    while (final := alice.receive(until=200))["CSeq"] != "1 CANCEL":
        pass
    assert final.status == 200
