"""RFC 4475 3.1.2: messages that are wrong."""

from __future__ import annotations

from tests.data.torture.case import SDP, Case, request, response

CASES = (
    Case(
        "badinv01", "3.1.2.1",
        request(
            "badinv01", b"INVITE", b"Via: SIP/2.0/UDP 192.0.2.15;;,;,,",
            b'Contact: "Joe" <sip:joe@example.org>;;;;', b"Content-Type: application/sdp",
            b"Content-Length: %d" % len(SDP), body=SDP,
        ),
        400,
    ),
    Case("clerr", "3.1.2.2", request("clerr", b"INVITE", b"Content-Length: 9999", body=SDP), 400, framed=False),
    Case("ncl", "3.1.2.3", request("ncl", b"INVITE", b"Content-Length: -999", body=SDP), 400, framed=False),
    Case(
        "scalar02", "3.1.2.4",
        request(
            "scalar02", b"REGISTER", b"CSeq: 36893488147419103232 REGISTER", b"Max-Forwards: 300",
            b"Expires: 1" + b"0" * 100, b"Contact: <sip:carol@host.example.com>\r\n  ;expires=280297596632815",
            uri=b"sip:example.com",
        ),
        400, (b"CSeq: 36893488147419103232 REGISTER",),
    ),
    Case(
        "scalarlg", "3.1.2.5",
        response(
            "scalarlg", b"SIP/2.0 503 Service Unavailable", b"CSeq: 9292394834772304023312 OPTIONS",
            b"Retry-After: 949302838503028349304023988", b'Warning: 1812 overture "In Progress"',
        ),
        None,
    ),
    Case("quotbal", "3.1.2.6", request("quotbal", b"INVITE", b'To: "Mr. User <sip:dave@example.com>', body=SDP), 400),
    Case("ltgtruri", "3.1.2.7", request("ltgtruri", b"INVITE", uri=b"<sip:dave@example.com>", body=SDP), 400),
    Case("lwsruri", "3.1.2.8", request("lwsruri", b"INVITE", uri=b"sip:dave@example.com; lr", body=SDP), 400),
    Case("lwsstart", "3.1.2.9", request("lwsstart", b"INVITE", uri=b" sip:dave@example.com ", body=SDP), 400),
    Case("trws", "3.1.2.10", request("trws", b"OPTIONS", version=b" SIP/2.0  "), 400),
    Case(
        "escruri", "3.1.2.11",
        request("escruri", b"INVITE", uri=b"sip:dave@example.com?Route=%3Csip:example.com%3E", body=SDP), 400,
    ),
    Case("baddate", "3.1.2.12", request("baddate", b"INVITE", b"Date: Fri, 01 Jan 2010 16:00:00 EST", body=SDP), 486),
    Case(
        "regbadct", "3.1.2.13",
        request(
            "regbadct", b"REGISTER", b"Contact: sip:carol@example.com?Route=%3Csip:sip.example.com%3E",
            uri=b"sip:example.com",
        ),
        400,
    ),
    Case(
        "badaspec", "3.1.2.14",
        request("badaspec", b"OPTIONS", b'To: "Watson, Thomas" < sip:dave@example.org >'), 400,
    ),
    Case(
        "baddn", "3.1.2.15",
        request(
            "baddn", b"OPTIONS", b"From:    Bell, Alexander <sip:carol@example.com>;tag=43",
            b"To:      Watson, Thomas <sip:dave@example.org>",
        ),
        400,
    ),
    Case(
        "baddn-open", "3.1.2.15",
        request("baddn-open", b"OPTIONS", b"From:    Bell, Alexander <sip:carol@example.com>;tag=43", end=b"\r\n"),
        400, framed=False,
    ),
    Case(
        "badvers", "3.1.2.16",
        request(
            "badvers", b"OPTIONS", b"Via:     SIP/7.0/UDP host.example.net;branch=z9hG4bK-badvers", version=b" SIP/7.0"
        ),
        505,
    ),
    Case("mismatch01", "3.1.2.17", request("mismatch01", b"OPTIONS", b"CSeq: 8 INVITE"), 400),
    Case("mismatch02", "3.1.2.18", request("mismatch02", b"NEWMETHOD", b"CSeq: 8 INVITE", body=SDP), 400),
    Case("bigcode", "3.1.2.19", response("bigcode", b"SIP/2.0 4294967301 better not break the receiver"), None),
)  # fmt: skip
