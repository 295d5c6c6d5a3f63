"""The time that a message takes grows with its size and no faster, whatever it is filled with."""

import contextlib
import time

import pytest

from server.sip.codec import MAX_LINE, MAX_MESSAGE, parse_message
from server.sip.errors import MalformedMessageError
from tests.server.sip.samples import INVITE

pytestmark = pytest.mark.slow

SIZE = 25_000
LINES = {
    "many small headers": b"X-%d: y\r\n",
    "folds": b" a\r\n",
    "folds of blanks": b" " * 200 + b"\r\n",
    "vias": b"Via: SIP/2.0/UDP a;branch=b\r\n",
    "open quotes": b'Via: SIP/2.0/UDP a;x="\r\n',
    "contacts": b"Contact: <sip:a@b>\r\n",
}
VALUES = {
    "blanks": b" ",
    "quotes": b'"',
    "escaped quotes": b'\\"',
    "open brackets": b"<",
    "commas": b",",
    "semicolons": b";",
    "parameters": b";a%d",
    "escapes": b"%41",
    "digits": b"1",
    "dots": b"1.",
    "colons": b":",
    "slashes": b"/",
    "at signs": b"@",
    "letters": b"a",
}
NAMES = (
    b"Via: ",
    b"To: ",
    b"Contact: ",
    b'Contact: "',
    b"Route: <sip:",
    b"CSeq: ",
    b"Call-ID: ",
    b"Content-Length: ",
    b"",
)


def seconds(data: bytes) -> float:
    """Return the shortest of several times."""
    assert len(data) <= MAX_MESSAGE
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        with contextlib.suppress(MalformedMessageError):
            parse_message(data)
        times.append(time.perf_counter() - begin)
    return min(times)


def filled(piece: bytes, size: int) -> bytes:
    count = size // len(piece)
    return b"".join(piece.replace(b"%d", b"%d" % at) for at in range(count))


@pytest.mark.parametrize("what", sorted(LINES))
def test_F4_time_doubles_with_the_number_of_lines(what: str) -> None:
    def message(size: int) -> bytes:
        return INVITE.replace(b"X-Unknown", filled(LINES[what], size) + b"X-Unknown")

    half, whole = seconds(message(SIZE)), seconds(message(2 * SIZE))

    assert whole < 3.5 * half + 0.001
    assert whole < 0.05


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", sorted(VALUES))
def test_F4_time_doubles_with_the_length_of_a_line(name: bytes, what: str) -> None:
    def message(size: int) -> bytes:
        return INVITE.replace(b"Via:", name + filled(VALUES[what], size) + b"\r\nVia:", 1)

    half, whole = seconds(message(MAX_LINE // 2 - 50)), seconds(message(MAX_LINE - 100))

    assert whole < 3.5 * half + 0.0005
    assert whole < 0.02
