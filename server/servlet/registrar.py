"""The registrar: which phones are reachable for an address of record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.servlet.messages import SipRequest


@dataclass(frozen=True, slots=True)
class Registration:
    """One contact of an address of record.

    Shape: ``q`` is the preference, 0 to 1; ``path`` are the Routes to it (RFC 3327); ``instance`` and ``reg_id`` name a
    phone and one of its registrations (RFC 5626), empty and 0 for one that does not say.
    Units: ``expires_in`` seconds from now.
    """

    contact: str
    expires_in: float
    q: float = 1.0
    path: tuple[str, ...] = ()
    instance: str = ""
    reg_id: int = 0


class Registrar(Protocol):
    """Keeps the location of phones in the state store."""

    def register(self, request: SipRequest) -> None:
        """Do what a REGISTER asks and answer it.

        Source: RFC 3261 10.3.
        """
        ...

    def lookup(self, uri: str) -> Sequence[Registration]:
        """Return the live contacts for a URI, the newest first; none when it is not registered."""
        ...
