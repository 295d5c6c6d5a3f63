"""Multipart bodies: parts with headers of their own (RFC 2046 5.1, RFC 3261 7.4, RFC 5621).

A part whose disposition says ``handling=required``, or says nothing, must be understood, or the whole request is
refused with 415; what is ``optional`` may be left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from server.sip.grammar import quote
from server.sip.headers import Headers
from server.sip.headers.parameterized import Parameterized, parse_media_type
from server.sip.headers.table import CONTENT_DISPOSITION

MAX_PARTS = 16
MAX_DEPTH = 4
MAX_BOUNDARY = 70
MAX_PART_HEADERS = 64


class Part(msgspec.Struct, frozen=True):
    """One part; its headers are lines as in a message."""

    headers: Headers
    body: bytes

    @property
    def content_type(self) -> Parameterized:
        """The media type; ``text/plain`` without one (RFC 2046 5.1).

        Errors: ValueError.
        """
        text = self.headers.get("content-type")
        return Parameterized("text/plain", {}) if text is None else parse_media_type(text)

    @property
    def is_required(self) -> bool:
        """Whether a request must be refused when this part is not understood.

        Source: RFC 3261 20.11; what cannot be parsed is required.
        """
        text = self.headers.get("content-disposition")
        if text is None:
            return True
        try:
            handling = CONTENT_DISPOSITION.parse(text).param("handling")
        except ValueError:
            return True
        return handling is None or handling.lower() != "optional"


def parse_multipart(body: bytes, content_type: str) -> tuple[Part, ...]:
    """Return the parts of a body; what stands before the first and behind the last is ignored.

    Errors: ValueError for what is no multipart, has no usable boundary, does not end, or has more than 16 parts.
    """
    parsed = parse_media_type(content_type)
    boundary = parsed.param("boundary") or ""
    if not parsed.value.lower().startswith("multipart/"):
        raise ValueError(f"{parsed.value[:40]!r} is no multipart")
    if not 0 < len(boundary) <= MAX_BOUNDARY or boundary.endswith(" "):
        raise ValueError("the boundary is missing or too long")
    delimiter = b"\r\n--" + boundary.encode("utf-8", "surrogateescape")
    _, *pieces = (b"\r\n" + body).split(delimiter, MAX_PARTS + 2)
    parts: list[Part] = []
    for piece in pieces:
        if piece.startswith(b"--"):
            return tuple(parts)
        padding, line, content = piece.partition(b"\r\n")
        if not line or padding.strip(b" \t"):
            raise ValueError("something follows a boundary on its line")
        if len(parts) == MAX_PARTS:
            break
        parts.append(_parse_part(content))
    raise ValueError(f"more than {MAX_PARTS} parts" if len(parts) == MAX_PARTS else "the last boundary is missing")


def format_multipart(parts: tuple[Part, ...], boundary: str, subtype: str = "mixed") -> tuple[bytes, str]:
    """Return the body and its Content-Type.

    Errors: ValueError for a boundary that stands in a part.
    """
    delimiter = b"--" + boundary.encode()
    pieces = []
    for part in parts:
        head = "".join([f"{line}\r\n" for line in part.headers.lines]).encode("utf-8", "surrogateescape")
        if delimiter in head + part.body:
            raise ValueError("the boundary stands in a part")
        pieces.append(delimiter + b"\r\n" + head + b"\r\n" + part.body + b"\r\n")
    return b"".join(pieces) + delimiter + b"--\r\n", f"multipart/{subtype};boundary={quote(boundary)}"


def content_of(body: bytes, content_type: str, kind: str) -> bytes | None:
    """Return the body, or the first part of it, that is of a media type; None when there is none.

    Shape: ``kind`` is in lower case.
    """
    try:
        return next(_contents(body, content_type, kind, MAX_DEPTH), None)
    except ValueError:
        return None


def required_types(body: bytes, content_type: str) -> tuple[str, ...]:
    """Return the media types, in lower case, of all that must be understood; of parts in parts too.

    Shape: of a ``multipart/alternative`` any one part is enough: its types stand joined by ``|``.
    Errors: ValueError as ``parse_multipart``.
    Source: RFC 5621 3.1, 3.3.
    """
    return tuple(_required(body, content_type, MAX_DEPTH))


def is_understood(body: bytes, content_type: str, known: frozenset[str]) -> bool:
    """Say whether everything that must be understood is of a known media type; else the answer is 415 with Accept.

    Shape: ``known`` are media types in lower case, without the multipart ones.
    """
    try:
        return all(not known.isdisjoint(kinds.split("|")) for kinds in required_types(body, content_type))
    except ValueError:
        return False


def _required(body: bytes, content_type: str, depth: int) -> Iterator[str]:
    kind = parse_media_type(content_type).value.lower()
    if not kind.startswith("multipart/"):
        yield kind
        return
    if not depth:
        raise ValueError(f"parts in parts, more than {MAX_DEPTH} deep")
    parts = parse_multipart(body, content_type)
    if kind == "multipart/alternative":
        yield "|".join([part.content_type.value.lower() for part in parts])
        return
    for part in parts:
        if part.is_required:
            yield from _required(part.body, str(part.content_type), depth - 1)


def _contents(body: bytes, content_type: str, kind: str, depth: int) -> Iterator[bytes]:
    found = parse_media_type(content_type).value.lower()
    if found == kind:
        yield body
    elif found.startswith("multipart/") and depth:
        for part in parse_multipart(body, content_type):
            yield from _contents(part.body, str(part.content_type), kind, depth - 1)


def _parse_part(content: bytes) -> Part:
    if not content or content.startswith(b"\r\n"):
        return Part(Headers.parse([]), content[2:])
    head, empty, body = content.partition(b"\r\n\r\n")
    if not empty:
        head = head.removesuffix(b"\r\n")
    lines = head.decode("utf-8", "surrogateescape").replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
    if len(lines) > MAX_PART_HEADERS or any("\n" in line or "\r" in line or "\0" in line for line in lines):
        raise ValueError("the headers of a part cannot be read")
    return Part(Headers.parse(lines), body)
