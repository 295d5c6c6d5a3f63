"""SDP by order-preserving edits (RFC 4566, RFC 3264): what a third-party call controller has to change.

Lines that nobody touches stay as they are, also those that nobody knows.
"""

from __future__ import annotations

MAX_MEDIA = 64


def held_answer(offer: bytes, address: str) -> bytes:
    """Return an answer to an offer that accepts every stream and lets nothing flow.

    Shape: as many m-lines as the offer, with its formats and its times; ``c=`` is 0.0.0.0, every stream ``inactive``.
    Errors: ValueError for more than 64 streams.
    Source: RFC 3725 4.3 (black hole), RFC 3264 6, 6.1 (the ``t=`` line is the offer's).
    """
    lines = _lines(offer)
    times = [line for line in lines if line.startswith(("t=", "r="))] or ["t=0 0"]
    answer = ["v=0", _origin("-", origin_of(offer)[1], 1, address), "s=-", "c=IN IP4 0.0.0.0", *times]
    media = 0
    for line in lines:
        if line.startswith("m="):
            media += 1
            words = line.split(" ")
            if len(words) > 1 and words[1] != "0":
                words[1] = "9"
            answer += [" ".join(words), "a=inactive"]
        elif media and line.startswith(("a=rtpmap:", "a=fmtp:", "a=mid:")):
            answer.append(line)
    if media > MAX_MEDIA:
        raise ValueError(f"more than {MAX_MEDIA} streams")
    return _joined(answer)


def with_origin(sdp: bytes, username: str, session_id: str, version: int, address: str) -> bytes:
    """Return the SDP with another ``o=`` line.

    Source: RFC 3725 4.4: a controller keeps the origin that it gave before and counts the version up (RFC 3264 8).
    """
    origin = _origin(username, session_id, version, address)
    return _joined([origin if line.startswith("o=") else line for line in _lines(sdp)])


def origin_of(sdp: bytes) -> tuple[str, str, str]:
    """Return user name, session id and version of the ``o=`` line; ``("-", "0", "0")`` without one."""
    for line in _lines(sdp):
        if line.startswith("o="):
            words = [*line[2:].split(), "0", "0", "0"]
            return words[0], words[1], words[2]
    return "-", "0", "0"


def _origin(username: str, session_id: str, version: int, address: str) -> str:
    kind = "IP6" if ":" in address else "IP4"
    return f"o={username} {session_id} {version} IN {kind} {address.strip('[]')}"


def _lines(sdp: bytes) -> list[str]:
    return [line for line in sdp.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n") if line]


def _joined(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogateescape")
