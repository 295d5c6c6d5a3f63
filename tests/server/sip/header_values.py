"""Values of every typed header, generated; and one line of each as an RFC has it."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from server.sip.headers import CSeq, NameAddr, Via
from server.sip.headers.credentials import AuthValue
from server.sip.headers.parameterized import DialogId, Parameterized, Seconds
from server.sip.headers.plain import RAck, Timestamp, WarningText

TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=10)
NAMES = st.text("abcxyz019-.", min_size=1, max_size=6)
TEXTS = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), max_size=12)
QUOTED = TEXTS.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
NUMBERS = st.integers(0, 2**32 - 1)
URIS = st.sampled_from(["sip:a@b", "sips:[::1]:5060;lr", "tel:+1-201", "sip:a;b,c@d?e=f", "http://h/p?q=1,2"])
CALL_IDS = st.text("abcXYZ019-.!%*_+`'~", min_size=1).flatmap(lambda one: st.sampled_from([one, f"{one}@host"]))


def params(*reserved: str) -> st.SearchStrategy[dict[str, str | None]]:
    """Return parameters of none of these names."""
    return st.dictionaries(NAMES.filter(lambda name: name not in reserved), st.none() | TOKENS | QUOTED, max_size=3)


def words(values: st.SearchStrategy[str]) -> st.SearchStrategy[Parameterized]:
    """Return words with parameters."""
    return st.builds(Parameterized, values, params())


ADDRESSES = st.builds(
    NameAddr, st.none() | TEXTS.map(lambda text: text.replace("\\", "").replace('"', "")), URIS, params("tag")
)
VIAS = st.builds(
    Via,
    st.sampled_from(["UDP", "TCP", "TLS", "SCTP", "WSS"]),
    st.sampled_from(["a", "example.com", "192.0.2.1", "[2001:db8::1]"]),
    st.none() | st.integers(0, 65_535),
    params("branch"),
)
DIALOGS = st.builds(
    DialogId,
    CALL_IDS,
    st.fixed_dictionaries({"to-tag": TOKENS, "from-tag": TOKENS}, optional={"early-only": st.none()}),
)
SECONDS = st.builds(
    Seconds,
    NUMBERS,
    params(),
    st.none() | st.text(st.characters(blacklist_categories=["Cc", "Cs"], blacklist_characters='();"<')),
)
AUTH = st.dictionaries(NAMES, TOKENS | QUOTED, min_size=1, max_size=4)
CREDENTIALS = st.builds(AuthValue, TOKENS, AUTH) | st.builds(
    AuthValue, TOKENS, st.just({}), st.text("abcXYZ019-._~+/", min_size=1)
)
LINES = TEXTS.map(lambda text: text.strip(" \t"))
MEDIA = words(st.builds("{}/{}".format, TOKENS, TOKENS))
LANGUAGES = words(st.sampled_from(["de", "en-gb", "*", "x-lojban"]))
TOKEN_WORDS = words(TOKENS)
RESOURCES = st.sampled_from(["dsn.flash", "wps.3", "q735.0"])
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31)).map(lambda m: m.replace(microsecond=0, tzinfo=UTC))

VALUES: dict[str, tuple[st.SearchStrategy[object], str]] = {
    "accept": (MEDIA, "application/sdp;level=1, application/x-private, text/html"),
    "accept-contact": (TOKEN_WORDS, '*;mobility="fixed";explicit'),
    "accept-encoding": (TOKEN_WORDS, "gzip;q=1.0, identity; q=0.5, *;q=0"),
    "accept-language": (LANGUAGES, "da, en-gb;q=0.8, en;q=0.7"),
    "accept-resource-priority": (RESOURCES, "dsn.flash-override, dsn.flash"),
    "alert-info": (ADDRESSES, "<http://www.example.com/sounds/moo.wav>"),
    "allow": (TOKENS, "INVITE, ACK, OPTIONS, CANCEL, BYE"),
    "allow-events": (TOKENS, "presence, spirits-INDPs"),
    "answer-mode": (TOKEN_WORDS, "Manual;require"),
    "authentication-info": (st.builds(AuthValue, st.just(""), AUTH), 'nextnonce="47364c23432d2e131a5fb210812c"'),
    "authorization": (CREDENTIALS, 'Digest username="Alice", realm="atlanta.com", nc=00000001'),
    "call-id": (CALL_IDS, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@biloxi.com"),
    "call-info": (
        ADDRESSES,
        "<http://wwww.example.com/alice/photo.jpg> ;purpose=icon, <http://e.com/a/> ;purpose=info",
    ),
    "contact": (ADDRESSES, '"Mr. Watson" <sip:watson@worcester.bell-telephone.com>;q=0.7; expires=3600'),
    "content-disposition": (TOKEN_WORDS, "session;handling=optional"),
    "content-encoding": (TOKENS, "gzip, tar"),
    "content-id": (LINES, "<target123@atlanta.example.com>"),
    "content-language": (LANGUAGES, "fr, en-GB"),
    "content-length": (NUMBERS, "349"),
    "content-type": (MEDIA, "text/html; charset=ISO-8859-4"),
    "cseq": (st.builds(CSeq, st.integers(0, 2**31 - 1), TOKENS), "4711 INVITE"),
    "date": (MOMENTS, "Sat, 13 Nov 2010 23:29:00 GMT"),
    "diversion": (ADDRESSES, "<sip:bob@example.com>;reason=user-busy"),
    "error-info": (ADDRESSES, "<sip:not-in-service-recording@atlanta.com>"),
    "event": (TOKEN_WORDS, "dialog;id=1"),
    "expires": (NUMBERS, "5"),
    "feature-caps": (TOKEN_WORDS, '*;+sip.607;+g.3gpp.x="a,b"'),
    "flow-timer": (NUMBERS, "126"),
    "from": (ADDRESSES, '"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s'),
    "geolocation": (ADDRESSES, "<cid:target123@atlanta.example.com>, <sips:3sdefrhy2jj7@lis.atlanta.example.com>"),
    "geolocation-error": (words(st.sampled_from(["100", "404"])), '400 ; code="Dereference Failure"'),
    "geolocation-routing": (words(st.sampled_from(["yes", "no"])), "yes"),
    "history-info": (ADDRESSES, "<sip:bob@atlanta.example.com?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1"),
    "identity": (
        words(st.text("abcXYZ019+/=._-", min_size=1)),
        "sv5CTo05KqpSmtHt;info=<https://b.org/c.cer>;alg=ES256",
    ),
    "info-package": (TOKEN_WORDS, "nortel-info"),
    "in-reply-to": (CALL_IDS, "70710@saturn.bell-tel.com, 17320@saturn.bell-tel.com"),
    "join": (DIALOGS, "12adf2f34456gs5;to-tag=12345;from-tag=54321"),
    "max-breadth": (NUMBERS, "60"),
    "max-forwards": (st.integers(0, 255), "6"),
    "mime-version": (st.sampled_from(["1.0", "2.11"]), "1.0"),
    "min-expires": (NUMBERS, "60"),
    "min-se": (SECONDS, "3600;lr"),
    "organization": (LINES, "Boxes by Bob"),
    "p-access-network-info": (TOKEN_WORDS, "3GPP-UTRAN-TDD; utran-cell-id-3gpp=234151D0FCE11"),
    "p-asserted-identity": (ADDRESSES, '"Cullen Jennings" <sip:fluffy@cisco.com>, tel:+14085264000'),
    "p-associated-uri": (ADDRESSES, "<sip:user1@home1.net>"),
    "p-called-party-id": (ADDRESSES, "sip:user1-business@example.com"),
    "p-early-media": (TOKENS, "supported, sendrecv"),
    "p-preferred-identity": (ADDRESSES, '"Cullen Jennings" <sip:fluffy@cisco.com>'),
    "p-profile-key": (ADDRESSES, "<sip:chatroom-!.*!@example.com>"),
    "p-visited-network-id": (words(TOKENS | QUOTED), '"Visited network number 1", other.net'),
    "path": (ADDRESSES, "<sip:P3.EXAMPLEHOME.COM;lr>,<sip:P1.EXAMPLEVISITED.COM;lr>"),
    "permission-missing": (ADDRESSES, "sip:C@example.com"),
    "priority": (TOKENS, "emergency"),
    "privacy": (
        st.lists(st.sampled_from(["id", "header", "session", "user", "none", "critical"]), min_size=1).map(tuple),
        "header;user;critical",
    ),
    "priv-answer-mode": (TOKEN_WORDS, "Auto"),
    "proxy-authenticate": (CREDENTIALS, 'Digest realm="atlanta.com",qop="auth",stale=FALSE, algorithm=MD5'),
    "proxy-authentication-info": (st.builds(AuthValue, st.just(""), AUTH), "qop=auth, nc=00000001"),
    "proxy-authorization": (CREDENTIALS, 'Digest username="Alice", realm="atlanta.com"'),
    "proxy-require": (TOKENS, "foo"),
    "rack": (st.builds(RAck, st.integers(1, 2**32 - 1), NUMBERS, TOKENS), "776656 1 INVITE"),
    "reason": (TOKEN_WORDS, 'SIP ;cause=200 ;text="Call completed elsewhere", Q.850 ;cause=16'),
    "record-route": (ADDRESSES, "<sip:server10.biloxi.com;lr>, <sip:bigbox3.site3.atlanta.com;lr>"),
    "recv-info": (TOKEN_WORDS, "P, R"),
    "referred-by": (ADDRESSES, '<sip:referror@referror.example>;cid="20398823.2UWQFN309shb3@referror.example"'),
    "refer-sub": (words(st.sampled_from(["true", "false"])), "false"),
    "refer-to": (ADDRESSES, "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345>"),
    "reject-contact": (TOKEN_WORDS, '*;actor="msg-taker";video'),
    "replaces": (DIALOGS, "425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only"),
    "reply-to": (ADDRESSES, "Bob <sip:bob@biloxi.com>"),
    "request-disposition": (TOKENS, "proxy, recurse, parallel"),
    "require": (TOKENS, "100rel"),
    "resource-priority": (RESOURCES, "wps.3, dsn.flash"),
    "retry-after": (SECONDS, "18000 (I'm in a meeting) ;duration=3600"),
    "route": (ADDRESSES, "<sip:bigbox3.site3.atlanta.com;lr>,<sip:server10.biloxi.com;lr>"),
    "rseq": (st.integers(1, 2**32 - 1), "988789"),
    "security-client": (TOKEN_WORDS, "ipsec-ike;q=0.1, tls;q=0.2"),
    "security-server": (TOKEN_WORDS, "tls;q=0.2"),
    "security-verify": (TOKEN_WORDS, "digest;d-qop=auth"),
    "server": (LINES, "HomeServer v2"),
    "service-route": (ADDRESSES, "<sip:P2.HOME.EXAMPLE.COM;lr>, <sip:HSP.HOME.EXAMPLE.COM;lr>"),
    "session-expires": (SECONDS, "4000;refresher=uac"),
    "session-id": (words(HEX), "ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2"),
    "sip-etag": (TOKENS, "dx200xyz"),
    "sip-if-match": (TOKENS, "dx200xyz"),
    "subject": (LINES, "Need more boxes"),
    "subscription-state": (TOKEN_WORDS, "terminated;reason=rejected;retry-after=5"),
    "supported": (TOKENS, "100rel, timer"),
    "suppress-if-match": (TOKENS, "*"),
    "target-dialog": (DIALOGS, "fa77as7dad8-sd98ajzz@host.example.com ;local-tag=kkaz- ;remote-tag=6544"),
    "timestamp": (
        st.builds(Timestamp, st.sampled_from(["54", "54.21", "0."]), st.sampled_from([None, "1", ".5", "1."])),
        "54 .25",
    ),
    "to": (ADDRESSES, "The Operator <sip:operator@cs.columbia.edu>;tag=287447"),
    "trigger-consent": (ADDRESSES, 'sip:123@relay.example.com;target-uri="sip:friends@relay.example.com"'),
    "unsupported": (TOKENS, "foo"),
    "user-agent": (LINES, "Softphone Beta1.5"),
    "user-to-user": (words(TOKENS | QUOTED), "56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar"),
    "via": (VIAS, "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1"),
    "warning": (
        st.builds(WarningText, st.integers(0, 999), st.sampled_from(["isi.edu", "a:5060"]), TEXTS),
        '307 isi.edu "Session parameter \'foo\' not understood", 301 isi.edu "x"',
    ),
    "www-authenticate": (CREDENTIALS, 'Digest realm="atlanta.com", domain="sip:boxesbybob.com", qop="auth"'),
}
