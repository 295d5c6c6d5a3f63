"""Time that the parsers take for hostile input: it grows with the size and no faster, whatever it is filled with.

Whole messages, the value of every typed header as long as a line may be, URIs, descriptions and multipart bodies. Each
filling is measured at half and at full size, the quickest of several tries of each; what seems to grow faster is tried
more often, since a busy machine only adds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from server.sip.codec import MAX_LINE, parse_message
from server.sip.errors import MalformedMessageError
from server.sip.headers.kinds import Many
from server.sip.headers.table import TABLE
from server.sip.multipart import parse_multipart
from server.sip.sdp import parse_sdp
from server.sip.uri import parse_uri
from tests.bench.figures import Figure, at_most, report
from tests.server.sip.samples import INVITE

TRIES, AGAIN = 7, 100
LIMIT, LIMIT_MS = 2.3, 2.0
SIZE = 60_000
LINE = MAX_LINE - 100
LINES = {
    "many small headers": b"X-%d: y\r\n",
    "folds": b" a\r\n",
    "folds of blanks": b" " * 200 + b"\r\n",
    "vias": b"Via: SIP/2.0/UDP a;branch=b\r\n",
    "open quotes": b'Via: SIP/2.0/UDP a;x="\r\n',
    "contacts": b"Contact: <sip:a@b>\r\n",
}
PIECES = (b" ", b'"', b'\\"', b"<", b",", b";", b";a%d", b"%41", b"1", b"1.", b":", b"/", b"@", b"a")
NAMES = (
    b"Via: ", b"To: ", b"Contact: ", b'Contact: "', b"Route: <sip:", b"CSeq: ", b"Call-ID: ", b"Content-Length: ", b"",
)  # fmt: skip
BEGINNINGS = (b"", b"a;", b'Digest a="', b"<sip:", b"SIP/2.0/UDP a;")
URIS = (b"sip:", b"sip:a@", b"sip:a@b;", b"sip:a@b?", b"tel:", b"tel:+1;")
SESSION = b"v=0\r\no=- 1 1 IN IP4 a\r\ns=-\r\nt=0 0\r\n"
STREAMS = (
    b"m=audio 1 RTP/AVP 0\r\n", b"m=a 1 b 0\r\na=sendrecv\r\n", b"a=x:y\r\n", b"a=rtpmap:%d x/8000\r\n", b"a=", b"\r\n",
    b"c=IN IP4 192.0.2.1\r\n", b" 0",
)  # fmt: skip
PARTS = (
    b"--b\r\n", b"\r\n--b", b"--b\r\nA: b\r\n\r\n", b"A: b\r\n", b" a\r\n", b"\r\n", b"-",
    b"--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n\r\n",
)  # fmt: skip

Parse = Callable[[bytes], object]
Case = tuple[str, Parse, Callable[[int], bytes], int]
"""What it is, the parser, what makes the input of a size, and the full size."""


def milliseconds(parse: Parse, data: bytes, tries: int) -> float:
    """Return the shortest time in which the input was taken or refused."""
    times = []
    for _ in range(tries):
        begin = time.perf_counter()
        with suppress(ValueError, MalformedMessageError):
            parse(data)
        times.append(time.perf_counter() - begin)
    return min(times) * 1000


def growth(half: float, whole: float) -> float:
    """Return how much longer twice as much takes; below 20 us the clock and the fixed part decide."""
    return whole / max(half, 0.02)


def measure(case: Case) -> tuple[float, float]:
    """Return the times at half and at full size."""
    _, parse, make, size = case
    halves, wholes = make(size // 2), make(size)
    half, whole = milliseconds(parse, halves, TRIES), milliseconds(parse, wholes, TRIES)
    if growth(half, whole) > LIMIT:
        half, whole = milliseconds(parse, halves, AGAIN), milliseconds(parse, wholes, AGAIN)
    return half, whole


def filled(piece: bytes, size: int, before: bytes = b"") -> bytes:
    count = size // len(piece)
    return before + b"".join(piece.replace(b"%d", b"%d" % at) for at in range(count))


def of_lines(piece: bytes, size: int) -> bytes:
    return INVITE.replace(b"X-Unknown", filled(piece, size) + b"X-Unknown")


def of_one_line(name: bytes, piece: bytes, size: int) -> bytes:
    return INVITE.replace(b"Via:", name + filled(piece, size) + b"\r\nVia:", 1)


def messages() -> Iterator[Case]:
    for what, piece in LINES.items():
        yield f"a message of {what}", parse_message, partial(of_lines, piece), SIZE
    for name in NAMES:
        for piece in PIECES:
            line = (name + piece).decode()
            yield f"a message with a line of {line!r}", parse_message, partial(of_one_line, name, piece), LINE


def headers() -> Iterator[Case]:
    for name, header in sorted(TABLE.items()):
        read: Callable[[str], Any] = header.parse
        if isinstance(header, Many):
            read = partial(_all_of, header)
        for before in BEGINNINGS:
            yield from _texts(name, read, before)


def uris() -> Iterator[Case]:
    for before in URIS:
        yield from _texts("URI", parse_uri, before)


def bodies() -> Iterator[Case]:
    for before in (SESSION, SESSION + b"m=audio 1 RTP/AVP", SESSION + STREAMS[0]):
        for piece in STREAMS:
            yield f"SDP: {(before[-12:] + piece).decode()!r}", parse_sdp, partial(filled, piece, before=before), SIZE
    split = partial(parse_multipart, content_type="multipart/mixed;boundary=b")
    for piece in PARTS:
        yield f"multipart of {piece.decode()!r}", split, partial(filled, piece), SIZE


def _all_of(header: Many[Any], text: str) -> object:
    return header.parse_all((text,))


def _texts(what: str, read: Callable[[str], Any], before: bytes) -> Iterator[Case]:
    for piece in PIECES:
        title = f"{what}: {(before + piece).decode()!r}"
        yield title, lambda data: read(data.decode()), partial(filled, piece, before=before), LINE


def main() -> None:
    made = []
    for kind, cases in (("message", messages()), ("header", headers()), ("URI", uris()), ("body", bodies())):
        found = {case[0]: measure(case) for case in cases}
        slowest = max(found, key=lambda what: found[what][1])
        steepest = max(found, key=lambda what: growth(*found[what]))
        made += [
            Figure(f"fillings of a {kind}", len(found), ""),
            at_most(f"slowest: {slowest}", found[slowest][1], "ms", LIMIT_MS),
            at_most(f"time(2n) / time(n): {steepest}", growth(*found[steepest]), "ratio", LIMIT),
        ]
    report(made)


if __name__ == "__main__":
    main()
