import socket

import pytest

from server.node import Node
from tests.server.sip.samples import INVITE

pytestmark = pytest.mark.slow


@pytest.fixture
def peer() -> socket.socket:
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain.bind(("127.0.0.1", 0))
    plain.settimeout(3)
    return plain


def ask(peer: socket.socket, node: Node, data: bytes) -> bytes:
    host, port = peer.getsockname()
    peer.sendto(data.replace(b"127.0.0.1:5080", f"{host}:{port}".encode()), node.udp.local)
    return peer.recv(65_535)


def other(method: bytes, to: bytes = b"") -> bytes:
    return INVITE.replace(b"INVITE", method).replace(
        b"To: <sip:bob@127.0.0.1:5070>", b"To: <sip:bob@127.0.0.1:5070>" + to
    )


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (INVITE.replace(b"CSeq: 7", b"CSeq: x"), None),
        (INVITE.replace(b"Max-Forwards: 70", b"Max-Forwards: x"), b"400"),
        (INVITE.replace(b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"), b"505"),
        (other(b"FROBNICATE"), b"405"),
        (other(b"BYE", b";tag=unknown"), b"481"),
        (other(b"BYE", b";tag=x.00000000000000000000"), b"481"),
        (other(b"CANCEL"), b"481"),
        (INVITE.replace(b"X-Unknown:", b"Require: nothing\r\nX-Unknown:"), b"420"),
        (INVITE.replace(b"Max-Forwards: 70", b"Max-Forwards: 0"), b"483"),
    ],
)
def test_G8_G9_bad_request_gets_its_status_and_the_server_goes_on(
    node: Node, peer: socket.socket, data: bytes, status: bytes | None
) -> None:
    with peer:
        if status is None:
            peer.sendto(data, node.udp.local)
        else:
            assert ask(peer, node, data).startswith(b"SIP/2.0 " + status)
        options = other(b"OPTIONS").replace(b"z9hG4bK-1", b"z9hG4bK-2").replace(b"call-1", b"call-2")
        assert ask(peer, node, options).startswith(b"SIP/2.0 200")


def test_repeated_request_gets_the_stored_response(node: Node, peer: socket.socket) -> None:
    with peer:
        first, second = (ask(peer, node, other(b"OPTIONS")) for _ in range(2))

    assert first == second


def test_options_over_tcp(node: Node) -> None:
    with socket.create_connection(node.tcp.local, 3) as connection:
        connection.settimeout(3)
        connection.sendall(b"\r\n\r\n")
        assert connection.recv(100) == b"\r\n"
        for byte in other(b"OPTIONS").replace(b"UDP", b"TCP"):
            connection.send(bytes([byte]))
        assert connection.recv(65_535).startswith(b"SIP/2.0 200")


def test_tcp_stream_without_content_length_is_closed(node: Node) -> None:
    with socket.create_connection(node.tcp.local, 3) as connection:
        connection.settimeout(3)
        connection.sendall(b"OPTIONS sip:x SIP/2.0\r\nX: y\r\n\r\n")
        assert connection.recv(100) == b""
