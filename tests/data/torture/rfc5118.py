"""RFC 5118: IPv6 addresses in SIP."""

from __future__ import annotations

from tests.data.torture.case import Case, request

SDP6 = b"v=0\r\no=carol 971731711 971731711 IN IP6 2001:db8::20\r\ns=-\r\n%st=0 0\r\nm=audio 6000 RTP/AVP 0 2\r\n%s"
ONE = SDP6 % (b"c=IN IP6 2001:db8::20\r\n", b"m=video 6024 RTP/AVP 107\r\na=rtpmap:107 H263-1998/90000\r\n")
SEVERAL = SDP6 % (
    b"", b"c=IN IP6 2001:db8::1\r\nm=video 6024 RTP/AVP 107\r\nc=IN IP4 192.0.2.1\r\na=rtpmap:107 H263-1998/90000\r\n",
)  # fmt: skip
MAPPED = SDP6 % (b"c=IN IP6 ::ffff:192.0.2.2\r\n", b"")


def _invite(name: str, body: bytes, *own: bytes, uri: bytes = b"sip:dave@[2001:db8::10]") -> bytes:
    return request(
        name, b"INVITE", b"Content-Type: application/sdp", b"Content-Length: %d" % len(body), *own, uri=uri, body=body
    )


def _register(name: str, uri: bytes) -> bytes:
    return request(
        name, b"REGISTER", b"Contact: <sip:carol@[2001:db8::1]>",
        b"Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK-" + name.encode(), uri=uri,
    )  # fmt: skip


def _bye(name: str, *vias: bytes) -> bytes:
    return request(name, b"BYE", b"To: <sip:dave@example.com>;tag=bd76ya", *vias, uri=b"sip:dave@[2001:db8::10]")


CASES = (
    Case("ipv6-good", "4.1", _register("ipv6-good", b"sip:[2001:db8::10]"), 200, (b"sip:carol@[2001:db8::1]",)),
    Case("ipv6-bad", "4.2", _register("ipv6-bad", b"sip:2001:db8::10"), 400),
    Case("port-ambiguous", "4.3", _register("port-ambiguous", b"sip:[2001:db8::10:5070]"), 200),
    Case("port-unambiguous", "4.4", _register("port-unambiguous", b"sip:[2001:db8::10]:5070"), 200),
    Case(
        "via-received-brackets", "4.5",
        _bye("via-6b", b"Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bK-via-6b"),
        481, (b"SIP/2.0/UDP [2001:db8::9:1]",), (b"2001:db8::9:255",),
    ),
    Case(
        "via-received", "4.5",
        _bye("via-6n", b"Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bK-via-6n"),
        481, (b"SIP/2.0/UDP [2001:db8::9:1]",), (b"2001:db8::9:255",),
    ),
    Case("ipv6-in-sdp", "4.6", _invite("ipv6-in-sdp", ONE), 486),
    Case(
        "mult-ip-in-header", "4.7",
        _bye(
            "mult-ip", b"Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK-m1\r\nVia: SIP/2.0/TCP [2001:db8::9:255]"
            b";branch=z9hG4bK-m2\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-m3",
        ),
        481, (b"SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK-m2", b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-m3"),
    ),
    Case("mult-ip-in-sdp", "4.8", _invite("mult-ip-in-sdp", SEVERAL), 486),
    Case(
        "ipv4-mapped", "4.9",
        _invite(
            "ipv4-mapped", MAPPED, b'Contact: "T. desk phone" <sip:carol@[::ffff:192.0.2.2]>',
            b"Via: SIP/2.0/UDP [::ffff:192.0.2.10];branch=z9hG4bK-mapped\r\nVia: SIP/2.0/UDP [::ffff:192.0.2.2]"
            b";branch=z9hG4bK-mapped2",
            uri=b"sip:dave@example.com",
        ),
        486, (b"[::ffff:192.0.2.10]", b"[::ffff:192.0.2.2];branch=z9hG4bK-mapped2"),
    ),
    Case(
        "abnf-three-colons", "4.10",
        request(
            "three-colons", b"OPTIONS", b"To: sip:dave@[2001:db8:::192.0.2.1]", uri=b"sip:dave@[2001:db8:::192.0.2.1]"
        ),
        200,
    ),
    Case(
        "abnf-two-colons", "4.10",
        request(
            "two-colons", b"OPTIONS", b"To: sip:dave@[2001:db8::192.0.2.1]", uri=b"sip:dave@[2001:db8::192.0.2.1]"
        ),
        200,
    ),
)  # fmt: skip
