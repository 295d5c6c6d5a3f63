"""The procedure of RFC 3263, asked with records that a test gives."""

from collections.abc import Mapping

import pytest

from server.sip.uri import SipUri, parse_uri
from server.transport.locate import Naptr, Query, Records, Served, Srv, Target, targets, transport_of

ALL = Served(frozenset({"UDP", "TCP", "TLS"}), ("A", "AAAA"))
HOST = {("h.example", "A"): ("192.0.2.1",)}


def zone(records: Mapping[tuple[str, str], Records]) -> Query:
    return lambda name, kind: records.get((name, kind), ())


def uri(text: str) -> SipUri:
    parsed = parse_uri(text)
    assert isinstance(parsed, SipUri)
    return parsed


def located(
    text: str, records: Mapping[tuple[str, str], Records], served: Served = ALL, at: float = 0.0
) -> list[Target]:
    return targets(uri(text), zone(records), served, lambda: at)


@pytest.mark.parametrize(
    ("text", "transport"),
    [
        ("sip:a.example", "UDP"),
        ("sip:a.example;transport=TCP", "TCP"),
        ("sip:a.example;transport=tls", "TLS"),
        ("sips:a.example", "TLS"),
        ("sips:a.example;transport=tcp", "TLS"),
        ("sips:a.example;transport=ws", "WSS"),
        ("sip:a.example;transport=ws", "WS"),
        ("sip:a.example;transport=sctp", "SCTP"),
    ],
)
def test_transport_is_the_one_asked_for(text: str, transport: str) -> None:
    assert transport_of(uri(text)) == transport


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("sip:192.0.2.1", Target("UDP", "192.0.2.1", 5060, "192.0.2.1")),
        ("sip:192.0.2.1:7;transport=tcp", Target("TCP", "192.0.2.1", 7, "192.0.2.1")),
        ("sips:[2001:DB8:0::1]", Target("TLS", "2001:db8::1", 5061, "2001:db8:0::1")),
        ("sip:localhost", Target("UDP", "127.0.0.1", 5060, "localhost")),
        ("sip:a.example;maddr=192.0.2.9", Target("UDP", "192.0.2.9", 5060, "a.example")),
    ],
)
def test_address_needs_no_question(text: str, target: Target) -> None:
    def nobody(name: str, kind: str) -> Records:
        raise AssertionError(name, kind)

    assert targets(uri(text), nobody, ALL, lambda: 0.0) == [target]


def test_sips_takes_nothing_but_tls() -> None:
    records = {
        ("a.example", "NAPTR"): (Naptr(1, 1, "s", "SIP+D2U", "u.example"), Naptr(2, 1, "s", "SIPS+D2T", "t.example")),
        ("u.example", "SRV"): (Srv(1, 1, 1, "h.example"),),
        ("t.example", "SRV"): (Srv(1, 1, 2, "h.example"),),
        **HOST,
    }

    assert located("sips:a.example", records) == [Target("TLS", "192.0.2.1", 2, "a.example")]


def test_services_come_by_order_then_preference_and_only_those_that_are_served() -> None:
    records = {
        ("a.example", "NAPTR"): (
            Naptr(2, 1, "s", "sip+d2t", "t.example"),
            Naptr(1, 2, "s", "SIP+D2U", "u.example"),
            Naptr(1, 1, "s", "SIP+D2S", "s.example"),
            Naptr(1, 1, "u", "E2U+sip", "!x!y!"),
        ),
        ("u.example", "SRV"): (Srv(1, 1, 1, "h.example"),),
        ("t.example", "SRV"): (Srv(1, 1, 2, "h.example"),),
        ("s.example", "SRV"): (Srv(1, 1, 3, "h.example"),),
        **HOST,
    }

    assert [(t.transport, t.port) for t in located("sip:a.example", records)] == [("UDP", 1), ("TCP", 2)]


def test_without_any_service_the_name_itself_is_looked_up() -> None:
    records = {("a.example", "A"): ("192.0.2.1", "192.0.2.2"), ("a.example", "AAAA"): ("2001:db8::1",)}

    assert located("sip:a.example.", records) == [
        Target("UDP", host, 5060, "a.example") for host in ("192.0.2.1", "192.0.2.2", "2001:db8::1")
    ]


def test_service_that_is_said_not_to_exist_has_no_server() -> None:
    records = {("_sip._udp.a.example", "SRV"): (Srv(0, 0, 0, "."),), ("a.example", "A"): ("192.0.2.1",)}

    assert located("sip:a.example;transport=udp", records) == []


def test_lower_priority_comes_first_and_weight_decides_within_one() -> None:
    servers = (
        Srv(2, 1, 9, "h.example"),
        Srv(1, 90, 1, "h.example"),
        Srv(1, 10, 2, "h.example"),
        Srv(1, 0, 3, "h.example"),
    )
    records = {("_sip._udp.a.example", "SRV"): servers, **HOST}

    def ports(at: float) -> list[int]:
        return [target.port for target in located("sip:a.example;transport=udp", records, at=at)]

    assert ports(0.0) == [2, 1, 3, 9]
    assert ports(0.5) == [1, 2, 3, 9]


def test_families_come_in_the_order_they_are_served() -> None:
    records = {("a.example", "A"): ("192.0.2.1",), ("a.example", "AAAA"): ("2001:db8::1",)}

    found = located("sip:a.example:5060", records, Served(frozenset({"UDP"}), ("AAAA", "A")))

    assert [target.host for target in found] == ["2001:db8::1", "192.0.2.1"]


def test_number_of_targets_is_bounded() -> None:
    records = {("a.example", "A"): tuple(f"192.0.2.{n}" for n in range(200))}

    assert len(located("sip:a.example:5060", records)) == 16


def test_name_of_a_browser_is_nobodys() -> None:
    assert located("sip:x@df7jal23ls0d.invalid", {("df7jal23ls0d.invalid", "A"): ("192.0.2.1",)}) == []
