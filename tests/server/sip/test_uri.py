import pytest

from server.sip.uri import OtherUri, SipUri, TelUri, parse_uri, uris_equal


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
    "text", ["", "alice", "sip:", "sip:@host", "sip:a@b@c", "sip:host:70000", "sip:ho st", "sip:a@b\r\nX: y", ":x"]
)
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
    ],
)
def test_G3_uris_compare_as_the_rfc_says(one: str, other: str, equal: bool) -> None:
    assert uris_equal(parse_uri(one), parse_uri(other)) is equal


def test_other_schemes_are_kept() -> None:
    assert parse_uri("tel:+49301234") == TelUri("+49301234")
    assert parse_uri("urn:service:sos") == OtherUri("urn", "service:sos")


def test_address_of_record_is_one_spelling() -> None:
    uri = parse_uri("sip:%61lice@AtLanTa.CoM:5070;transport=tcp")

    assert isinstance(uri, SipUri)
    assert uri.address_of_record() == "sip:alice@atlanta.com"
