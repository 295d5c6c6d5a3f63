"""What a scripted phone says of its media: G.711 audio at one port, and nothing flows in fact."""

from __future__ import annotations

from server.sip.sdp import Media, common_formats, make_answer, parse_sdp

RTPMAPS = {"0": "PCMU/8000", "8": "PCMA/8000"}
PORT = 40_000


def described(user: str, host: str, offer: bytes = b"") -> bytes:
    """Return the phone's answer to an offer, without one an offer of its own; an offer that is none is answered so too.

    Source: RFC 3264 5, 6.
    """
    address = f"{'IP6' if ':' in host else 'IP4'} {host}"
    session = ("v=0", f"o={user} 1 1 IN {address}", "s=-", f"c=IN {address}")
    try:
        return bytes(make_answer(parse_sdp(offer), session, _accepted))
    except ValueError:
        lines = (*session, "t=0 0", *_audio(tuple(RTPMAPS)), "a=sendrecv")
        return "".join([f"{line}\r\n" for line in lines]).encode()


def _accepted(stream: Media) -> Media | None:
    formats = common_formats(stream, tuple(RTPMAPS)) if stream.kind == "audio" else ()
    return Media(_audio(formats, stream.protocol)) if formats else None


def _audio(formats: tuple[str, ...], protocol: str = "RTP/AVP") -> tuple[str, ...]:
    maps = [f"a=rtpmap:{number} {RTPMAPS[number]}" for number in formats]
    return (f"m=audio {PORT} {protocol} {' '.join(formats)}", *maps)
