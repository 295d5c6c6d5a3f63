"""RFC 4475 3.2 to 3.4: what the transaction layer, the application layer and backward compatibility are tried with."""

from __future__ import annotations

from tests.data.torture.case import SDP, Case, message, request, response

DOMAIN = b"sip:example.com"
UNKNOWN = b'<audio>\r\n <pcmu port="443"/>\r\n</audio>\r\n'

CASES = (
    Case("badbranch", "3.2.1", request("badbranch", b"OPTIONS", b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"), 400),
    Case(
        "insuf", "3.3.1",
        request("insuf", b"INVITE", without=(b"Call-ID", b"From", b"To"), body=SDP),
        400, (b"branch=z9hG4bK-insuf",), (b"Call-ID:", b"From:", b"To:"),
    ),
    Case(
        "unkscm", "3.3.2", request("unkscm", b"OPTIONS", uri=b"nobodyKnowsThisScheme:totallyopaquecontent"), 416,
    ),
    Case(
        "novelsc", "3.3.3", request("novelsc", b"OPTIONS", uri=b"soap.beep://192.0.2.103:3002"), 416,
    ),
    Case(
        "unksm2", "3.3.4",
        request(
            "unksm2", b"REGISTER", b"To: isbn:2983792873", b"From: <http://www.example.com>;tag=3234",
            b"Contact: <name:John_Smith>", uri=DOMAIN,
        ),
        400,
    ),
    Case(
        "bext01", "3.3.5",
        request(
            "bext01", b"OPTIONS", b"Require: nothingSupportsThis, nothingSupportsThisEither",
            b"Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis",
        ),
        420, (b"Unsupported: nothingSupportsThis, nothingSupportsThisEither",),
    ),
    Case(
        "invut", "3.3.6",
        request(
            "invut", b"INVITE", b"Content-Type: application/unknownformat", b"Content-Length: %d" % len(UNKNOWN),
            body=UNKNOWN,
        ),
        415, (b"Accept: application/sdp",),
    ),
    Case(
        "regaut01", "3.3.7",
        request("regaut01", b"REGISTER", b"Authorization: NoOneKnowsThisScheme opaque-data=here", uri=DOMAIN), 200,
    ),
    Case(
        "multi01", "3.3.8",
        request(
            "multi01", b"INVITE",
            b"CSeq: 5 INVITE\r\nCall-ID: multi01@host.example.net\r\nCSeq: 59 INVITE\r\nCall-ID: multi01@192.0.2.2",
            b"Call-ID: multi01@192.0.2.3", b"From: <sip:carol@example.com>;tag=3\r\nFrom: <sip:erin@example.net>;tag=4",
            b"To: <sip:dave@example.com>\r\nTo: <sip:frank@example.net>", b"Max-Forwards: 70\r\nMax-Forwards: 5",
            body=SDP,
        ),
        400,
    ),
    Case(
        "mcl01", "3.3.9",
        request(
            "mcl01", b"OPTIONS", b"Content-Length: 13\r\nContent-Length: 5",
            body=b"There's no way to know how many octets are supposed to be here.\r\n",
        ),
        400, framed=False,
    ),
    Case(
        "bcast", "3.3.10",
        response(
            "bcast", b"SIP/2.0 200 OK",
            b"Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK-bcast\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK-b",
            body=SDP,
        ),
        None,
    ),
    Case(
        "zeromf", "3.3.11", request("zeromf", b"OPTIONS", b"Max-Forwards: 0"), 200,
    ),
    Case(
        "cparam01", "3.3.12",
        request("cparam01", b"REGISTER", b"Contact: sip:+19725552222@gw1.example.net;unknownparam", uri=DOMAIN),
        200, (b"<sip:+19725552222@gw1.example.net>",),
    ),
    Case(
        "cparam02", "3.3.13",
        request("cparam02", b"REGISTER", b"Contact: <sip:+19725552222@gw2.example.net;unknownparam>", uri=DOMAIN),
        200, (b"<sip:+19725552222@gw2.example.net;unknownparam>",),
    ),
    Case(
        "regescrt", "3.3.14",
        request(
            "regescrt", b"REGISTER", b"M: <sip:carol@example.com?Route=%3Csip:sip.example.com%3E>", uri=DOMAIN,
        ),
        200, (b"<sip:carol@example.com?Route=%3Csip:sip.example.com%3E>",),
    ),
    Case("sdp01", "3.3.15", request("sdp01", b"INVITE", b"Accept: text/nobodyKnowsThis", body=SDP), 406),
    Case(
        "inv2543", "3.4.1",
        message(
            b"INVITE sip:dave@example.com SIP/2.0", b"Via: SIP/2.0/UDP gateway.example.com",
            b"From: <sip:+13035551111@client.example.net;user=phone>",
            b"Record-Route: <sip:dave@example.com;maddr=ss1.example.com>",
            b"To: sip:+16505552222@ss1.example.net;user=phone", b"Call-ID: inv2543@client.example.com",
            b"CSeq: 56 INVITE", b"Content-Type: application/sdp", body=SDP,
        ),
        486, framed=False,
    ),
)  # fmt: skip
