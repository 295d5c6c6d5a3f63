"""Grammar and parsing: the rules of RFC 3261 7, 19, 20 and 25, each seen from outside.

What a single parser does is tested beside it (``tests/server/sip``); here stands what a whole message must do.
"""

import os
import re
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import load_config
from server.node import Node
from server.sip.codec import parse_message
from server.sip.errors import MalformedMessageError
from server.sip.headers import Headers, table
from server.sip.message import Request, Response
from server.sip.multipart import Part, format_multipart, is_understood
from tests.data.torture.case import SDP, request
from tests.server.sip.samples import INVITE

LWS = st.sampled_from([b"", b" ", b"\t", b"  ", b"\r\n ", b" \r\n\t "])
VALUES = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zs"]), max_size=20)
NAMES = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=20).map("X-".__add__)


def refused(data: bytes) -> MalformedMessageError:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(data)
    return caught.value


@given(before=LWS, behind=LWS, around=st.lists(LWS, min_size=4, max_size=4))
def test_G1_blanks_and_folds_around_separators_say_nothing(before: bytes, behind: bytes, around: list[bytes]) -> None:
    flat = before.replace(b"\r\n", b"")
    one, two, three, four = around
    via = b"Via" + flat + b":" + behind + b" SIP/2.0/UDP a" + one + b";" + two + b"branch" + three + b"=" + four
    data = INVITE.replace(b"Via: SIP/2.0/UDP 127.0.0.1:5080;branch=", via)

    message = parse_message(data)

    assert (message.via.host, message.via.branch) == ("a", "z9hG4bK-1")
    assert message.wire() == data


@given(st.lists(st.sampled_from(["<sip:a@b>", '"x, y" <sip:c@d;e>;q=0.1', "<sip:f@[::1]>"]), min_size=1, max_size=4))
def test_G1_list_on_one_line_says_the_same_as_several_lines(values: list[str]) -> None:
    listed = INVITE.replace(b"X-Unknown", f"Record-Route: {', '.join(values)}\r\nX-Unknown".encode())
    lines = INVITE.replace(b"X-Unknown", "".join(f"record-route:{v}\r\n" for v in values).encode() + b"X-Unknown")

    assert parse_message(listed).record_routes == parse_message(lines).record_routes
    assert len(parse_message(listed).record_routes) == len(values)


@pytest.mark.parametrize("byte", [byte for byte in range(256) if byte != ord(":")])
def test_G2_only_blanks_may_stand_before_the_colon(byte: int) -> None:
    data = INVITE.replace(b"To: ", b"To" + bytes([byte]) + b": ")
    if byte in b" \t":
        assert parse_message(data).to.uri == "sip:bob@127.0.0.1:5070"
    else:
        assert refused(data).status_hint == 400


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_G4_unknown_headers_stay_byte_for_byte_and_in_order(pairs: list[tuple[str, str]]) -> None:
    lines = b"".join(f"{name}:  {value} \r\n".encode() for name, value in pairs)
    data = INVITE.replace(b"X-Unknown", lines + b"X-Unknown")

    message = parse_message(data).with_header("Max-Forwards", "69").with_added("Via", "SIP/2.0/UDP new", first=True)

    assert lines in message.wire()
    assert message.wire() == data.replace(b"rds: 70", b"rds: 69").replace(b"Via: ", b"Via: SIP/2.0/UDP new\r\nVia: ")


@pytest.mark.parametrize(
    "value",
    ["-1", "+4", "0x4", "4 ", "4,4", "", "4.0", "٤", "99999999999", "9" * 4400, "1e1", "4;x"],
)  # fmt: skip
def test_G10_content_length_is_digits_and_no_more_than_there_is(value: str) -> None:
    data = INVITE.replace(b"Content-Length: 4", f"Content-Length: {value}".encode())
    if value == "4 ":
        assert parse_message(data).body == b"body"
        return

    assert refused(data).status_hint == 400


def test_G10_leading_zeros_and_repetition_without_contradiction_are_taken() -> None:
    assert parse_message(INVITE.replace(b"Length: 4", b"Length: 0004")).body == b"body"
    assert parse_message(INVITE.replace(b"Content-Length: 4", b"l: 4\r\nContent-Length: 4")).body == b"body"
    assert refused(INVITE.replace(b"Content-Length: 4", b"l: 4\r\nContent-Length: 3")).status_hint == 400


