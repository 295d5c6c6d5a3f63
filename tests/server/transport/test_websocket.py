"""The server's end of a WebSocket as a value: bytes in, messages and bytes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.codec import MAX_MESSAGE
from server.transport.websocket import WebSocketChannel

HANDSHAKE = (
    b"GET /sip HTTP/1.1\r\nHost: server.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)
NO_MASK = bytes(4)


def opened() -> WebSocketChannel:
    channel = WebSocketChannel(())
    assert channel.feed(HANDSHAKE).answer.startswith(b"HTTP/1.1 101 ")
    return channel


def frame(opcode: int, data: bytes, *, last: bool = True) -> bytes:
    size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + len(data).to_bytes(2, "big")
    return bytes([0x80 * last | opcode]) + size + NO_MASK + data


def test_handshake_is_pending_until_it_is_done() -> None:
    channel = WebSocketChannel(())

    for at in range(len(HANDSHAKE) - 1):
        assert channel.feed(HANDSHAKE[at : at + 1]) == ([], b"", 0)
        assert channel.pending
    channel.feed(HANDSHAKE[-1:])

    assert not channel.pending
    assert not channel.over


def test_message_comes_byte_by_byte() -> None:
    channel = opened()
    data = b"OPTIONS sip:a SIP/2.0\r\n\r\n"
    stream = frame(1, data[:9], last=False) + frame(0, data[9:])

    found = [message for at in range(len(stream)) for message in channel.feed(stream[at : at + 1]).messages]

    assert found == [data]
    assert not channel.pending


def test_message_in_many_pieces_is_bounded_and_costs_no_more_than_its_bytes() -> None:
    channel = opened()
    channel.feed(frame(1, b"x", last=False))

    for _ in range(20):
        channel.feed(frame(0, b"", last=False) * 50)
    small = channel.over
    for _ in range(MAX_MESSAGE // 100 + 1):
        channel.feed(frame(0, b"x" * 100, last=False))

    assert not small
    assert channel.over


def test_binary_body_goes_out_as_bytes_and_text_as_text() -> None:
    channel = opened()

    assert channel.frame(b"text")[0] & 15 == 1
    assert channel.frame(b"\xff")[0] & 15 == 2


@pytest.mark.parametrize("closed", [False, True])
def test_message_cannot_be_framed_while_the_channel_is_not_open(closed: bool) -> None:
    channel = WebSocketChannel(())
    if closed:
        channel = opened()
        channel.feed(frame(8, b""))

    with pytest.raises(ValueError, match="not open"):
        channel.frame(b"text")


@pytest.mark.parametrize(
    "change",
    [
        (b"Host: server.example", b"Host: \xff\xfe"),
        (b"GET /sip", b"GET /\xff"),
        (b"GET", b"POST"),
        (b"Version: 13", b"Version: 8"),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
        (b"\r\nHost", b"x" * 20_000),
    ],
)
def test_handshake_that_is_wrong_ends_the_channel(change: tuple[bytes, bytes]) -> None:
    channel = WebSocketChannel(())

    fed = channel.feed(HANDSHAKE.replace(*change))

    assert channel.over
    assert not fed.messages
    assert b" 101 " not in fed.answer


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_any_bytes_in_place_of_a_handshake_raise_nothing(pieces: list[bytes]) -> None:
    channel = WebSocketChannel(())

    for piece in pieces:
        assert channel.feed(piece).messages == []


@given(
    st.lists(
        st.one_of(st.binary(min_size=1, max_size=60), st.builds(frame, st.integers(0, 15), st.binary(max_size=200))),
        max_size=6,
    )
)
def test_any_bytes_behind_a_handshake_raise_nothing(pieces: list[bytes]) -> None:
    channel = opened()

    for piece in pieces:
        channel.feed(piece)
