import pytest

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


def test_head_without_an_end_is_given_up() -> None:
    with pytest.raises(MalformedMessageError):
        StreamFramer().feed(b"x" * 70_000)
