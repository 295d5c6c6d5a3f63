"""Every message of RFC 4475 and RFC 5118 over real sockets: its reaction, and a server that goes on."""

import os
import re
import socket
import time
from collections.abc import Iterator

import pytest

from server.config import load_config
from server.node import Node
from tests.data.torture.case import Case, request
from tests.data.torture.write import CASES, FOLDER, files

pytestmark = pytest.mark.slow

MOST = 0.1
"""Seconds within which a server that goes on answers an OPTIONS."""

ALL = [
    pytest.param(
        case,
        id=f"{'G5' if rfc == 'rfc4475' else 'G6'}-{case.section}-{case.name}",
    )
    for rfc, cases in CASES.items()
    for case in cases
]

TCP = [param for param in ALL if param.values[0].framed and param.values[0].name != "dblreq"]  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    config = load_config().with_command_line(sip="127.0.0.1:0", http=None, outbound_proxy=None)
    running = Node(config, ["tests.conformance.answering"])
    running.start()
    yield running
    running.stop(0.2)


@pytest.fixture(scope="module")
def peer() -> Iterator[socket.socket]:
    """A socket on the port where answers go whose Via names none, on an address that is this process's own."""
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain.bind((f"127.{64 + os.getpid() % 64}.{os.getpid() >> 8 & 255}.{os.getpid() & 255}", 5060))
    plain.settimeout(3)
    with plain:
        yield plain


class Pinger:
    """Asks with OPTIONS, each of them another one."""

    count = 0

    def seen_until_answer(self, peer: socket.socket, node: Node) -> tuple[list[bytes], float]:
        """Return what else came before the answer, and how long that took."""
        Pinger.count += 1
        name = f"ping{Pinger.count}"
        begin = time.monotonic()
        peer.sendto(request(name, b"OPTIONS"), node.udp.local)
        seen = []
        while True:
            data = peer.recv(65_535)
            if f"Call-ID: {name}@".encode() in data:
                assert data.startswith(b"SIP/2.0 200")
                return seen, time.monotonic() - begin
            seen.append(data)


def identity(data: bytes) -> bytes:
    """Return what the answer to a message has in common with it and with no other."""
    found = re.search(rb"(?im)^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", data) or re.search(rb"branch=(\S+)", data)
    assert found is not None
    return found[1]


def final(seen: list[bytes]) -> list[bytes]:
    return [data for data in seen if not data.startswith(b"SIP/2.0 1")]


def judge(case: Case, answers: list[bytes]) -> None:
    if case.status is None:
        assert answers == []
        return
    assert answers
    assert answers[0].startswith(b"SIP/2.0 %d " % case.status), answers[0]
    for piece in case.holds:
        assert piece in answers[0]
    for piece in case.lacks:
        assert not any(piece in answer for answer in answers)


@pytest.mark.parametrize("case", ALL)
def test_G5_G6_torture_message_over_udp_gets_its_reaction_and_the_server_goes_on(
    case: Case, node: Node, peer: socket.socket
) -> None:
    peer.sendto(case.data, node.udp.local)
    pings = [Pinger().seen_until_answer(peer, node) for _ in range(3)]

    assert min(took for _, took in pings) < MOST
    own = identity(case.data)
    judge(case, final([data for seen, _ in pings for data in seen if own in data or b"dblreq2" in data]))


def messages_of(connection: socket.socket, count: int) -> list[bytes]:
    """Return so many final answers, or what came before the end of the stream."""
    data, found = b"", []
    while len(found) < count:
        more = connection.recv(65_535)
        if not more:
            break
        data += more
        while b"\r\n\r\n" in data:
            head, _, rest = data.partition(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: (\d+)", head)
            assert length is not None
            found += final([head])
            data = rest[int(length[1]) :]
    return found


@pytest.mark.parametrize("case", TCP)
def test_G5_G6_torture_message_over_tcp_gets_its_reaction_and_the_connection_goes_on(case: Case, node: Node) -> None:
    data = re.sub(rb"(?m)^((?:Call-ID|I):[ \t]*[^\r]+)", rb"\1-tcp", case.data)
    data = re.sub(rb"(branch=z9hG4bK-\w+|branch=390skdjuw)", rb"\1t", data)
    last = request("last", b"OPTIONS", b"Via: SIP/2.0/TCP h;branch=z9hG4bK-" + os.urandom(6).hex().encode())
    with socket.create_connection(node.tcp.local, 3) as connection:
        connection.settimeout(3)
        connection.sendall(data + last)
        answers = messages_of(connection, 1 if case.status is None else 2)

    (pong,) = [answer for answer in answers if b"Call-ID: last@" in answer]
    assert pong.startswith(b"SIP/2.0 200")
    judge(case, [answer for answer in answers if answer is not pong])


def test_G5_what_is_noise_in_a_datagram_is_the_next_message_of_a_stream(node: Node) -> None:
    (case,) = [case for case in CASES["rfc4475"] if case.name == "dblreq"]
    with socket.create_connection(node.tcp.local, 3) as connection:
        connection.settimeout(3)
        connection.sendall(case.data.replace(b"z9hG4bK-dblreq", b"z9hG4bK-tcp-dblreq").replace(b"dblreq@", b"tcp@"))
        answers = messages_of(connection, 2)

    assert sorted(answer[:11] for answer in answers) == [b"SIP/2.0 200", b"SIP/2.0 486"]


@pytest.mark.parametrize("name", ["ncl", "mcl01", "inv2543"])
def test_G5_stream_whose_framing_is_lost_is_refused_and_closed(name: str, node: Node, peer: socket.socket) -> None:
    (case,) = [case for case in CASES["rfc4475"] if case.name == name]
    with socket.create_connection(node.tcp.local, 3) as connection:
        connection.settimeout(3)
        connection.sendall(case.data)
        (refusal,) = messages_of(connection, 2)
    assert refusal.startswith(b"SIP/2.0 400 ")
    assert Pinger().seen_until_answer(peer, node)[1] < 3


def test_G5_G6_files_are_what_the_script_writes() -> None:
    written = {path: path.read_bytes() for path in FOLDER.rglob("*.sip")}

    assert written == files()
    assert len(CASES["rfc4475"]) == 50
