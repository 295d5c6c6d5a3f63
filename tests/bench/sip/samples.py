"""The messages of a call as bytes; each call has its own branch, tags and Call-ID and one of a hundred callers.

So nothing gains by reading the same bytes twice.
"""

from __future__ import annotations

SDP = (
    "v=0\r\no=alice 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)
CONTACT = "<sip:bob@127.0.0.1:5060>"
CALLER = ("127.0.0.1", 5070)
TO_TAG = "1c9d"
_START = (
    "{method} sip:bob@127.0.0.1:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-18873-{number:04}-0\r\n"
    'From: "Alice" <{caller}>;tag=18873Tag{number:05}\r\nTo: "Bob" <sip:bob@127.0.0.1:5060>{tag}\r\n'
    "Call-ID: {number:04}-18873@127.0.0.1\r\nCSeq: 1 {method}\r\n"
)


def invite(number: int) -> bytes:
    """Return the INVITE of a call, about 600 bytes."""
    caller = f"sip:alice{number % 100}@127.0.0.1:5070"
    return (
        _START.format(method="INVITE", number=number, caller=caller, tag="")
        + f"Contact: <{caller}>\r\nMax-Forwards: 70\r\nUser-Agent: bench/1\r\nAllow: INVITE, ACK, CANCEL, BYE\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}"
    ).encode()


def ack(number: int, tag: str) -> bytes:
    """Return the ACK to the refusal of a call: the INVITE's branch, the refusal's To tag."""
    caller = f"sip:alice{number % 100}@127.0.0.1:5070"
    start = _START.format(method="ACK", number=number, caller=caller, tag=f";tag={tag}")
    return f"{start}Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode()
