"""Messages that several tests use."""

from server.sip.build import make_request
from server.sip.message import Request

INVITE = (
    b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-1\r\n"
    b'From: "Alice, A." <sip:alice@127.0.0.1:5080>;tag=a1\r\n'
    b"To: <sip:bob@127.0.0.1:5070>\r\n"
    b"Call-ID: call-1@127.0.0.1\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Contact: <sip:alice@127.0.0.1:5080>\r\n"
    b"X-Unknown:  kept   as it is\r\n"
    b"Max-Forwards: 70\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)


def request(
    method: str = "INVITE", *, via: str = "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-x", to_tag: str = "b"
) -> Request:
    """Return a request of Alice to Bob with the CSeq 1."""
    return make_request(
        method,
        "sip:bob@127.0.0.1",
        via=via,
        from_="<sip:alice@127.0.0.1>;tag=a",
        to="<sip:bob@127.0.0.1>" + (f";tag={to_tag}" if to_tag else ""),
        call_id="c",
        cseq=1,
    )
