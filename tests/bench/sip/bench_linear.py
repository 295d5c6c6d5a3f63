"""Time that the parser takes for hostile messages: it grows with the size and no faster, whatever they are filled with.

Each filling is measured at half and at full size, the quickest of several tries of each.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from server.sip.codec import MAX_LINE, parse_message
from server.sip.errors import MalformedMessageError
from tests.bench.figures import Figure, at_most, report
from tests.server.sip.samples import INVITE

TRIES = 7
SIZE = 60_000
LINES = {
    "many small headers": b"X-%d: y\r\n",
    "folds": b" a\r\n",
    "folds of blanks": b" " * 200 + b"\r\n",
    "vias": b"Via: SIP/2.0/UDP a;branch=b\r\n",
    "open quotes": b'Via: SIP/2.0/UDP a;x="\r\n',
    "contacts": b"Contact: <sip:a@b>\r\n",
}
VALUES = (b" ", b'"', b'\\"', b"<", b",", b";", b";a%d", b"%41", b"1", b"1.", b":", b"/", b"@", b"a")
NAMES = (
    b"Via: ", b"To: ", b"Contact: ", b'Contact: "', b"Route: <sip:", b"CSeq: ", b"Call-ID: ", b"Content-Length: ", b"",
)  # fmt: skip


def milliseconds(data: bytes) -> float:
    """Return the shortest time in which the message was taken or refused."""
    times = []
    for _ in range(TRIES):
        begin = time.perf_counter()
        with contextlib.suppress(MalformedMessageError):
            parse_message(data)
        times.append(time.perf_counter() - begin)
    return min(times) * 1000


def filled(piece: bytes, size: int) -> bytes:
    count = size // len(piece)
    return b"".join(piece.replace(b"%d", b"%d" % at) for at in range(count))


def of_lines(piece: bytes, size: int) -> bytes:
    return INVITE.replace(b"X-Unknown", filled(piece, size) + b"X-Unknown")


def of_one_line(name: bytes, piece: bytes, size: int) -> bytes:
    return INVITE.replace(b"Via:", name + filled(piece, size) + b"\r\nVia:", 1)


def main() -> None:
    found: dict[str, tuple[float, float]] = {}
    for what, piece in LINES.items():
        found[what] = milliseconds(of_lines(piece, SIZE // 2)), milliseconds(of_lines(piece, SIZE))
    for name in NAMES:
        for piece in VALUES:
            sizes = (MAX_LINE // 2 - 50, MAX_LINE - 100)
            half, whole = (milliseconds(of_one_line(name, piece, size)) for size in sizes)
            found[f"a line of {(name + piece).decode()!r}"] = half, whole
    slowest = max(found, key=lambda what: found[what][1])
    # below 20 us the clock and the fixed part of a message decide
    steepest = max(found, key=lambda what: found[what][1] / max(found[what][0], 0.02))
    report(
        [
            Figure("fillings", len(found), ""),
            at_most(f"slowest message: {slowest}", found[slowest][1], "ms", 2),
            at_most(
                f"time(2n) / time(n): {steepest}", found[steepest][1] / max(found[steepest][0], 0.02), "ratio", 2.3
            ),
        ]
    )


if __name__ == "__main__":
    main()
