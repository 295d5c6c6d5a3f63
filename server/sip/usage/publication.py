"""Publications of event state: (request, publications, now) -> (status, publications), all or nothing (RFC 3903 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from server.sip.message import Request
from server.sip.usage.subscription import MIN_EXPIRES, granted, is_too_brief


class Publication(msgspec.Struct, frozen=True, array_like=True):
    """What one publisher has said; ``expires`` is a deadline."""

    body: bytes
    content_type: str
    expires: float


class Outcome(NamedTuple):
    """How a PUBLISH is answered, and the publications afterwards, by their entity tag."""

    status: int
    publications: Mapping[str, Publication]
    headers: tuple[tuple[str, str], ...] = ()


def published(request: Request, publications: Mapping[str, Publication], etag: str, now: float) -> Outcome:
    """Begin, refresh, change or remove a publication; each time it gets a new entity tag, ``etag``.

    Source: RFC 3903 4.1 (table 1), 6.
    """
    matched = request.headers.get("sip-if-match")
    before = None if matched is None else publications.get(matched)
    if matched is not None and (before is None or before.expires <= now):
        return Outcome(412, publications)
    if is_too_brief(request):
        return Outcome(423, publications, (("Min-Expires", str(MIN_EXPIRES)),))
    if before is None and not request.body:
        return Outcome(400, publications)
    seconds = granted(request)
    kept = {tag: publication for tag, publication in publications.items() if tag != matched}
    if seconds:
        body, kind = _state(request, before)
        kept[etag] = Publication(body, kind, now + seconds)
    return Outcome(200, kept, (("SIP-ETag", etag), ("Expires", str(seconds))))


def alive(publications: Mapping[str, Publication], now: float) -> dict[str, Publication]:
    """Return those that have not run out."""
    return {tag: publication for tag, publication in publications.items() if publication.expires > now}


def _state(request: Request, before: Publication | None) -> tuple[bytes, str]:
    """Return what is published: a refresh has no body and leaves it as it was."""
    if before is not None and not request.body:
        return before.body, before.content_type
    return request.body, request.content_type or ""
