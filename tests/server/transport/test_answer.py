"""Where responses go."""

import pytest

from server.sip.headers import parse_via
from server.transport.answer import answer_flow, reopened
from server.transport.flow import Flow
from server.transport.trust import NOBODY, Trust

UDP = Flow("UDP", "127.0.0.1", 5060, "192.0.2.1", 4000)
TCP = Flow("TCP", "127.0.0.1", 5060, "192.0.2.1", 4000, "tcp-1")


@pytest.mark.parametrize(
    ("via", "host", "port"),
    [
        ("SIP/2.0/UDP a.example;received=192.0.2.1;rport=4000", "192.0.2.1", 4000),
        ("SIP/2.0/UDP a.example:7;received=192.0.2.1;rport=4000", "192.0.2.1", 4000),
        ("SIP/2.0/UDP a.example:7;received=192.0.2.1", "192.0.2.1", 7),
        ("SIP/2.0/UDP 192.0.2.1", "192.0.2.1", 5060),
        ("SIP/2.0/UDP 192.0.2.1:4000", "192.0.2.1", 4000),
        ("SIP/2.0/UDP a.example:7;maddr=224.0.1.75;received=192.0.2.1;rport=4000", "224.0.1.75", 7),
        ("SIP/2.0/UDP a.example:7;maddr=[2001:db8::1]", "2001:db8::1", 7),
        ("SIP/2.0/UDP a.example:7;maddr=name.example;received=192.0.2.1;rport=4000", "192.0.2.1", 4000),
        ("SIP/2.0/UDP a.example:7;maddr;received=192.0.2.1;rport=4000", "192.0.2.1", 4000),
    ],
)
def test_t3_datagram_is_answered_as_its_via_says(via: str, host: str, port: int) -> None:
    flow = answer_flow(parse_via(via), UDP, Trust(["192.0.2.0/24"]))

    assert (flow.remote_host, flow.remote_port) == (host, port)
    assert (flow.local_host, flow.local_port) == ("127.0.0.1", 5060)


def test_t3_maddr_of_a_stranger_is_not_believed() -> None:
    via = parse_via("SIP/2.0/UDP a.example:7;maddr=198.51.100.1;received=192.0.2.1;rport=4000")

    assert answer_flow(via, UDP, NOBODY) == UDP
    assert answer_flow(via, UDP, Trust(["192.0.2.2"])) == UDP


def test_t3_stream_is_answered_where_it_is() -> None:
    assert answer_flow(parse_via("SIP/2.0/TCP a.example:7;maddr=192.0.2.9"), TCP, NOBODY) is TCP


@pytest.mark.parametrize(
    ("via", "host", "port"),
    [
        ("SIP/2.0/TCP a.example:7;received=192.0.2.2", "192.0.2.2", 7),
        ("SIP/2.0/TCP 192.0.2.3", "192.0.2.3", 5060),
        ("SIP/2.0/TCP a.example", "192.0.2.1", 5060),
    ],
)
def test_t3_closed_connection_is_opened_to_where_the_sender_listens(via: str, host: str, port: int) -> None:
    flow = reopened(parse_via(via), TCP)

    assert (flow.remote_host, flow.remote_port, flow.connection) == (host, port, None)
