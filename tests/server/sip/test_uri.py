import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.uri import OtherUri, SipUri, TelUri, escape_user, parse_uri, split_host_port, unescape, uris_equal


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice@atlanta.com",
        "sip:alice:secret@atlanta.com;transport=tcp",
        "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sip:1212@gateway.com",
        "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
        "sip:alice;day=tuesday@atlanta.com",
        "sip:[2001:db8::10]:5070",
    ],
)
def test_uri_of_the_rfc_prints_as_it_was_written(text: str) -> None:
    assert str(parse_uri(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "alice", "sip:", "sip:@host", "sip:a@b@c", "sip:host:70000", "sip:ho st", "sip:a@b\r\nX: y", ":x", "1sip:a",
        "s p:a", "sip:a@b@c;x", "sip:a\x7f@b", "sip:[::1", "sip:[::1]x", "sip:[::1]:", "sip:[1:2]", "sip:h:",
        "sip:h:1:2", "sip:-h", "sip:h;=x", "sip:h;a=1;a=2", "tel:\x00", "sip:\ud800@h", "tel:", "tel:+",
        "tel:+a", "tel:1x", "tel:;ext=1", "sip:[:::1]", "sip:[fe80::1%25eth0]", "sip:[::ffff:1.2.3.256]",
        "sip:h;(<x>)=1",
    ],
)  # fmt: skip
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_uri(text)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", True),
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", False),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", False),
        ("sip:biloxi.com", "sip:bob@biloxi.com", False),
        ("sip:bob:x@biloxi.com", "sip:bob:%78@biloxi.com", True),
        ("sip:biloxi.com;security=on", "sip:biloxi.com;security=off", False),
        ("sip:biloxi.com?a=b&c=%64", "sip:biloxi.com?C=d&a=b", True),
        ("sip:biloxi.com?a=b", "sip:biloxi.com", False),
        ("tel:+1", "TEL:+1", True),
        ("tel:+1", "sip:1@a", False),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            True,
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            True,
        ),
        ("sip:bob@biloxi.com:6000", "sip:bob@biloxi.com:6000;transport=tcp", False),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", False),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", False),
        ("sip:bob@phone21.boxesbybob.com", "sips:bob@phone21.boxesbybob.com", False),
        ("sip:a%3bb@h", "sip:a%3Bb@h", True),
        ("sip:a%3bb@h", "sip:a;b@h", False),
        ("sip:value%2541@h", "sip:valueA@h", False),
        ("sip:a@[2001:DB8:0:0::1]", "sip:a@[2001:db8::1]", True),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:db8::2]", False),
        ("sip:a@h;user=phone", "sip:a@h", False),
        ("sip:a@h;maddr=192.0.2.1", "sip:a@h", False),
        ("tel:+1-201-555-0123", "tel:+1(201)555.0123", True),
        ("tel:+12015550123;ext=12;isub=A", "tel:+12015550123;ISUB=a;ext=1-2", True),
        ("tel:863-1234;phone-context=+1-914-555", "tel:8631234;phone-context=+1914555", True),
        ("tel:863-1234;phone-context=example.com", "tel:863-1234", False),
        ("urn:service:sos", "URN:service:sos", True),
        ("http://a/B", "http://a/b", False),
    ],
)
def test_G3_uris_compare_as_the_rfc_says(one: str, other: str, equal: bool) -> None:
    assert uris_equal(parse_uri(one), parse_uri(other)) is equal


def test_telephone_number_is_read() -> None:
    uri = parse_uri("tel:+1-201-555-0123;ext=7")

    assert isinstance(uri, TelUri)
    assert (uri.digits(), uri.is_global, uri.params) == ("+12015550123", True, {"ext": "7"})
    assert str(uri) == "tel:+1-201-555-0123;ext=7"
    assert not TelUri("*21#").is_global


