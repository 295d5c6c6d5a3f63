"""What a torture message is made of, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field

SDP = (
    b"v=0\r\no=carol 28908 28908 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
CONTENT = (b"Content-Type: application/sdp", b"Content-Length: %d" % len(SDP))


@dataclass(frozen=True)
class Case:
    """One message.

    Shape: ``status`` is the final answer, None where none may come; ``holds`` are pieces that the answer must have;
    ``lacks`` are such that it must not have.
    """

    name: str
    section: str
    data: bytes
    status: int | None
    holds: tuple[bytes, ...] = ()
    lacks: tuple[bytes, ...] = field(default=())
    framed: bool = True
    """Whether a stream can be followed behind it."""


def message(start: bytes, *lines: bytes, body: bytes = b"", end: bytes = b"\r\n\r\n") -> bytes:
    """Return the lines as a message."""
    return b"\r\n".join((start, *lines)) + end + body


def request(
    name: str,
    method: bytes,
    *own: bytes,
    uri: bytes = b"sip:dave@example.com",
    without: tuple[bytes, ...] = (),
    body: bytes = b"",
    end: bytes = b"\r\n\r\n",
    version: bytes = b" SIP/2.0",
) -> bytes:
    """Return a request: the usual lines, but for those that ``own`` has under the same name or ``without`` names."""
    usual = (
        b"Via: SIP/2.0/UDP host.example.net;branch=z9hG4bK-" + name.encode(),
        b"Max-Forwards: 70",
        b"From: <sip:carol@example.net>;tag=" + name.encode(),
        b"To: <sip:dave@example.com>",
        b"Call-ID: " + name.encode() + b"@host.example.net",
        b"CSeq: 11 " + method,
        *((b"Contact: <sip:carol@host.example.net>", *CONTENT) if body is SDP else (b"Content-Length: 0",)),
    )
    taken = {line.partition(b":")[0].strip().lower() for line in own} | {name.lower() for name in without}
    kept = [line for line in usual if line.partition(b":")[0].lower() not in taken]
    return message(method + b" " + uri + version, *kept, *own, body=body, end=end)


def response(name: str, start: bytes, *own: bytes, body: bytes = b"") -> bytes:
    """Return a response to a request that nobody sent."""
    usual = (
        b"Via: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bK-" + name.encode(),
        b"From: <sip:carol@example.net>;tag=c",
        b"To: <sip:dave@example.com>;tag=d",
        b"Call-ID: " + name.encode() + b"@192.0.2.66",
        b"CSeq: 35 INVITE",
        b"Content-Length: %d" % len(body),
    )
    taken = {line.partition(b":")[0].lower() for line in own}
    kept = [line for line in usual if line.partition(b":")[0].lower() not in taken]
    return message(start, *kept, *own, body=body)
