"""Row T11: SIP over WebSocket (RFC 7118, RFC 6455), with a browser's end of raw frames."""

import base64
import hashlib
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from server.node import Node
from tests.conformance.conftest import StartNode
from tests.conformance.peer import PATIENCE, Address, Call, Message, UdpPeer, answer, final, read

TEXT, BYTES, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HOST = "df7jal23ls0d.invalid"

Browse = Callable[..., "Browser"]


class Browser:
    """A WebSocket client that masks and frames by itself."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.socket.settimeout(PATIENCE)
        self._buffer = b""

    def shake_hands(self, *lines: str, protocol: str = "sip") -> str:
        """Ask for the upgrade; return the status line, having checked the key where it was granted."""
        key = base64.b64encode(os.urandom(16)).decode()
        head = [
            "GET /sip HTTP/1.1",
            "Host: server.example",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            *([f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []),
            *lines,
        ]
        self.socket.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self.socket.recv(4096)
        got, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        response = read(got + b"\r\n\r\n")
        if " 101 " in response.start:
            digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
            assert response["Sec-WebSocket-Accept"] == base64.b64encode(digest).decode()
            assert response["Sec-WebSocket-Protocol"] == "sip"
        return response.start

    def send(self, data: bytes, opcode: int = TEXT, *, last: bool = True, masked: bool = True) -> None:
        mask = os.urandom(4) if masked else b""
        size = len(data)
        flag = 0x80 if masked else 0
        if size < 126:
            length = bytes([flag | size])
        elif size < 65_536:
            length = bytes([flag | 126]) + struct.pack("!H", size)
        else:
            length = bytes([flag | 127]) + struct.pack("!Q", size)
        if masked:
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self.socket.sendall(bytes([(0x80 if last else 0) | opcode]) + length + mask + data)

    def receive_frame(self) -> tuple[int, bytes]:
        opcode, size = self._take(2)
        assert opcode & 0x80
        assert size < 128
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return opcode & 15, self._take(size)

    def receive(self) -> Message:
        opcode, data = self.receive_frame()
        assert opcode in {TEXT, BYTES}, (opcode, data)
        return read(data)

    def receive_final(self) -> Message:
        return final(iter(self.receive, None))

    def receive_close(self) -> int:
        """Return the code that the server closes with; it must close the connection behind it."""
        opcode, data = self.receive_frame()
        assert opcode == CLOSE, (opcode, data)
        assert self.socket.recv(100) == b""
        return int(struct.unpack("!H", data[:2])[0])

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self.socket.recv(65_536)
            if not data:
                raise EOFError(f"closed after {self._buffer!r}")
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


def address(node: Node, name: str = "sip-ws") -> Address:
    host, _, port = node.bound()[name].rpartition(":")
    return host, int(port)


@pytest.fixture
def node(start_node: StartNode) -> Node:
    return start_node(websocket={"listen": "127.0.0.1:0"})


@pytest.fixture
def browse() -> Iterator[Browse]:
    with ExitStack() as stack:

        def connected(node: Node, *lines: str, shake: bool = True) -> Browser:
            plain = socket.create_connection(address(node), PATIENCE)
            stack.callback(plain.close)
            browser = Browser(plain)
            if shake:
                assert " 101 " in browser.shake_hands(*lines)
            return browser

        yield connected


def options() -> bytes:
    return Call("sip:server@127.0.0.1", HOST, "WS").request("OPTIONS")


def test_t11_message_in_a_frame_is_answered_in_a_frame(node: Node, browse: Browse) -> None:
    browser = browse(node)

    browser.send(options())

    response = browser.receive()
    assert response.status == 200
    assert response["Via"].startswith(f"SIP/2.0/WS {HOST}")
    assert response.parameter("received") == "127.0.0.1"


def test_t11_bytes_are_as_good_as_text(node: Node, browse: Browse) -> None:
    browser = browse(node)

    browser.send(options(), BYTES)

    assert browser.receive().status == 200


def test_t11_message_without_content_length_is_whole(node: Node, browse: Browse) -> None:
    browser = browse(node)

    browser.send(options().replace(b"Content-Length: 0\r\n", b""))

    assert browser.receive().status == 200


@pytest.mark.parametrize("pieces", [2, 5, 40])
def test_t11_message_may_be_fragmented_with_a_ping_between(node: Node, browse: Browse, pieces: int) -> None:
    browser = browse(node)
    data = options()
    size = len(data) // pieces + 1

    for at in range(0, len(data), size):
        browser.send(data[at : at + size], 0 if at else TEXT, last=at + size >= len(data))
        if not at:
            browser.send(b"there?", PING)

    assert browser.receive_frame() == (PONG, b"there?")
    assert browser.receive().status == 200


def test_t11_blank_lines_are_a_keep_alive(node: Node, browse: Browse) -> None:
    browser = browse(node)

    browser.send(b"\r\n\r\n")

    assert browser.receive_frame() == (TEXT, b"\r\n")


@pytest.mark.parametrize("protocol", ["", "chat", "SIP"])
def test_t11_peer_that_does_not_speak_sip_is_refused(node: Node, browse: Browse, protocol: str) -> None:
    browser = browse(node, shake=False)

    assert browser.shake_hands(protocol=protocol) == "HTTP/1.1 400 "
    assert browser.socket.recv(100) == b""


def test_t11_sip_is_chosen_among_several_protocols(node: Node, browse: Browse) -> None:
    browser = browse(node, shake=False)

    assert " 101 " in browser.shake_hands(protocol="chat, sip")


@pytest.mark.parametrize(
    ("line", "status"),
    [("Origin: https://evil.example", "403"), ("Origin: https://phone.example", "101"), ("X-None: 1", "101")],
)
def test_t11_page_must_be_one_that_may_connect(start_node: StartNode, browse: Browse, line: str, status: str) -> None:
    node = start_node(websocket={"listen": "127.0.0.1:0", "origins": ["https://phone.example"]})
    browser = browse(node, shake=False)

    assert f" {status} " in browser.shake_hands(line)


def test_t11_what_is_no_upgrade_is_refused(node: Node, browse: Browse) -> None:
    browser = browse(node, shake=False)

    browser.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert browser.socket.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert browser.socket.recv(1000) == b""


def test_t11_garbage_instead_of_a_handshake_is_closed(node: Node, browse: Browse) -> None:
    browser = browse(node, shake=False)

    browser.socket.sendall(bytes(range(256)) + b"\r\n\r\n")

    assert browser.socket.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert browser.socket.recv(1000) == b""


def test_t11_handshake_has_its_time(start_node: StartNode, browse: Browse) -> None:
    node = start_node(websocket={"listen": "127.0.0.1:0"}, connections={"message_timeout": 0.05})
    browser = browse(node, shake=False)

    browser.socket.sendall(b"GET /sip HTTP/1.1\r\n")

    assert browser.socket.recv(100) == b""


def test_t11_frame_that_is_not_masked_is_a_protocol_error(node: Node, browse: Browse) -> None:
    browser = browse(node)

    browser.send(options(), masked=False)

    assert browser.receive_close() == 1002


@pytest.mark.parametrize("opcode", [3, 7, 11])
def test_t11_unknown_kind_of_frame_is_a_protocol_error(node: Node, browse: Browse, opcode: int) -> None:
    browser = browse(node)

    browser.send(b"x", opcode)

    assert browser.receive_close() == 1002


def test_t11_text_that_is_not_utf_8_is_refused(node: Node, browse: Browse) -> None:
    browser = browse(node)

    browser.send(b"\xff\xfe\xfd", TEXT)

    assert browser.receive_close() == 1007


def test_t11_message_that_is_too_long_is_refused(node: Node, browse: Browse) -> None:
    browser = browse(node)

    browser.send(b"x" * 70_000, TEXT)

    assert browser.receive_close() == 1009


def test_t11_close_is_answered_with_its_code(node: Node, browse: Browse) -> None:
    browser = browse(node)

    browser.send(struct.pack("!H", 1001), CLOSE)

    assert browser.receive_close() == 1001


def test_t11_message_that_is_none_leaves_the_connection_alone(node: Node, browse: Browse) -> None:
    browser = browse(node)

    browser.send(b"what is this")
    browser.send(options())

    assert browser.receive().status == 200


def register(browser: Browser) -> None:
    contact = f"Contact: <sip:bob@{HOST};transport=ws>"
    call = Call("sip:127.0.0.1", HOST, "WS")
    browser.send(call.request("REGISTER", contact, to="<sip:bob@127.0.0.1>"))
    assert browser.receive().status == 200


def test_t11_phone_in_a_browser_is_called_over_its_connection(node: Node, browse: Browse, caller: UdpPeer) -> None:
    browser = browse(node)
    register(browser)
    call = Call(f"sip:bob@{node.bound()['sip-udp']}", caller.sent_by)

    caller.send(call.request("INVITE"), node.udp.local)
    invite = browser.receive()
    browser.send(answer(invite, "200 OK", f"Contact: <sip:bob@{HOST};transport=ws>"))
    accepted = caller.receive_final()
    call.uri, call.number = accepted["Contact"].strip("<>"), 0
    caller.send(call.request("ACK", to=accepted["To"]), node.udp.local)
    ack = browser.receive()
    call.number = 1
    caller.send(call.request("BYE", to=accepted["To"]), node.udp.local)
    bye = browser.receive()
    browser.send(answer(bye, "200 OK"))

    assert invite.start == f"INVITE sip:bob@{HOST};transport=ws SIP/2.0"
    assert invite["Via"].startswith(f"SIP/2.0/WS {node.bound()['sip-ws']}")
    assert invite["Contact"].endswith(";transport=ws>")
    assert ack.start.startswith("ACK")
    assert bye.start.startswith("BYE")
    assert caller.receive_final().status == 200


def test_t11_two_browsers_talk_and_the_called_one_hangs_up(node: Node, browse: Browse) -> None:
    caller, callee = browse(node), browse(node)
    register(callee)
    call = Call("sip:bob@127.0.0.1", "vn3a1.invalid", "WS")

    caller.send(call.request("INVITE", "Contact: <sip:alice@vn3a1.invalid;transport=ws>"))
    invite = callee.receive()
    callee.send(answer(invite, "200 OK", f"Contact: <sip:bob@{HOST};transport=ws>"))
    accepted = caller.receive_final()
    call.uri, call.number = accepted["Contact"].strip("<>"), 0
    caller.send(call.request("ACK", to=accepted["To"]))
    callee.receive()
    back = Call(invite["Contact"].strip("<>"), HOST, "WS")
    bye = back.request("BYE", to=invite["From"]).decode()
    bye = bye.replace(f"tag={back.user}", "tag=callee").replace(f"{back.user}@example.com", invite["Call-ID"])
    callee.send(bye.encode())

    assert caller.receive().start.startswith("BYE sip:alice@vn3a1.invalid")
    assert callee.receive_final().status == 200


def test_t11_secure_websocket_is_the_same_over_tls(start_node: StartNode, tmp_path: Path) -> None:
    ca = trustme.CA()
    chain = tmp_path / "chain.pem"
    ca.issue_cert("server.example").private_key_and_cert_chain_pem.write_to_path(chain)
    node = start_node(websocket={"secure_listen": "127.0.0.1:0"}, tls={"certificate": str(chain)})
    context = ssl.create_default_context()
    ca.configure_trust(context)

    with (
        socket.create_connection(address(node, "sip-wss"), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="server.example") as secured,
    ):
        browser = Browser(secured)
        assert " 101 " in browser.shake_hands()
        browser.send(Call("sips:server@127.0.0.1", HOST, "WSS").request("OPTIONS"))
        response = browser.receive()

    assert response.status == 200
    assert response["Via"].startswith(f"SIP/2.0/WSS {HOST}")
    assert response["Contact"].startswith("<sips:")
    assert response["Contact"].endswith(";transport=ws>")
