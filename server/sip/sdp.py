"""SDP by order-preserving edits (RFC 4566, 8866; RFC 3264): what is offered, what is answered, what lets media flow.

An ``Sdp`` is the lines as they came, cut at the m-lines. Lines that nobody touches stay as they are and where they are,
also those that nobody knows. Which offer is open, and who may make the next one, is in ``server.sip.offer_answer``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from server.sip.grammar import is_number

MAX_MEDIA = 64

SENDRECV, SENDONLY, RECVONLY, INACTIVE = "sendrecv", "sendonly", "recvonly", "inactive"
DIRECTIONS = (SENDRECV, SENDONLY, RECVONLY, INACTIVE)
_ATTRIBUTES = {f"a={direction}": direction for direction in DIRECTIONS}
_SENDS, _RECEIVES = frozenset({SENDRECV, SENDONLY}), frozenset({SENDRECV, RECVONLY})


class Media(msgspec.Struct, frozen=True):
    """One stream: the m-line and what follows it up to the next one.

    Shape: ``lines[0]`` is ``m=KIND PORT[/COUNT] PROTOCOL FORMAT ...``.
    """

    lines: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """The words of the m-line."""
        return self.lines[0][2:].split(" ")

    @property
    def kind(self) -> str:
        """``audio``, ``video`` ..."""
        return self.words[0]

    @property
    def port(self) -> int:
        """The first port; 0 means that the stream is refused or ended (RFC 3264 6, 8.2)."""
        return int(self.words[1].partition("/")[0])

    @property
    def protocol(self) -> str:
        """``RTP/AVP``, ``RTP/SAVPF`` ..."""
        return self.words[2]

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats, the preferred one first."""
        return tuple([word for word in self.words[3:] if word])

    def encoding(self, number: str) -> str:
        """Return ``NAME/RATE`` of a format as its rtpmap has it, in lower case; the format itself without one."""
        begin = f"a=rtpmap:{number} "
        found = next((line for line in self.lines if line.startswith(begin)), "")
        return found[len(begin) :].strip().lower() or number

    def with_port(self, port: int) -> Media:
        """Return the stream with another port."""
        words = self.words
        words[1] = str(port)
        return Media((f"m={' '.join(words)}", *self.lines[1:]))

    def with_direction(self, direction: str) -> Media:
        """Return the stream with another direction, where the present one stands or else at the end."""
        return Media(_with_direction(self.lines, direction))


class Sdp(msgspec.Struct, frozen=True):
    """A session description: the lines before the first m-line, and the streams."""

    session: tuple[str, ...]
    media: tuple[Media, ...]

    def direction(self, stream: Media) -> str:
        """Return the direction of one of the streams: its own, else that of the session, else ``sendrecv``.

        Source: RFC 8866 6.7.
        """
        for lines in (stream.lines, self.session):
            for line in lines:
                if line in _ATTRIBUTES:
                    return _ATTRIBUTES[line]
        return SENDRECV

    def connection(self, stream: Media) -> str:
        """Return the address that media of a stream go to, an empty text without one."""
        for lines in (stream.lines, self.session):
            for line in lines:
                if line.startswith("c="):
                    return line.split(" ")[-1].partition("/")[0]
        return ""

    def is_held(self) -> bool:
        """Say whether whoever sent this wants to hear nothing.

        Source: RFC 3264 8.4, and its older way, the address 0.0.0.0.
        """
        live = [stream for stream in self.media if stream.port]
        return bool(live) and all(
            self.direction(stream) not in _RECEIVES or self.connection(stream) == "0.0.0.0" for stream in live
        )

    def with_direction(self, direction: str) -> Sdp:
        """Return the description with one direction for every stream that is not refused."""
        return Sdp(
            self.session, tuple([one.with_direction(direction) if one.port else one for one in self.media])
        )  # fmt: skip

    def __bytes__(self) -> bytes:
        return joined([*self.session, *[line for stream in self.media for line in stream.lines]])


def parse_sdp(data: bytes) -> Sdp:
    """Parse a session description; lines may end with LF alone.

    Errors: ValueError for what is none, and for more than 64 streams.
    """
    lines = lines_of(data)
    if not lines or lines[0] != "v=0":
        raise ValueError("it does not begin with v=0")
    for line in lines:
        if line[1:2] != "=":
            raise ValueError(f"{line[:40]!r} is no line of a session description")
    starts = [at for at, line in enumerate(lines) if line.startswith("m=")]
    if len(starts) > MAX_MEDIA:
        raise ValueError(f"more than {MAX_MEDIA} streams")
    for at in starts:
        _check_media(lines[at])
    streams = tuple([Media(tuple(lines[start:end])) for start, end in pairwise((*starts, len(lines)))])
    return Sdp(tuple(lines[: starts[0]] if starts else lines), streams)


def make_answer(
    offer: Sdp, session: Sequence[str], accept: Callable[[Media], Media | None], wanted: str = SENDRECV
) -> Sdp:
    """Return the answer to an offer.

    Shape: ``session`` are our lines before the first stream; its ``t=`` and ``r=`` lines are the offer's. ``accept``
    returns our stream for one of the offer, None to refuse it; a stream that the offer has ended is not asked for.
    Source: RFC 3264 6.
    """
    times = [line for line in offer.session if line.startswith(("t=", "r="))] or ["t=0 0"]
    streams = []
    for stream in offer.media:
        ours = accept(stream) if stream.port else None
        if ours is None:
            streams.append(Media((stream.lines[0],)).with_port(0))
        else:
            streams.append(ours.with_direction(answer_direction(offer.direction(stream), wanted)))
    own = [line for line in session if not line.startswith(("t=", "r="))]
    return Sdp((*own, *times), tuple(streams))


