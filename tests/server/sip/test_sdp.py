import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.sdp import MAX_MEDIA, held_answer, origin_of, with_origin

OFFER = (
    b"v=0\r\n"
    b"o=alice 2890844526 3 IN IP4 10.0.0.1\r\n"
    b"s=call\r\n"
    b"c=IN IP4 10.0.0.1\r\n"
    b"t=3034423619 3042462419\r\n"
    b"a=tool:x\r\n"
    b"m=audio 49170 RTP/AVP 0 96\r\n"
    b"a=rtpmap:96 opus/48000/2\r\n"
    b"a=fmtp:96 useinbandfec=1\r\n"
    b"a=sendrecv\r\n"
    b"m=video 0 RTP/AVP 31\r\n"
    b"m=audio 49180/2 RTP/AVP 8\r\n"
    b"a=mid:two\r\n"
    b"a=candidate:1 1 UDP 1 10.0.0.1 49180 typ host\r\n"
)


def test_D11_holding_answer_accepts_every_stream_and_lets_nothing_flow() -> None:
    assert held_answer(OFFER, "10.0.0.9") == (
        b"v=0\r\n"
        b"o=- 2890844526 1 IN IP4 10.0.0.9\r\n"
        b"s=-\r\n"
        b"c=IN IP4 0.0.0.0\r\n"
        b"t=3034423619 3042462419\r\n"
        b"m=audio 9 RTP/AVP 0 96\r\n"
        b"a=inactive\r\n"
        b"a=rtpmap:96 opus/48000/2\r\n"
        b"a=fmtp:96 useinbandfec=1\r\n"
        b"m=video 0 RTP/AVP 31\r\n"
        b"a=inactive\r\n"
        b"m=audio 9 RTP/AVP 8\r\n"
        b"a=inactive\r\n"
        b"a=mid:two\r\n"
    )


def test_holding_answer_names_an_ipv6_address_as_such() -> None:
    assert b"o=- 2890844526 1 IN IP6 ::1\r\n" in held_answer(OFFER, "[::1]")


def test_offer_without_times_or_streams_gets_an_answer_that_is_still_sdp() -> None:
    assert held_answer(b"v=0\n", "h") == b"v=0\r\no=- 0 1 IN IP4 h\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"


def test_offer_with_too_many_streams_is_refused() -> None:
    most = b"m=audio 1 RTP/AVP 0\r\n" * MAX_MEDIA

    assert held_answer(most, "h").count(b"m=audio 9 RTP/AVP 0") == MAX_MEDIA
    with pytest.raises(ValueError, match="64"):
        held_answer(most + b"m=audio 1 RTP/AVP 0\r\n", "h")


def test_other_origin_changes_one_line_and_keeps_all_others_in_order() -> None:
    changed = with_origin(OFFER, "-", "17", 2, "10.0.0.9")

    assert changed == OFFER.replace(b"o=alice 2890844526 3 IN IP4 10.0.0.1", b"o=- 17 2 IN IP4 10.0.0.9")


def test_bytes_that_are_no_text_pass_unchanged() -> None:
    assert with_origin(b"o=a 1 1 IN IP4 h\ns=\xff\xfe\n", "-", "1", 2, "h") == b"o=- 1 2 IN IP4 h\r\ns=\xff\xfe\r\n"


@pytest.mark.parametrize(
    ("sdp", "origin"),
    [
        (OFFER, ("alice", "2890844526", "3")),
        (b"v=0\r\no=alice\r\n", ("alice", "0", "0")),
        (b"o=\n", ("0", "0", "0")),
        (b"v=0\r\n", ("-", "0", "0")),
        (b"", ("-", "0", "0")),
    ],
)
def test_origin_is_read_from_whatever_there_is(sdp: bytes, origin: tuple[str, str, str]) -> None:
    assert origin_of(sdp) == origin


def test_origin_that_was_set_is_read_back() -> None:
    assert origin_of(with_origin(OFFER, "us", "17", 4, "h")) == ("us", "17", "4")


@given(st.lists(st.sampled_from([*OFFER.split(b"\r\n"), b"m=", b"m=x", b"o=", b"\xff", b"a=rtpmap:"]), max_size=40))
def test_D11_answer_to_any_offer_has_as_many_streams(lines: list[bytes]) -> None:
    streams = sum(line.startswith(b"m=") for line in lines)

    answer = held_answer(b"\n".join(lines), "h").split(b"\r\n")

    assert sum(line.startswith(b"m=") for line in answer) == streams
    assert answer.count(b"a=inactive") == streams
