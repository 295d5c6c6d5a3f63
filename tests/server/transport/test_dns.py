"""The stub resolver, against a name server of one datagram socket on loopback."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import gevent
import pytest
from gevent.server import DatagramServer

from server.errors import ConfigError
from server.greenlets import spawn
from server.transport.dns import DnsResolver, read_hosts
from server.transport.locate import Naptr, Srv
from server.transport.locator import NEGATIVE_TTL, Answer

ZONE = {
    ("a.example.", "A"): "192.0.2.1",
    ("a.example.", "AAAA"): "2001:db8::1",
    ("_sip._udp.a.example.", "SRV"): "1 2 5062 Host.a.example.",
    ("n.example.", "NAPTR"): '10 20 "s" "SIP+D2U" "" _sip._udp.n.example.',
}


@pytest.fixture
def ask() -> Iterator[Callable[[str, str], Answer]]:
    def handle(data: bytes, address: object) -> None:
        question = dns.message.from_wire(data)
        response = dns.message.make_response(question)
        asked = question.question[0]
        name, kind = asked.name.to_text(), dns.rdatatype.to_text(asked.rdtype)
        if name.startswith("silent"):
            return
        if name.startswith("garbage"):
            server.socket.sendto(struct.pack("!H", question.id) + b"garbage", address)
            return
        if name.startswith("nobody"):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif (name, kind) in ZONE:
            response.answer.append(dns.rrset.from_text(asked.name, 77, "IN", kind, ZONE[name, kind]))
        server.socket.sendto(response.to_wire(), address)

    server = DatagramServer(("127.0.0.1", 0), handle)
    server.start()
    resolver = DnsResolver([f"127.0.0.1:{server.socket.getsockname()[1]}"], 0.1)
    yield resolver.query
    server.stop()


@pytest.mark.parametrize(
    ("name", "kind", "record"),
    [
        ("a.example", "A", "192.0.2.1"),
        ("a.example", "AAAA", "2001:db8::1"),
        ("_sip._udp.a.example", "SRV", Srv(1, 2, 5062, "host.a.example")),
        ("n.example", "NAPTR", Naptr(10, 20, "s", "SIP+D2U", "_sip._udp.n.example")),
    ],
)
def test_records_come_with_their_time_to_live(
    ask: Callable[[str, str], Answer], name: str, kind: str, record: object
) -> None:
    answer = ask(name, kind)

    assert list(answer.records) == [record]
    assert answer.ttl == 77.0


@pytest.mark.parametrize("name", ["nobody.example", "b.example", "garbage.example", "silent.example", "x" * 70])
def test_what_cannot_be_had_is_no_record(ask: Callable[[str, str], Answer], name: str) -> None:
    assert ask(name, "A") == Answer((), NEGATIVE_TTL)


def test_waiting_for_an_answer_stops_nobody_else(ask: Callable[[str, str], Answer]) -> None:
    ticks: list[int] = []
    waiting = spawn("ask", ask, "silent.example", "A")
    while not waiting.ready():
        ticks.append(1)
        gevent.sleep(0.01)

    assert len(ticks) > 3


def test_server_that_is_no_address_is_a_fault_of_the_settings() -> None:
    with pytest.raises(ConfigError, match=r"dns\.servers"):
        DnsResolver(["resolver.example.com"], 1.0)


def test_names_of_the_hosts_file_need_no_server(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.1 a.example b.example # c.example\n\n#192.0.2.9 a.example\n::1 A.Example.\nnonsense x\n")
    resolver = DnsResolver(["127.0.0.1:9"], 0.01, hosts)

    assert [list(resolver.query(name, "A").records) for name in ("a.example", "b.example")] == [["192.0.2.1"]] * 2
    assert list(resolver.query("a.example", "AAAA").records) == ["::1"]
    assert resolver.query("x", "A") == Answer((), NEGATIVE_TTL)


def test_hosts_file_that_is_missing_says_nothing(tmp_path: Path) -> None:
    assert read_hosts(tmp_path / "none") == {}
