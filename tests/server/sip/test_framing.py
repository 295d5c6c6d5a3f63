import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.codec import parse_message
from server.sip.errors import MalformedMessageError
from server.sip.framing import PING, StreamFramer
from tests.server.sip.samples import INVITE


def test_T4_messages_come_out_whole_whatever_the_split() -> None:
    stream = INVITE + b"\r\n\r\n" + INVITE
    for at in range(len(stream)):
        framer = StreamFramer()

        found = framer.feed(stream[:at]) + framer.feed(stream[at:])

        assert found == [INVITE, PING, INVITE]
        assert not framer.pending


def test_byte_by_byte_is_the_same() -> None:
    framer = StreamFramer()

    found = [message for byte in INVITE + INVITE for message in framer.feed(bytes([byte]))]

    assert found == [INVITE, INVITE]


@pytest.mark.parametrize(
    "head",
    [
        b"A\r\nX: y\r\n\r\n",
        b"A\r\nl: 1\r\nContent-Length: 2\r\n\r\n",
        b"A\r\nl: x\r\n\r\n",
        b"A\r\nl: 99999999\r\n\r\n",
    ],
)
def test_stream_that_cannot_be_followed_is_given_up(head: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        StreamFramer().feed(head)


@pytest.mark.parametrize("line", [b"Content-Length\t:\r\n 4", b"L : \r\n\t4", b"X: y\r\n l: 9\r\nContent-Length: 4"])
def test_folded_length_is_read_as_the_codec_reads_it(line: bytes) -> None:
    data = INVITE.replace(b"Content-Length: 4", line)

    assert StreamFramer().feed(data + INVITE) == [data, INVITE]
    assert parse_message(data).body == b"body"


def test_head_without_an_end_is_given_up() -> None:
    with pytest.raises(MalformedMessageError):
        StreamFramer().feed(b"x" * 70_000)


def test_empty_line_before_a_message_is_skipped() -> None:
    framer = StreamFramer()

    assert framer.feed(b"\r\n") == []
    assert not framer.pending
    assert framer.feed(INVITE) == [INVITE]


def test_begun_message_is_pending() -> None:
    framer = StreamFramer()

    framer.feed(INVITE[:-1])

    assert framer.pending


def test_length_in_compact_form_and_repeated_is_followed() -> None:
    data = INVITE.replace(b"Content-Length: 4", b"l:4\r\nContent-Length : 4")

    assert StreamFramer().feed(data) == [data]


@given(st.binary(max_size=200))
def test_any_bytes_give_messages_or_the_declared_error(data: bytes) -> None:
    framer = StreamFramer()
    try:
        for byte in data:
            framer.feed(bytes([byte]))
    except MalformedMessageError:
        return


@given(st.lists(st.integers(1, 40), min_size=1))
def test_the_split_into_packets_changes_nothing(sizes: list[int]) -> None:
    stream, framer, found = INVITE + b"\r\n\r\n" + INVITE, StreamFramer(), []
    while stream:
        for size in sizes:
            found += framer.feed(stream[:size])
            stream = stream[size:]

    assert found == [INVITE, PING, INVITE]
