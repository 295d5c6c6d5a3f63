"""Rows T9 and T10: TLS, sips: and whom a certificate speaks for, with an authority of the tests' own."""

import socket
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from server.node import Node
from server.transport.locator import Answer
from tests.conformance.conftest import StartNode
from tests.conformance.peer import PATIENCE, Address, Call, StreamPeer, UdpPeer, answer, sent_by


@dataclass
class Authority:
    """A certificate authority and its files."""

    ca: trustme.CA
    folder: Path

    def files(self, name: str, *identities: str) -> tuple[str, str]:
        certificate = self.ca.issue_cert(*identities)
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(key)
        return str(chain), str(key)

    @property
    def pem(self) -> str:
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        return str(path)


class TlsListener:
    """A server with a certificate; counts the connections that were made."""

    def __init__(self, chain: str, key: str) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.address: Address = self.socket.getsockname()[:2]
        self.accepted: list[StreamPeer] = []

    @property
    def sent_by(self) -> str:
        return sent_by(self.address)

    def accept(self) -> StreamPeer:
        plain, _ = self.socket.accept()
        plain.settimeout(PATIENCE)
        peer = StreamPeer(self.context.wrap_socket(plain, server_side=True))
        self.accepted.append(peer)
        return peer

    def close(self) -> None:
        self.socket.close()
        for peer in self.accepted:
            peer.close()


