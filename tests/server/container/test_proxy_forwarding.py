"""What a proxy does to messages: the examples of RFC 3261 16.12.1, loops, branches, the order of checks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.container.addresses import Addresses
from server.container.forwarding import (
    Way,
    breadth_of,
    check,
    forwarded,
    loop_hash,
    looped_branch,
    routed,
    stateless_branch,
    stripped,
    way_of,
)
from server.servlet.errors import NotRoutableError
from server.sip.codec import parse_message
from server.sip.message import Request, Response
from server.sip.uri import SipUri
from server.transport.flow import Flow

KEY = "0123456789abcdef0123"
TOKEN = f"89abcdef.{KEY}"
OURS = f"<sip:{TOKEN}@192.0.2.5:5060;lr>"
FLOW = Flow("UDP", "192.0.2.5", 5060, "192.0.2.9", 5060)
ADDRESSES = Addresses(
    {
        ("UDP", "192.0.2.5", 5060): ("192.0.2.5", 5060),
        ("TCP", "192.0.2.5", 5060): ("192.0.2.5", 5060),
        ("UDP", "2001:db8::5", 5060): ("[2001:db8::5]", 5060),
    }
)


def request(uri: str, *lines: str, method: str = "INVITE", via: str = "") -> Request:
    head = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via or 'SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKcaller'}",
        "From: <sip:alice@example.com>;tag=1",
        "To: <sip:bob@example.com>",
        "Call-ID: 1@example.com",
        f"CSeq: 1 {method}",
        *([] if any(line.startswith("Max-Forwards") for line in lines) else ["Max-Forwards: 70"]),
        *lines,
        "Content-Length: 0",
        "",
        "",
    ]
    message = parse_message("\r\n".join(head).encode())
    assert isinstance(message, Request)
    return message


def is_own(uri: SipUri) -> bool:
    return ADDRESSES.is_own(uri)


@pytest.mark.parametrize(
    ("received", "uri", "routes", "token"),
    [
        pytest.param(request("sip:bob@b.com"), "sip:bob@b.com", [], "", id="no-route"),
        pytest.param(
            request("sip:bob@b.com", "Route: <sip:192.0.2.5;lr>, <sip:p2.b.com;lr>"),
            "sip:bob@b.com", ["<sip:p2.b.com;lr>"], "", id="own-route-without-token-removed",
        ),
        pytest.param(
            request("sip:bob@b.com", f"Route: {OURS}", "Route: <sip:p2.b.com;lr>"),
            "sip:bob@b.com", ["<sip:p2.b.com;lr>"], TOKEN, id="record-routed",
        ),
        pytest.param(
            request("sip:bob@b.com", f"Route: {OURS}, <sip:{TOKEN}@192.0.2.5:5060;transport=tcp;lr>"),
            "sip:bob@b.com", [], TOKEN, id="both-of-a-double-entry",
        ),
        pytest.param(
            request("sip:bob@b.com", f"Route: {OURS}, <sip:11111111.{KEY}@192.0.2.5:5060;lr>"),
            "sip:bob@b.com", [f"<sip:11111111.{KEY}@192.0.2.5:5060;lr>"], TOKEN, id="entry-of-another-session-stays",
        ),
        pytest.param(
            request(f"sip:{TOKEN}@192.0.2.5:5060;lr", "Route: <sip:p2.b.com;lr>, <sip:bob@phone.b.com>"),
            "sip:bob@phone.b.com", ["<sip:p2.b.com;lr>"], TOKEN, id="strict-router-before-us",
        ),
        pytest.param(
            request("sip:bob@b.com", "Route: <sip:p2.b.com;lr>"),
            "sip:bob@b.com", ["<sip:p2.b.com;lr>"], "", id="route-of-others-stays",
        ),
        pytest.param(
            request("sip:bob@b.com:5060;maddr=192.0.2.5;transport=udp;x=1"),
            "sip:bob@b.com;x=1", [], "", id="own-maddr-removed",
        ),
        pytest.param(
            request("sip:bob@b.com;maddr=192.0.2.77"), "sip:bob@b.com;maddr=192.0.2.77", [], "", id="other-maddr-stays"
        ),
        pytest.param(
            request("sip:bob@b.com;maddr=192.0.2.5;transport=tcp"),
            "sip:bob@b.com;maddr=192.0.2.5;transport=tcp", [], "", id="maddr-of-another-transport-stays",
        ),
    ],
)  # fmt: skip
def test_p2_route_is_preprocessed(received: Request, uri: str, routes: list[str], token: str) -> None:
    found, said = routed(received, is_own, FLOW)

    assert (found.uri, [str(route) for route in found.routes], said) == (uri, routes, token)


def test_p2_basic_example_of_loose_routers_passes_two_proxies() -> None:
    """RFC 3261 16.12.1.1: a BYE from callee to caller over P2 and P1, both loose routers."""
    bye = request("sip:caller@u1.example.com", "Route: <sip:p2.domain.com;lr>, <sip:p1.example.com;lr>", method="BYE")

    at_p2, _ = routed(bye, lambda uri: uri.host == "p2.domain.com", FLOW)
    way = way_of(at_p2, at_p2.uri)
    at_p1, _ = routed(forwarded(at_p2, way, "SIP/2.0/UDP p2.domain.com;branch=z9hG4bK2"), _is("p1.example.com"), FLOW)
    last = way_of(at_p1, at_p1.uri)

    assert way == Way("sip:caller@u1.example.com", ("<sip:p1.example.com;lr>",), "sip:p1.example.com;lr")
    assert last == Way("sip:caller@u1.example.com", (), "sip:caller@u1.example.com")


def test_p2_strict_router_behind_us_gets_itself_as_request_uri() -> None:
    """RFC 3261 16.12.1.2: a request passes a strict router and comes out as it went in."""
    bye = request("sip:callee@u2.domain.com", "Route: <sip:p3.middle.com>, <sip:p4.domain.com;lr>", method="BYE")

    way = way_of(bye, bye.uri)

    assert way == Way(
        "sip:p3.middle.com", ("<sip:p4.domain.com;lr>", "<sip:callee@u2.domain.com>"), "sip:p3.middle.com"
    )


def _is(host: str):  # type: ignore[no-untyped-def]
    return lambda uri: uri.host == host


def test_p3_request_is_copied_but_for_what_a_proxy_changes() -> None:
    received = request("sip:bob@b.com", "X-Strange:  kept   as it is", "Record-Route: <sip:p0.com;lr>", "s: compact")

    sent = forwarded(
        received, way_of(received, "sip:bob@phone.b.com?Subject=no;method=INVITE"), "SIP/2.0/UDP h;branch=z9hG4bKx",
        record_routes=(OURS,), breadth=30,
    )  # fmt: skip

    assert sent.wire().decode().split("\r\n") == [
        "INVITE sip:bob@phone.b.com SIP/2.0",
        "Via: SIP/2.0/UDP h;branch=z9hG4bKx",
        f"Record-Route: {OURS}",
        "Max-Forwards: 69",
        "Max-Breadth: 30",
        *[line for line in received.wire().decode().split("\r\n")[1:] if not line.startswith("Max-Forwards")],
    ]
    assert parse_message(sent.wire()) == sent


def test_p3_max_forwards_is_added_where_there_is_none() -> None:
    received = request("sip:bob@b.com").without("Max-Forwards")

    assert forwarded(received, way_of(received, received.uri), "SIP/2.0/UDP h;branch=z9hG4bKx").max_forwards == 70


def test_p3_content_length_is_added_where_there_is_none() -> None:
    received = parse_message(request("sip:bob@b.com").wire().replace(b"Content-Length: 0\r\n", b""))
    assert isinstance(received, Request)

    sent = forwarded(received, way_of(received, received.uri), "SIP/2.0/TCP h;branch=z9hG4bKx")

    assert sent.headers.get("content-length") == "0"


VIAS = ["SIP/2.0/UDP us;branch=z9hG4bKx", "SIP/2.0/UDP caller;branch=z9hG4bKy"]


@pytest.mark.parametrize("lines", [[f"Via: {via}" for via in VIAS], ["v: " + ", ".join(VIAS)]], ids=["two", "list"])
def test_p4_our_via_is_taken_from_a_response_and_nothing_else(lines: list[str]) -> None:
    rest = ["From: <sip:a@b>;tag=1", "To: <sip:b@b>;tag=2", "Call-ID: 1", "CSeq: 1 INVITE", "Content-Length: 0"]
    received = parse_message("\r\n".join(["SIP/2.0 180 Ringing", *lines, *rest, "", ""]).encode())
    assert isinstance(received, Response)

    passed = stripped(received)

    assert [str(via) for via in passed.vias] == VIAS[1:]
    assert passed.headers.lines[1:] == rest


FAULTS = {
    416: ("nobody:knows", []),
    483: ("", ["Max-Forwards: 0"]),
    482: ("", ["LOOP"]),
    420: ("", ["Proxy-Require: x, y"]),
}


@pytest.mark.parametrize("first", range(4))
def test_p1_checks_are_made_in_their_order(first: int) -> None:
    statuses = list(FAULTS)[first:]
    uri = next((FAULTS[status][0] for status in statuses if FAULTS[status][0]), "sip:bob@b.com")
    lines = [line for status in statuses for line in FAULTS[status][1] if line != "LOOP"]
    via = "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKcaller"
    plain = request(uri, *lines)
    if 482 in statuses:
        branch = looped_branch(f"z9hG4bK0123456789ab.{KEY}", loop_hash(plain, "app"))
        via = f"{via}, SIP/2.0/UDP 192.0.2.5:5060;branch={branch}"

    with pytest.raises(NotRoutableError) as caught:
        check(request(uri, *lines, via=via), "app", is_own)

    assert caught.value.status == statuses[0]


def test_p1_proxy_require_says_what_is_not_supported() -> None:
    with pytest.raises(NotRoutableError) as caught:
        check(request("sip:bob@b.com", "Proxy-Require: one, path", "Proxy-Require: two"), "app", is_own, {"path"})

    assert caught.value.headers == (("Unsupported", "one, two"),)


def test_p1_request_without_fault_passes() -> None:
    check(request("sip:bob@b.com"), "app", is_own)
    check(request("tel:+4930123"), "app", is_own)


def looped(host: str, **changes: str) -> Request:
    plain = request("sip:bob@b.com", "Route: <sip:p9.com;lr>")
    branch = looped_branch(f"z9hG4bK0123456789ab.{KEY}", loop_hash(plain, "app"))
    via = f"SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKlast, SIP/2.0/UDP {host};branch={branch}"
    return request(changes.get("uri", "sip:bob@b.com"), changes.get("route", "Route: <sip:p9.com;lr>"), via=via)


@pytest.mark.parametrize(
    ("received", "application", "is_loop"),
    [
        pytest.param(looped("192.0.2.5:5060"), "app", True, id="the-same-again"),
        pytest.param(looped("192.0.2.5"), "app", True, id="default-port"),
        pytest.param(looped("192.0.2.5:5060", uri="sip:eve@b.com"), "app", False, id="spiral-by-uri"),
        pytest.param(looped("192.0.2.5:5060", route="X: y"), "app", False, id="spiral-by-route"),
        pytest.param(looped("192.0.2.5:5060"), "another", False, id="next-application-of-the-chain"),
        pytest.param(looped("192.0.2.66:5060"), "app", False, id="another-proxy-with-the-same-software"),
    ],
)
def test_p6_loop_is_told_from_a_spiral(received: Request, application: str, is_loop: bool) -> None:
    if not is_loop:
        check(received, application, is_own)
        return
    with pytest.raises(NotRoutableError) as caught:
        check(received, application, is_own)
    assert caught.value.status == 482


def test_p6_hash_is_found_in_the_branch_of_a_further_try_too() -> None:
    plain = request("sip:bob@b.com")
    branch = looped_branch(f"z9hG4bK0123456789ab.{KEY}", loop_hash(plain, "app")).replace(".", "-2.")

    with pytest.raises(NotRoutableError):
        check(request("sip:bob@b.com", via=f"SIP/2.0/UDP 192.0.2.5:5060;branch={branch}"), "app", is_own)


def test_p6_vias_below_that_nobody_can_read_are_no_loop() -> None:
    check(request("sip:bob@b.com", via="SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1, nonsense"), "app", is_own)


@pytest.mark.parametrize(("line", "breadth"), [("X: y", 60), ("Max-Breadth: 7", 7), ("Max-Breadth: 900", 60),
                                              ("Max-Breadth: x", 60), ("Max-Breadth: 0", 0)])  # fmt: skip
def test_p6_max_breadth_is_60_unless_the_request_says_less(line: str, breadth: int) -> None:
    assert breadth_of(request("sip:bob@b.com", line)) == breadth


BRANCHES = st.from_regex(r"(z9hG4bK)?[0-9a-zA-Z]{1,12}", fullmatch=True)


@given(st.tuples(BRANCHES, st.sampled_from(["a", "b"])), st.tuples(BRANCHES, st.sampled_from(["a", "b"])))
def test_p7_stateless_branch_is_the_same_for_a_retransmission_and_another_for_another_request(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    def branch(of: tuple[str, str], method: str = "INVITE") -> str:
        via = f"SIP/2.0/UDP {of[1]}.example.com;branch={of[0]}"
        return stateless_branch(request("sip:bob@b.com", method=method, via=via))

    assert branch(one) == branch(one)
    assert branch(one) == branch(one, "CANCEL")
    assert branch(one).startswith("z9hG4bK")
    assert (branch(one) == branch(other)) == (one == other)


@pytest.mark.parametrize(
    ("inbound", "outbound", "entries"),
    [
        ("UDP", "UDP", [f"<sip:{TOKEN}@192.0.2.5:5060;lr>"]),
        ("UDP", "TCP", [f"<sip:{TOKEN}@192.0.2.5:5060;transport=tcp;lr>", f"<sip:{TOKEN}@192.0.2.5:5060;lr>"]),
        ("LOCAL", "TCP", [f"<sip:{TOKEN}@192.0.2.5:5060;transport=tcp;lr>"]),
        ("UDP", "DNS", [f"<sip:{TOKEN}@192.0.2.5:5060;lr>"]),
    ],
)
def test_p8_record_route_is_double_between_transports(inbound: str, outbound: str, entries: list[str]) -> None:
    one = Flow(inbound, "192.0.2.5", 5060, "192.0.2.9", 5060)
    other = Flow(outbound, "192.0.2.5", 5060, "192.0.2.9", 5060)

    assert list(ADDRESSES.record_routes(TOKEN, one, other, secure=False)) == entries


def test_p8_record_route_is_double_between_address_families() -> None:
    six = Flow("UDP", "2001:db8::5", 5060, "2001:db8::9", 5060)

    entries = ADDRESSES.record_routes(TOKEN, FLOW, six, secure=False)

    assert list(entries) == [f"<sip:{TOKEN}@[2001:db8::5]:5060;lr>", OURS]


def test_p8_request_that_changes_its_transport_gets_the_other_record_route() -> None:
    tcp = Flow("TCP", "192.0.2.5", 5060, "192.0.2.9", 5060)
    sent = request("sip:bob@b.com", f"Record-Route: {OURS}, <sip:p0.com;lr>")

    over_tcp = ADDRESSES.readdressed(sent, tcp, "z9hG4bKx")
    back = ADDRESSES.readdressed(over_tcp, FLOW, "z9hG4bKx")

    assert [str(entry) for entry in over_tcp.record_routes] == [
        f"<sip:{TOKEN}@192.0.2.5:5060;transport=tcp;lr>", OURS, "<sip:p0.com;lr>"
    ]  # fmt: skip
    assert [str(entry) for entry in back.record_routes] == [OURS, "<sip:p0.com;lr>"]
