"""Publications: the event state that phones publish for an address of record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.servlet.messages import SipRequest


@dataclass(frozen=True, slots=True)
class Published:
    """What one phone has published.

    Units: ``expires_in`` seconds from now.
    """

    body: bytes
    content_type: str
    expires_in: float


class Publications(Protocol):
    """Keeps the event state of addresses of record in the state store."""

    def publish(self, request: SipRequest) -> None:
        """Do what a PUBLISH asks and answer it.

        Source: RFC 3903 6.
        """
        ...

    def lookup(self, uri: str, event: str) -> Sequence[Published]:
        """Return what is published for a URI in an event package, the oldest first."""
        ...
