"""The one error that anything from the network may cause in this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.errors import ServerError

if TYPE_CHECKING:
    from server.sip.message import Request


class MalformedMessageError(ServerError):
    """Bytes that are no SIP message; the peer's fault.

    Shape: ``status_hint`` is what to answer; ``request`` is what could be read of the request, enough to answer it, or
    None when there is nothing to answer.
    """

    def __init__(
        self, reason: str, offset: int = 0, status_hint: int = 400, section: str = "", request: Request | None = None
    ) -> None:
        super().__init__(f"{reason} (at byte {offset}{f', {section}' if section else ''})")
        self.reason = reason
        self.offset = offset
        self.status_hint = status_hint
        self.section = section
        self.request = request