def test_G11_request_whose_required_part_is_unknown_is_told_apart() -> None:
    known = frozenset({"application/sdp"})
    session = Part(Headers.of([("Content-Type", "application/sdp")]), SDP)
    picture = Headers.of([("Content-Type", "image/png"), ("Content-Disposition", "icon;handling=optional")])

    assert is_understood(*format_multipart((session, Part(picture, b"\x89")), "b"), known)
    required = picture.with_header("Content-Disposition", "icon;handling=required")
    assert not is_understood(*format_multipart((session, Part(required, b"\x89")), "b"), known)


@given(VALUES, st.binary(max_size=12))
def test_G12_names_and_phrases_are_utf8_and_what_is_none_stays(name: str, junk: bytes) -> None:
    junk = bytes(byte for byte in junk if byte > 127)
    display = name.replace("\\", "").replace('"', "").encode() + junk
    data = INVITE.replace(b'"Alice, A."', b'"' + display + b'"')

    message = parse_message(data)

    assert message.from_.display == display.decode("utf-8", "surrogateescape")
    assert repr(message).isprintable() or junk
    changed = message.with_header("From", str(message.from_))
    assert b'"' + display + b'" <sip:alice' in changed.wire()


@given(st.binary(max_size=20))
def test_G12_reason_phrase_is_any_text(reason: bytes) -> None:
    reason = bytes(byte for byte in reason if byte not in b"\r\n\0")
    data = INVITE.replace(b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", b"SIP/2.0 486 " + reason)

    message = parse_message(data)

    assert isinstance(message, Response)
    assert message.reason.encode("utf-8", "surrogateescape") == reason
    assert message.with_header("X", "y").wire().startswith(b"SIP/2.0 486 " + reason + b"\r\n")


def test_G13_description_of_unknown_lines_is_kept() -> None:
    message = parse_message(INVITE.replace(b"4\r\n\r\nbody", b"8\r\n\r\nv=0\r\nx=\xff"))

    assert message.body == b"v=0\r\nx=\xff"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    config = load_config().with_command_line(sip="127.0.0.1:0", http=None, outbound_proxy=None)
    running = Node(config, ["tests.conformance.answering"])
    running.start()
    yield running
    running.stop(0.2)


@pytest.fixture
def connection(node: Node) -> Iterator[socket.socket]:
    with socket.create_connection(node.tcp.local, 3) as plain:
        plain.settimeout(3)
        yield plain


def ask(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(re.sub(rb"branch=z9hG4bK", b"branch=z9hG4bK" + os.urandom(4).hex().encode(), data))
    return connection.recv(65_535)


@pytest.mark.slow
@pytest.mark.parametrize("name", [b"From", b"To", b"Call-ID", b"CSeq"])
def test_G8_missing_header_is_named_in_the_answer(connection: socket.socket, name: bytes) -> None:
    answer = ask(connection, request("missing", b"OPTIONS", without=(name,)))

    assert answer.startswith(b"SIP/2.0 400 the header " + name + b" is missing\r\n")
    assert b"\r\n" + name + b":" not in answer


@pytest.mark.slow
def test_G8_request_without_a_via_is_not_answered(connection: socket.socket) -> None:
    connection.sendall(request("viale", b"OPTIONS", without=(b"Via",)))

    assert b"Call-ID: next@" in ask(connection, request("next", b"OPTIONS"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "status", "holds"),
    [
        (request("version", b"OPTIONS", version=b" SIP/3.0"), b"505", b""),
        (request("method", b"FROBNICATE"), b"405", b"\r\nAllow: "),
        (request("scheme", b"OPTIONS", uri=b"gopher:x"), b"416", b""),
    ],
    ids=["version", "method", "scheme"],
)
def test_G9_what_is_not_understood_is_named_by_its_status(
    connection: socket.socket, data: bytes, status: bytes, holds: bytes
) -> None:
    answer = ask(connection, data)

    assert answer.startswith(b"SIP/2.0 " + status)
    assert holds in answer


def test_G4_table_names_headers_as_their_rfcs_do() -> None:
    message = parse_message(INVITE)
    assert isinstance(message, Request)

    assert message.one(table.MAX_FORWARDS) == 70
    assert message.many(table.VIA) == message.vias