class Names:
    """A resolver for which every name is this machine."""

    def query(self, name: str, kind: str) -> Answer:
        return Answer(("127.0.0.1",) if kind == "A" else (), 60.0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(trustme.CA(), tmp_path_factory.mktemp("authority"))


@pytest.fixture
def node(start_node: StartNode, authority: Authority) -> Node:
    """A node that believes its callers, who are on this machine, that they came over TLS."""
    return start_node(Names(), tls=tls_section(authority), sip=TRUSTING)


TRUSTING = {"trusted": ["127.0.0.0/8"]}


def tls_section(authority: Authority, name: str = "server") -> dict[str, Any]:
    chain, key = authority.files(name, "server.example", "127.0.0.1")
    return {"listen": "127.0.0.1:0", "certificate": chain, "key": key, "authorities": authority.pem}


def tls_address(node: Node) -> Address:
    host, _, port = node.bound()["sip-tls"].rpartition(":")
    return host, int(port)


@pytest.fixture
def connect(authority: Authority) -> Iterator[Callable[..., StreamPeer]]:
    with ExitStack() as stack:

        def connected(node: Node, version: ssl.TLSVersion | None = None) -> StreamPeer:
            context = ssl.create_default_context(cafile=authority.pem)
            if version is not None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
                    context.maximum_version = version
                context.set_ciphers("DEFAULT:@SECLEVEL=0")
            plain = socket.create_connection(tls_address(node), PATIENCE)
            stack.callback(plain.close)
            peer = StreamPeer(context.wrap_socket(plain, server_hostname="server.example"))
            stack.callback(peer.close)
            return peer

        yield connected


@pytest.fixture
def serve(authority: Authority) -> Iterator[Callable[..., TlsListener]]:
    with ExitStack() as stack:

        def served(*identities: str) -> TlsListener:
            listener = TlsListener(*authority.files("peer" + "".join(filter(str.isalnum, identities[0])), *identities))
            stack.callback(listener.close)
            return listener

        yield served


def invite(uri: str, caller: UdpPeer, node: Node, *lines: str) -> None:
    caller.send(Call(uri, caller.sent_by).request("INVITE", *lines), node.udp.local)


def test_t10_request_over_tls_is_answered_over_it(node: Node, connect: Callable[..., StreamPeer]) -> None:
    phone = connect(node)

    phone.send(Call("sips:server@127.0.0.1", "127.0.0.1:9", "TLS").request("OPTIONS"))

    response = phone.receive()
    assert response.status == 200
    assert response["Contact"].startswith("<sips:")


def test_t10_peer_that_does_not_shake_hands_is_not_waited_for(start_node: StartNode, authority: Authority) -> None:
    node = start_node(tls=tls_section(authority), connections={"connect_timeout": 0.05})

    with socket.create_connection(tls_address(node), PATIENCE) as silent:
        silent.settimeout(PATIENCE)
        assert silent.recv(100) == b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_t10_nothing_below_tls_1_2_is_spoken(
    node: Node, connect: Callable[..., StreamPeer], version: ssl.TLSVersion
) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(node, version)


def test_t10_server_is_called_whose_certificate_bears_the_name(
    node: Node, caller: UdpPeer, serve: Callable[..., TlsListener]
) -> None:
    listener = serve("callee.example")

    invite(f"sips:bob@callee.example:{listener.address[1]}", caller, node)
    server = listener.accept()
    received = server.receive()
    server.send(answer(received, "486 Busy Here"))

    assert received["Via"].startswith("SIP/2.0/TLS")
    assert received["Contact"].startswith("<sips:")
    assert caller.receive_final().status == 486


@pytest.mark.parametrize("identity", ["other.example", "*.example", "127.0.0.1"])
def test_t10_server_with_a_certificate_for_another_name_is_not_called(
    node: Node, caller: UdpPeer, serve: Callable[..., TlsListener], identity: str
) -> None:
    listener = serve(identity)

    invite(f"sips:bob@callee.example:{listener.address[1]}", caller, node)
    server = listener.accept()

    assert caller.receive_final().status == 503
    assert server.is_closed()


def test_t10_server_that_nobody_vouches_for_is_not_called(node: Node, caller: UdpPeer, tmp_path: Path) -> None:
    listener = TlsListener(*Authority(trustme.CA(), tmp_path).files("stranger", "callee.example"))

    invite(f"sips:bob@callee.example:{listener.address[1]}", caller, node)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        listener.accept().receive()
    listener.close()

    assert caller.receive_final().status == 503


def test_t10_connection_is_used_again_for_its_name_and_for_no_other(
    node: Node, caller: UdpPeer, serve: Callable[..., TlsListener]
) -> None:
    listener = serve("one.example", "two.example")
    port = listener.address[1]

    invite(f"sips:bob@one.example:{port}", caller, node)
    one = listener.accept()
    one.receive()
    invite(f"sips:carol@one.example:{port}", caller, node)
    same = one.receive()
    invite(f"sips:dave@two.example:{port}", caller, node)
    two = listener.accept()

    assert same.start.startswith("INVITE sips:carol@")
    assert two.receive().start.startswith("INVITE sips:dave@")


def test_t10_certificates_are_read_again_and_connections_go_on(
    start_node: StartNode, connect: Callable[..., StreamPeer], authority: Authority
) -> None:
    section = tls_section(authority, "renewed")
    node = start_node(tls=section)
    before = connect(node)
    tls_section(authority, "renewed")

    node.reload_certificates()
    after = connect(node)
    for phone in (before, after):
        phone.send(Call("sip:server@127.0.0.1", "127.0.0.1:9", "TLS").request("OPTIONS"))

    assert [phone.receive().status for phone in (before, after)] == [200, 200]
    serials = [phone.socket.getpeercert()["serialNumber"] for phone in (before, after)]  # type: ignore[attr-defined]
    assert serials[0] != serials[1]


def test_t9_sips_goes_over_tls_or_not_at_all(start_node: StartNode, caller: UdpPeer, callee: UdpPeer) -> None:
    node = start_node(sip=TRUSTING)

    invite(f"sips:bob@{callee.sent_by}", caller, node)

    assert caller.receive_final().status == 416
    callee.socket.settimeout(0)
    with pytest.raises(BlockingIOError):
        callee.receive()


def test_t9_sips_request_does_not_reach_a_phone_that_registered_without_tls(
    node: Node, caller: UdpPeer, callee: UdpPeer
) -> None:
    register = Call("sip:127.0.0.1", callee.sent_by)
    contact = f"Contact: <sip:bob@{callee.sent_by}>"
    callee.send(register.request("REGISTER", contact, to="<sip:bob@127.0.0.1>"), node.udp.local)
    assert callee.receive().status == 200

    invite(f"sips:bob@{node.bound()['sip-tls']}", caller, node)

    assert caller.receive_final().status == 480


def test_t9_sips_request_reaches_a_phone_that_registered_over_tls(
    node: Node, caller: UdpPeer, connect: Callable[..., StreamPeer]
) -> None:
    phone = connect(node)
    register = Call("sips:127.0.0.1", "127.0.0.1:9", "TLS")
    contact = "Contact: <sips:bob@127.0.0.1:9>"
    phone.send(register.request("REGISTER", contact, to="<sips:bob@127.0.0.1>"))
    assert phone.receive().status == 200

    invite(f"sips:bob@{node.bound()['sip-tls']}", caller, node)

    assert phone.receive().start.startswith("INVITE sips:bob@127.0.0.1:9")


def test_t9_sips_request_that_came_without_tls_is_refused(
    start_node: StartNode, authority: Authority, caller: UdpPeer, serve: Callable[..., TlsListener]
) -> None:
    node, listener = start_node(Names(), tls=tls_section(authority)), serve("callee.example")

    invite(f"sips:bob@callee.example:{listener.address[1]}", caller, node)

    assert caller.receive_final().status == 403
    listener.socket.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_t9_sips_request_that_came_over_tls_is_served(
    start_node: StartNode, authority: Authority, connect: Callable[..., StreamPeer]
) -> None:
    phone = connect(start_node(tls=tls_section(authority)))

    phone.send(Call("sips:server@127.0.0.1", "127.0.0.1:9", "TLS").request("OPTIONS"))

    assert phone.receive().status == 200


def test_t9_transport_tls_of_a_sip_uri_is_tls(node: Node, caller: UdpPeer, serve: Callable[..., TlsListener]) -> None:
    listener = serve("callee.example")

    invite(f"sip:bob@callee.example:{listener.address[1]};transport=tls", caller, node)

    received = listener.accept().receive()
    assert received["Via"].startswith("SIP/2.0/TLS")
    assert received["Contact"].startswith("<sip:")
