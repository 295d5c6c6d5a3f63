"""A byte stream to messages, by Content-Length (RFC 3261 18.3), with CRLF keep-alives between them (RFC 5626 3.5.1)."""

from __future__ import annotations

import re
from typing import Final

from server.sip.codec import MAX_MESSAGE, salvage
from server.sip.errors import MalformedMessageError

PING: Final = b"\r\n\r\n"
"""What ``feed`` returns for a keep-alive, which is to be answered with one CRLF."""

_FOLD = re.compile(rb"(?<![ \t])[ \t]*\r\n[ \t]+")
"""As in the codec: what is folded there is folded here, or the two would see two messages."""
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class StreamFramer:
    """Cuts one connection's bytes into messages; a head is searched once, however it arrives."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = self._total = 0

    @property
    def pending(self) -> bool:
        """Whether a message has begun and is not complete."""
        return len(self._buffer) > 3 or bool(self._buffer.strip(b"\r\n"))

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
            if not self._total:
                self._total = self._find_end()
            if not self._total or len(buffer) < self._total:
                break
            found.append(bytes(buffer[: self._total]))
            del buffer[: self._total]
            self._searched = self._total = 0
        return found

    def _find_end(self) -> int:
        """Return the length of the first message, 0 when its head is not complete."""
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            self._searched = max(0, len(buffer) - 3)
            total = len(buffer)
        else:
            total = end + 4 + _content_length(bytes(buffer[:end]))
        if total > MAX_MESSAGE:
            raise _too_long(bytes(buffer[:end]) if end >= 0 else b"")
        return 0 if end < 0 else total


def _too_long(head: bytes) -> MalformedMessageError:
    """Return the refusal of a message; what has a head is told that its body is too large."""
    status, section = (413, "RFC 3261 21.4.11") if head else (513, "RFC 3261 21.5.14")
    return MalformedMessageError(f"longer than {MAX_MESSAGE} bytes", MAX_MESSAGE, status, section, salvage(head))


def _content_length(head: bytes) -> int:
    if b"\r\n " in head or b"\r\n\t" in head:
        head = _FOLD.sub(b" ", head)
    values = {value.strip() for value in _LENGTH.findall(head)}
    if len(values) != 1:
        what = "no Content-Length" if not values else "two different Content-Lengths"
        raise _lost(head, f"{what} on a stream", "RFC 3261 18.3")
    text = values.pop()
    if not text.isdigit() or len(text) > 10:
        raise _lost(head, f"the Content-Length {text[:20].decode('latin-1')!r} is no number", "RFC 3261 20.14")
    return int(text)


def _lost(head: bytes, reason: str, section: str) -> MalformedMessageError:
    """Return the refusal of a message of which nobody knows where it ends; a request gets an answer all the same."""
    return MalformedMessageError(reason, 0, section=section, request=salvage(head))
