"""RFC 4475 3.1.1: messages that look wrong and are right."""

from __future__ import annotations

from tests.data.torture.case import SDP, Case, message, request, response

MIXED = (
    b"--7a9cbec02\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nHello\r\n"
    b"--7a9cbec02\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"0\x82\x01\x00\r\n\x00\r\n\r\n\xff\xfe--7a9\r\n--7a9cbec02--\r\n"
)
METHOD = b"!strange-Method0189_*+`.%indeed'~"
LONG = b"extremely" * 20

CASES = (
    Case(
        "wsinv", "3.1.1.1",
        message(
            b"INVITE sip:dave@example.com;unknownparam SIP/2.0", b"TO :", b" sip:dave@example.com ;   tag    = 1918n",
            b'from   : "C \\\\\\""       <sip:carol@example.net>', b"  ;", b"  tag = 98asjd8", b"MaX-fOrWaRdS: 0068",
            b"Call-ID: wsinv@192.0.2.1", b"Content-Length   : %d" % len(SDP), b"cseq: 0009", b"  INVITE",
            b"Via  : SIP  /   2.0", b" /UDP", b"    192.0.2.2;branch=390skdjuw", b"s :",
            b"NewFangledHeader:   newfangled value", b" continued newfangled value",
            b"UnknownHeaderWithUnusualValue: ;;,,;;,;", b"Content-Type: application/sdp", b"Route:",
            b" <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
            b"v:  SIP  / 2.0  / TCP     spindle.example.com   ;", b"  branch  =   z9hG4bK9ikj8  ,",
            b" SIP  /    2.0   / UDP  192.168.255.111   ; branch=", b" z9hG4bK30239",
            b'm:"Quoted string \\"\\"" <sip:carol@example.net> ; newparam =',
            b"      newvalue ;", b"  secondparam ; q = 0.33",
            body=SDP,
        ),
        481, (b"branch=390skdjuw", b"wsinv@192.0.2.1", b"branch  =   z9hG4bK9ikj8", b"tag = 98asjd8"),
    ),
    Case(
        "intmeth", "3.1.1.2",
        request(
            "intmeth", METHOD,
            b"Via: SIP/2.0/UDP host1.example.net;branch=z9hG4bK-.!%66*_+`'~",
            b'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_odd.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>',
            b"From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>"
            + ";fromParam''~+*_!.-%=\"работающий\"".encode() + b";tag=_token~1'+`*%!-.",
            b"Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
            b"Max-Forwards: 255",
            b"extensionHeader-!.%*+_`'~:" + "﻿大停電".encode(),
            uri=b"sip:1_odd.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        ),
        405, (b"CSeq: 11 " + METHOD, b"Allow: "),
    ),
    Case(
        "esc01", "3.1.1.3",
        request(
            "esc01", b"INVITE", b"To: sip:%64av%65@example.com", b"From: <sip:I%20have%20spaces@example.net>;tag=938",
            b"Contact: <sip:c%61rol@host.example.net;%6C%72;n%61me=v%61lue%25%34%31>",
            uri=b"sip:sips%3Adave%40example.com@example.net", body=SDP,
        ),
        486, (b"sip:%64av%65@example.com", b"sip:I%20have%20spaces@example.net"),
    ),
    Case(
        "escnull", "3.1.1.4",
        request(
            "escnull", b"REGISTER", b"To: sip:null-%00-null@example.com",
            b"From: sip:null-%00-null@example.com;tag=839",
            b"Contact: <sip:%00@host5.example.com>\r\nContact: <sip:%00%00@host5.example.com>", uri=b"sip:example.com",
        ),
        200, (b"<sip:%00@host5.example.com>", b"<sip:%00%00@host5.example.com>"),
    ),
    Case(
        "esc02", "3.1.1.5",
        request(
            "esc02", b"RE%47IST%45R", b'To: "%Z%45" <sip:resource@example.com>',
            b'From: "%Z%45" <sip:resource@example.com>;tag=f232',
            b"Via: SIP/2.0/UDP host.example.com;branch=z9hG4bK209%fzsnel234",
            b"Contact: <sip:alias1@host1.example.com>\r\nC%6Fntact: <sip:alias2@host2.example.com>",
            uri=b"sip:example.com",
        ),
        405, (b'From: "%Z%45" <sip:resource@example.com>', b"CSeq: 11 RE%47IST%45R"),
    ),
    Case("lwsdisp", "3.1.1.6", request("lwsdisp", b"OPTIONS", b"From: caller<sip:carol@example.com>;tag=323"), 200),
    Case(
        "longreq", "3.1.1.7",
        request(
            "longreq", b"INVITE",
            b'To: "I have a user name of ' + LONG + b' proportion"<sip:dave@example.com:6000;unknownparam1='
            + LONG + b";longparam" + LONG + b"=shortvalue;verylonglonglong" + LONG + b">",
            b"F: sip:" + LONG + b"name@example.net;tag=" + b"12982" * 40 + b";unknownheaderparamname" + LONG + b"="
            + LONG + b";unknownValuelessparam" + LONG,
            b"Call-ID: longreq.one" + b"really" * 20 + b"longcallid",
            b"Unknown-" + b"Long" * 20 + b"-Name: " + b"unknown" * 40 + b"; unknown-" + LONG + b"-param=" + LONG,
            b"\r\n".join(
                (b"Via", b"v", b"V", b"ViA", b"VIa", b"via", b"v ", b"V  ")[at % 8]
                + b": SIP/2.0/%s sip%d.example.com%s"
                % ((b"TCP", b"UDP")[at == 33], at, b";branch=z9hG4bK-longreq" if at == 33 else b"")
                for at in range(33, 0, -1)
            )
            + b"\r\nVia: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very" + LONG,
            b"Contact: <sip:" + LONG + b"@host5.example.net>",
            without=(b"From",), body=SDP,
        ),
        486, (b"12982" * 40, b"longcallid", b"sip1.example.com", b"branch=very" + LONG),
    ),
    Case(
        "dblreq", "3.1.1.8",
        request("dblreq", b"REGISTER", b"Contact: sip:carol@host.example.com", uri=b"sip:example.com")
        + b"\r\n" + request("dblreq2", b"INVITE", body=SDP),
        200, (b"dblreq@",), (b"dblreq2",),
    ),
    Case("semiuri", "3.1.1.9", request("semiuri", b"OPTIONS", uri=b"sip:user;par=u%40example.net@example.com"), 200),
    Case(
        "transports", "3.1.1.10",
        request(
            "transports", b"OPTIONS",
            b"Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bK-tr1",
            b"Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bK-tr2",
            b"Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK-tr3",
            b"Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bK-tr4",
            b"Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK-tr5",
        ),
        200, (b"SIP/2.0/SCTP t2.", b"SIP/2.0/TLS t3.", b"SIP/2.0/UNKNOWN t4.", b"SIP/2.0/TCP t5."),
    ),
    Case(
        "mpart01", "3.1.1.11",
        request(
            "mpart01", b"MESSAGE", b"Content-Type: multipart/mixed;boundary=7a9cbec02",
            b"Content-Length: %d" % len(MIXED), body=MIXED,
        ),
        200, (b"X-Body-Length: %d" % len(MIXED),),
    ),
    Case(
        "unreason", "3.1.1.12",
        response("unreason", "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое".encode(), body=SDP), None,
    ),
    Case("noreason", "3.1.1.13", response("noreason", b"SIP/2.0 100 "), None),
)  # fmt: skip
