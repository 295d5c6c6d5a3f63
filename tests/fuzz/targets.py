"""What is fuzzed: functions of bytes that raise nothing, whatever the bytes are, but for the error that is declared.

Each takes the bytes through one parser and checks what must hold of a value that came out.
"""

from __future__ import annotations

from collections.abc import Callable

from server.sip.auth import PROXY, USER_AGENT, Realm, authentication_info, ha1_of, verify
from server.sip.auth_client import Account, answer, is_proved
from server.sip.build import make_request, make_response, stamp_received
from server.sip.codec import parse_message, reread
from server.sip.errors import MalformedMessageError
from server.sip.framing import PING, StreamFramer
from server.sip.headers.credentials import parse_auth_value
from server.sip.headers.kinds import Many
from server.sip.headers.table import TABLE
from server.sip.message import Request
from server.sip.multipart import content_of, format_multipart, is_understood, parse_multipart
from server.sip.nonce import NonceCounts
from server.sip.sdp import check_answer, check_next_offer, held_answer, hold, make_answer, parse_sdp
from server.sip.uri import parse_uri, uris_equal
from server.transport.branch import branch_of
from server.transport.stun import binding_response
from server.transport.websocket import WebSocketChannel

HEADERS = [TABLE[key] for key in sorted(TABLE)]
REALM = Realm("example.com", b"key", ("SHA-256", "MD5"))
ACCOUNT = Account("example.com", "alice", "secret", frozenset({"192.0.2.1"}), ("SHA-256", "MD5"))
REQUEST = make_request(
    "INVITE",
    "sip:bob@example.com",
    via="SIP/2.0/UDP a;branch=z9hG4bKx",
    from_="<sip:alice@example.com>;tag=a",
    to="<sip:bob@example.com>",
    call_id="c",
    cseq=1,
)

MOST_ANSWERED = 8
"""Bytes that a WebSocket answers to one."""
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)


def text_of(data: bytes) -> str:
    """Return what can stand on one line of a message."""
    return data.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"").decode("utf-8", "surrogateescape")


def message(data: bytes) -> None:
    """Parse a message, change it, parse it again; answer what is refused."""
    try:
        found = parse_message(data)
    except MalformedMessageError as error:
        if error.request is not None:
            stamped = stamp_received(error.request, "192.0.2.1", 9)
            make_response(stamped, error.status_hint, error.reason, to_tag="t").wire()
        return
    changed = parse_message(found.with_header("X-Fuzz", "1").wire())
    assert changed.without("x-fuzz").headers.items
    assert (changed.cseq, changed.from_, changed.to, changed.body) == (found.cseq, found.from_, found.to, found.body)
    for read in (lambda: found.vias, lambda: found.contacts, lambda: found.max_forwards, lambda: found.expires):
        try:
            read()
        except ValueError:
            continue
    for header in HEADERS:
        try:
            found.many(header) if isinstance(header, Many) else found.one(header)
        except ValueError:
            continue
    if isinstance(found, Request):
        made = make_response(stamp_received(found, "192.0.2.1", 9), 486, to_tag="t")
        assert reread(made.wire()) == parse_message(made.wire())


def uri(data: bytes) -> None:
    """Parse a URI, write it, parse it again."""
    try:
        found = parse_uri(text_of(data))
    except ValueError:
        return
    again = parse_uri(str(found))
    assert again == found
    assert uris_equal(found, again)


def header(data: bytes) -> None:
    """Parse a value of the header that the first byte chooses, write it, parse it again."""
    if not data:
        return
    chosen = HEADERS[data[0] % len(HEADERS)]
    try:
        value = chosen.parse(text_of(data[1:]))
        if isinstance(chosen, Many):
            chosen.parse_all((text_of(data[1:]),))
    except ValueError:
        return
    assert chosen.parse(chosen.format(value)) == value


def sdp(data: bytes) -> None:
    """Parse a description, answer it, hold it."""
    try:
        offer = parse_sdp(data)
    except ValueError:
        return
    assert parse_sdp(bytes(offer)) == offer
    check_answer(offer, make_answer(offer, ("v=0", "s=-"), lambda stream: stream))
    assert parse_sdp(bytes(hold(offer))) == hold(offer)
    held_answer(data, "192.0.2.1")
    try:
        check_next_offer(offer, hold(offer))
    except ValueError:
        return


def digest(data: bytes) -> None:
    """Judge credentials, answer a challenge, read a proof."""
    text = text_of(data)
    ha1 = ha1_of("SHA-256", "alice", "example.com", "secret")
    for side in (USER_AGENT, PROXY):
        sent = REQUEST.with_header(side.credentials.name, text)
        verdict = verify(REALM, side, sent, lambda *_: ha1, 1000.0, NonceCounts())
        if verdict.credentials is not None:
            authentication_info(verdict, b"")
    for status, name in ((401, "WWW-Authenticate"), (407, "Proxy-Authenticate")):
        response = make_response(REQUEST, status, extra=[(name, text)])
        lines = answer(response, REQUEST, frozenset({"192.0.2.1"}), (ACCOUNT,), 0, "cnonce")
        for _, value in lines:
            is_proved(text, parse_auth_value(value), ACCOUNT, b"")


def multipart(data: bytes) -> None:
    """Parse parts, write them, parse them again; the first line is the Content-Type."""
    line, _, body = data.partition(b"\n")
    content_type = text_of(line)
    is_understood(body, content_type, frozenset({"application/sdp"}))
    content_of(body, content_type, "application/sdp")
    try:
        parts = parse_multipart(body, content_type)
        for part in parts:
            assert part.is_required in {True, False}
        again = format_multipart(parts, "a-boundary-of-our-own")
    except ValueError:
        return
    assert parse_multipart(*again) == parts


def framing(data: bytes) -> None:
    """Feed a stream in pieces of a size that the first byte says, and as one: the messages are the same."""
    if not data:
        return
    size, stream = data[0] % 64 + 1, data[1:]
    assert _messages(stream, size) == _messages(stream, len(stream) or 1)


def _messages(stream: bytes, size: int) -> list[bytes]:
    framer, found = StreamFramer(), []
    try:
        for at in range(0, len(stream), size):
            found += framer.feed(stream[at : at + size])
    except MalformedMessageError:
        return []
    return [one for one in found if one != PING]


def websocket(data: bytes) -> None:
    """Feed a WebSocket, in pieces and as one as for a stream; the first byte also says whether it is open before."""
    if not data:
        return
    size, stream = data[0] % 64 + 1, data[1:]
    is_open = data[0] >= 128
    assert _received(stream, size, is_open=is_open) == _received(stream, len(stream) or 1, is_open=is_open)


def _received(stream: bytes, size: int, *, is_open: bool) -> list[bytes]:
    channel, found = WebSocketChannel(("https://a",)), []
    if is_open:
        assert channel.feed(HANDSHAKE).answer.startswith(b"HTTP/1.1 101 ")
    for at in range(0, len(stream), size):
        fed = channel.feed(stream[at : at + size])
        found += fed.messages
        assert len(fed.answer) <= MOST_ANSWERED * len(stream) + len(HANDSHAKE)
        if channel.over:
            break
    return found


def datagram(data: bytes) -> None:
    """Read what a UDP socket gives beside messages: keep-alives, and the beginning of a request that was lost."""
    branch_of(data)
    for host in ("192.0.2.1", "2001:db8::1"):
        answer = binding_response(data, host, 5060)
        assert answer is None or answer[8:20] == data[8:20]


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (message, uri, header, sdp, digest, multipart, framing, websocket, datagram)
}