def common_formats(stream: Media, encodings: Sequence[str]) -> tuple[str, ...]:
    """Return those formats of an offered stream that we have, in the order of the offer.

    Shape: ``encodings`` are ``name/rate`` in lower case, or the numbers of static payload types.
    """
    known = frozenset(encodings)
    return tuple([number for number in stream.formats if number in known or stream.encoding(number) in known])


def answer_direction(offered: str, wanted: str) -> str:
    """Return the direction to answer with: what we want, as far as the offer lets it.

    Source: RFC 3264 6.1.
    """
    sends = wanted in _SENDS and offered in _RECEIVES
    receives = wanted in _RECEIVES and offered in _SENDS
    return {(True, True): SENDRECV, (True, False): SENDONLY, (False, True): RECVONLY}.get((sends, receives), INACTIVE)


def hold(sdp: Sdp) -> Sdp:
    """Return the offer that puts the other side on hold: nothing is received any more (RFC 3264 8.4)."""
    return Sdp(
        sdp.session,
        tuple([
            one.with_direction(SENDONLY if sdp.direction(one) in _SENDS else INACTIVE) if one.port else one
            for one in sdp.media
        ]),
    )  # fmt: skip


def check_answer(offer: Sdp, answer: Sdp) -> None:
    """Check what an answer owes to its offer.

    Errors: ValueError for another number or another kind of streams, for a stream that was ended and is taken up, and
    for media in a direction that was not offered.
    Source: RFC 3264 6, 6.1.
    """
    if len(answer.media) != len(offer.media):
        raise ValueError(f"{len(answer.media)} streams answer {len(offer.media)}")
    for number, (asked, given) in enumerate(zip(offer.media, answer.media, strict=True), 1):
        if asked.kind != given.kind:
            raise ValueError(f"stream {number}: {given.kind[:20]!r} answers {asked.kind[:20]!r}")
        if given.port and not asked.port:
            raise ValueError(f"stream {number} was ended and is taken up")
        wanted, offered = answer.direction(given), offer.direction(asked)
        if given.port and answer_direction(offered, wanted) != wanted:
            raise ValueError(f"stream {number}: {wanted} answers {offered}")


def check_next_offer(before: Sdp, offer: Sdp) -> None:
    """Check an offer against the description that the same side sent before.

    Errors: ValueError for fewer streams, another session id, or a version that is not the same (for the same lines) or
    one higher (for others).
    Source: RFC 3264 8.
    """
    if len(offer.media) < len(before.media):
        raise ValueError(f"{len(offer.media)} streams where there were {len(before.media)}")
    old, new = origin_of(bytes(before)), origin_of(bytes(offer))
    if old[:2] != new[:2]:
        raise ValueError("the session id is another one")
    step = int(new[2]) - int(old[2]) if is_number(old[2], 20) and is_number(new[2], 20) else 0
    if step not in {0, 1} or (step == 0 and before != offer):
        raise ValueError(f"the version goes from {old[2][:20]} to {new[2][:20]}")


def held_answer(offer: bytes, address: str) -> bytes:
    """Return an answer to an offer that accepts every stream and lets nothing flow.

    Shape: as many m-lines as the offer, with its formats and its times; ``c=`` is 0.0.0.0, every stream ``inactive``.
    Errors: ValueError for more than 64 streams.
    Source: RFC 3725 4.3 (black hole), RFC 3264 6, 6.1 (the ``t=`` line is the offer's).
    """
    lines = lines_of(offer)
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
    return joined(answer)


def with_origin(sdp: bytes, username: str, session_id: str, version: int, address: str) -> bytes:
    """Return the SDP with another ``o=`` line.

    Source: RFC 3725 4.4: a controller keeps the origin that it gave before and counts the version up (RFC 3264 8).
    """
    origin = _origin(username, session_id, version, address)
    return joined([origin if line.startswith("o=") else line for line in lines_of(sdp)])


def origin_of(sdp: bytes) -> tuple[str, str, str]:
    """Return user name, session id and version of the ``o=`` line; ``("-", "0", "0")`` without one."""
    for line in lines_of(sdp):
        if line.startswith("o="):
            words = [*line[2:].split(), "0", "0", "0"]
            return words[0], words[1], words[2]
    return "-", "0", "0"


def lines_of(sdp: bytes) -> list[str]:
    """Return the lines that are not empty."""
    return [line for line in sdp.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n") if line]


def joined(lines: Sequence[str]) -> bytes:
    """Return lines as SDP."""
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


def _check_media(line: str) -> None:
    words = line[2:].split(" ")
    port, slash, count = words[1].partition("/") if len(words) > 3 else ("", "", "")
    if not words[0] or not is_number(port, 5) or int(port) > 65_535 or (slash and not is_number(count, 5)):
        raise ValueError(f"{line[:40]!r} is no stream")


def _with_direction(lines: tuple[str, ...], direction: str) -> tuple[str, ...]:
    """Return lines with one direction: where the first one stands, or at the end."""
    new = f"a={direction}"
    at = next((at for at, line in enumerate(lines) if line in _ATTRIBUTES), len(lines))
    return (*lines[:at], new, *[line for line in lines[at + 1 :] if line not in _ATTRIBUTES])


def _origin(username: str, session_id: str, version: int, address: str) -> str:
    kind = "IP6" if ":" in address else "IP4"
    return f"o={username} {session_id} {version} IN {kind} {address.strip('[]')}"