@pytest.mark.parametrize(
    "host", ["[::]", "[::1]", "[1:2:3:4:5:6:7:8]", "[::ffff:192.0.2.1]", "[1::8]", "[64:ff9b::192.0.2.33]"]
)
def test_G7_ipv6_addresses_of_the_corrected_grammar_are_read(host: str) -> None:
    uri = parse_uri(f"sip:a@{host}:5060")

    assert isinstance(uri, SipUri)
    assert (uri.host, uri.port) == (host, 5060)


def test_G6_third_colon_before_a_dotted_quad_is_tolerated() -> None:
    old, new = parse_uri("sip:user@[2001:db8:::192.0.2.1]"), parse_uri("sip:user@[2001:db8::192.0.2.1]")

    assert uris_equal(old, new)
    assert str(old) == "sip:user@[2001:db8:::192.0.2.1]"


@pytest.mark.parametrize(
    "host",
    [
        "[2001:db8::::192.0.2.1]",
        "[2001::db8:::192.0.2.1]",
        "[::1",
        "[1:2:3:4:5:6:7:8::]",
        "[1:::8]",
        "[1:2]",
        "[::192.0.2]",
        "[]",
        "[12345::]",
    ],
)
def test_G7_what_is_no_ipv6_address_is_refused(host: str) -> None:
    with pytest.raises(ValueError):
        parse_uri(f"sip:a@{host}")


def test_long_uri_is_read_like_a_short_one() -> None:
    text = f"sip:{'a' * 300}@h"

    assert str(parse_uri(text)) == text


def test_other_schemes_are_kept() -> None:
    assert parse_uri("tel:+49301234") == TelUri("+49301234")
    assert parse_uri("urn:service:sos") == OtherUri("urn", "service:sos")
    assert str(parse_uri("URN:service:sos")) == "urn:service:sos"


def test_address_of_record_is_one_spelling() -> None:
    uri = parse_uri("sip:%61lice@AtLanTa.CoM:5070;transport=tcp")

    assert isinstance(uri, SipUri)
    assert uri.address_of_record() == "sip:alice@atlanta.com"


def test_address_of_record_is_a_uri_again() -> None:
    uri = parse_uri("sip:a%40b%00c@host")

    assert isinstance(uri, SipUri)
    assert uri.address_of_record() == "sip:a%40b%00c@host"
    assert parse_uri("sips:HOST").address_of_record() == "sips:host"  # type: ignore[union-attr]


def test_users_that_differ_in_bytes_that_are_no_text_stay_apart() -> None:
    assert not uris_equal(parse_uri("sip:%fe@a"), parse_uri("sip:%ff@a"))


def test_host_and_port_of_an_ipv6_address() -> None:
    assert split_host_port("[2001:db8::1]:5070") == ("[2001:db8::1]", 5070)
    assert split_host_port("[2001:db8::1]") == ("[2001:db8::1]", None)


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1))
def test_any_text_can_be_the_user_part(text: str) -> None:
    uri = parse_uri(f"sip:{escape_user(text)}@example.com")

    assert isinstance(uri, SipUri)
    assert unescape(uri.user or "") == text


WORDS = st.text("abcXYZ019-_.~", min_size=1, max_size=8)
URIS = st.builds(
    SipUri,
    st.sampled_from(["sip", "sips"]),
    WORDS,
    st.none() | WORDS,
    st.sampled_from(["a", "example.com", "192.0.2.1", "[2001:db8::1]"]),
    st.none() | st.integers(0, 65_535),
    st.dictionaries(st.text("abcxyz", min_size=1, max_size=4), st.none() | WORDS, max_size=3),
    st.sampled_from(["", "a=b", "a=b&c=d"]),
)


@given(URIS)
def test_written_uri_reads_the_same(uri: SipUri) -> None:
    assert parse_uri(str(uri)) == uri
    assert uris_equal(parse_uri(str(uri)), uri)


@given(st.text(max_size=40))
def test_any_text_is_a_uri_or_a_value_error(text: str) -> None:
    for prefix in ("", "sip:"):
        try:
            parse_uri(prefix + text)
        except ValueError:
            continue
