import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.sdp import (
    MAX_MEDIA,
    Media,
    answer_direction,
    check_answer,
    check_next_offer,
    common_formats,
    held_answer,
    hold,
    make_answer,
    origin_of,
    parse_sdp,
    with_origin,
)

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


ORIGIN = ("v=0", "o=- 7 1 IN IP4 10.0.0.9", "s=-", "c=IN IP4 10.0.0.9", "t=0 0")


def ours(stream: Media) -> Media | None:
    numbers = common_formats(stream, ("0", "opus/48000/2"))
    return Media((f"m={stream.kind} 5004 {stream.protocol} {' '.join(numbers)}", "a=x")) if numbers else None


def test_G13_description_goes_out_as_it_came() -> None:
    for data in (OFFER, b"v=0\r\ns=-\r\n", OFFER.replace(b"a=tool:x", b"x=what is this\r\na=\xff")):
        assert bytes(parse_sdp(data)) == data


def test_stream_is_read() -> None:
    first, second, third = parse_sdp(OFFER).media

    assert (first.kind, first.port, first.protocol, first.formats) == ("audio", 49170, "RTP/AVP", ("0", "96"))
    assert (first.encoding("96"), first.encoding("0")) == ("opus/48000/2", "0")
    assert (second.port, third.port, third.words[1]) == (0, 49180, "49180/2")
    assert parse_sdp(OFFER).connection(third) == "10.0.0.1"
    own = parse_sdp(b"v=0\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP6 ::1/127\r\n")
    assert own.connection(own.media[0]) == "::1"
    assert parse_sdp(b"v=0\r\n").connection(third) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"s=-\r\n",
        b"v=1\r\n",
        b"v=0\r\nx\r\n",
        b"v=0\r\nm=\r\n",
        b"v=0\r\nm=audio 1 RTP/AVP\r\n",
        b"v=0\r\nm=audio x RTP/AVP 0\r\n",
        b"v=0\r\nm=audio 65536 RTP/AVP 0\r\n",
        b"v=0\r\nm=audio 1/x RTP/AVP 0\r\n",
        b"v=0\r\nm= 1 RTP/AVP 0\r\n",
        b"v=0\r\nm =video 1 RTP/AVP 0\r\n",
        b"v=0\r\n" + b"m=a 1 b 0\r\n" * (MAX_MEDIA + 1),
    ],
)
def test_G13_what_is_no_description_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_sdp(data)


def test_D11_answer_takes_what_we_have_and_refuses_the_rest_at_its_place() -> None:
    offer = parse_sdp(OFFER)

    answer = make_answer(offer, ORIGIN, ours)

    assert bytes(answer) == (
        b"v=0\r\no=- 7 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=3034423619 3042462419\r\n"
        b"m=audio 5004 RTP/AVP 0 96\r\na=x\r\na=sendrecv\r\n"
        b"m=video 0 RTP/AVP 31\r\n"
        b"m=audio 0 RTP/AVP 8\r\n"
    )
    check_answer(offer, answer)
    assert bytes(make_answer(parse_sdp(b"v=0\r\n"), ORIGIN, ours)).endswith(b"t=0 0\r\n")


@pytest.mark.parametrize(
    ("offered", "wanted", "answered"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendrecv", "recvonly", "recvonly"),
        ("sendonly", "sendrecv", "recvonly"),
        ("recvonly", "sendrecv", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
        ("inactive", "sendrecv", "inactive"),
        ("sendrecv", "inactive", "inactive"),
        ("recvonly", "recvonly", "inactive"),
    ],
)
def test_D11_answer_never_gives_more_than_was_offered(offered: str, wanted: str, answered: str) -> None:
    assert answer_direction(offered, wanted) == answered

    offer = parse_sdp(OFFER).with_direction(offered)
    answer = make_answer(offer, ORIGIN, ours, wanted)
    assert answer.direction(answer.media[0]) == answered
    check_answer(offer, answer)


def test_D11_hold_changes_the_direction_lines_and_nothing_else() -> None:
    offer = parse_sdp(OFFER)

    held = hold(offer)

    assert bytes(held) == OFFER.replace(b"a=sendrecv", b"a=sendonly") + b"a=sendonly\r\n"
    assert held.is_held()
    assert not offer.is_held()
    assert bytes(hold(held.with_direction("recvonly"))).count(b"a=inactive") == 2
    assert held.with_direction("sendrecv").direction(held.media[0]) == "sendonly"


def test_D11_direction_of_the_session_holds_for_streams_without_one() -> None:
    sdp = parse_sdp(b"v=0\r\na=recvonly\r\nm=audio 1 RTP/AVP 0\r\nm=audio 1 RTP/AVP 0\r\na=inactive\r\na=sendonly\r\n")

    assert [sdp.direction(stream) for stream in sdp.media] == ["recvonly", "inactive"]
    assert sdp.media[1].with_direction("sendrecv").lines[1:] == ("a=sendrecv",)


def test_D11_old_way_of_holding_is_understood() -> None:
    assert parse_sdp(OFFER.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 0.0.0.0")).is_held()
    assert not parse_sdp(b"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 0 RTP/AVP 0\r\n").is_held()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"m=audio 0 RTP/AVP 8\r\n", b"", "2 streams answer 3"),
        (b"m=video 0", b"m=text 0", "stream 2: 'text' answers 'video'"),
        (b"m=video 0", b"m=video 9", "stream 2 was ended"),
        (b"a=recvonly", b"a=sendonly", "stream 1: sendonly answers sendonly"),
    ],
)
def test_D11_answer_that_does_not_fit_its_offer_is_told_apart(old: bytes, new: bytes, reason: str) -> None:
    offer = parse_sdp(OFFER.replace(b"a=sendrecv", b"a=sendonly"))
    answer = bytes(make_answer(offer, ORIGIN, ours))

    with pytest.raises(ValueError, match=reason):
        check_answer(offer, parse_sdp(answer.replace(old, new)))


def test_D11_next_offer_keeps_its_streams_and_counts_its_version() -> None:
    before = parse_sdp(OFFER)
    check_next_offer(before, before)
    check_next_offer(before, parse_sdp(with_origin(OFFER, "alice", "2890844526", 4, "h") + b"m=audio 1 RTP/AVP 0\r\n"))

    for bad in (
        with_origin(OFFER, "alice", "2890844526", 5, "h"),
        with_origin(OFFER, "alice", "1", 4, "h"),
        with_origin(OFFER, "alice", "2890844526", 4, "h").partition(b"m=video")[0],
        OFFER.replace(b"a=mid:two", b"a=mid:three"),
        OFFER.replace(b" 3 IN", b" x IN"),
    ):
        with pytest.raises(ValueError):
            check_next_offer(before, parse_sdp(bad))


@given(
    st.lists(st.sampled_from([*OFFER.split(b"\r\n")[1:-1], b"m=", b"\xff", b"a=sendonly", b"m=a 1 b c d"]), max_size=40)
)
def test_G13_any_lines_are_a_description_or_a_value_error(lines: list[bytes]) -> None:
    data = b"\r\n".join([b"v=0", *lines, b""])
    try:
        sdp = parse_sdp(data)
    except ValueError:
        return

    assert bytes(sdp) == data
    check_answer(sdp, make_answer(sdp, ORIGIN, ours))
    assert parse_sdp(bytes(hold(sdp))).media == hold(sdp).media


def test_F4_thousands_of_streams_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="64 streams"):
        parse_sdp(b"v=0\r\n" + b"m=audio 1 RTP/AVP 0\r\n" * 3_000)
