"""A byte stream to messages, by Content-Length (RFC 3261 18.3), with CRLF keep-alives between them (RFC 5626 3.5.1)."""

from __future__ import annotations

import re
from typing import Final

from server.sip.codec import MAX_MESSAGE
from server.sip.errors import MalformedMessageError

PING: Final = b"\r\n\r\n"
"""What ``feed`` returns for a keep-alive, which is to be answered with one CRLF."""

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class StreamFramer:
    """Cuts one connection's bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> bool:
        """Whether a message has begun and is not complete."""
        return bool(self._buffer.strip(b"\r\n"))

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the messages, and ``PING`` for each keep-alive, that are now complete.

        Errors: MalformedMessageError when the stream cannot be followed any more; the connection must be closed.
        """
        buffer = self._buffer
        buffer += data
        found: list[bytes] = []
        while buffer:
            if buffer.startswith(b"\r\n"):
                if buffer.startswith(PING):
                    found.append(PING)
                    del buffer[:4]
                elif len(buffer) > 2 and buffer[2:3] != b"\r":
                    del buffer[:2]
                else:
                    break
                continue
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > MAX_MESSAGE:
                    raise MalformedMessageError(f"a head longer than {MAX_MESSAGE} bytes", MAX_MESSAGE, 513)
                break
            total = end + 4 + _content_length(bytes(buffer[:end]))
            if total > MAX_MESSAGE:
                raise MalformedMessageError(f"longer than {MAX_MESSAGE} bytes", total, 513)
            if len(buffer) < total:
                break
            found.append(bytes(buffer[:total]))
            del buffer[:total]
        return found


def _content_length(head: bytes) -> int:
    values = {value.strip() for value in _LENGTH.findall(head)}
    if len(values) != 1:
        what = "no Content-Length" if not values else "two different Content-Lengths"
        raise MalformedMessageError(f"{what} on a stream", 0, section="RFC 3261 18.3")
    text = values.pop()
    if not text.isdigit() or len(text) > 10:
        raise MalformedMessageError(f"the Content-Length {text[:20]!r} is no number", 0, section="RFC 3261 20.14")
    return int(text)
