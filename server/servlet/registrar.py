"""The registrar: which phones are reachable for an address of record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.servlet.messages import SipRequest


@dataclass(frozen=True, slots=True)
class Registration:
    """One contact of an address of record.

    Shape: ``q`` is the preference, 0 to 1; ``path`` are the Routes to it (RFC 3327); ``instance`` names the phone (RFC
    5626), empty for one that does not say.
    Units: ``expires_in`` seconds from now.
    """

    contact: str
    expires_in: float
    q: float = 1.0
    path: tuple[str, ...] = ()
    instance: str = ""


class Registrar(Protocol):
    """Keeps the location of phones in the state store."""

    def serves(self, uri: str) -> bool:
        """Say whether addresses of the host of a URI are registered here; without domains and users, all are."""
        ...

    @property
    def asks(self) -> bool:
        """Whether there are users in the configuration, so that ``authenticate`` asks who somebody is."""
        ...

    def authenticate(self, request: SipRequest, *, proxy: bool = False) -> str | None:
        """Return the user who sends a request, by its credentials; None after it was answered with a challenge.

        ``proxy`` asks as a proxy does, with 407, for a request that is passed on. Without users in the configuration
        nobody is asked, and the user is whoever the request says it is from.

        Source: RFC 3261 22.
        """
        ...

    def register(self, request: SipRequest) -> None:
        """Do what a REGISTER asks and answer it.

        Source: RFC 3261 10.3.
        """
        ...

    def lookup(self, uri: str) -> Sequence[Registration]:
        """Return the live contacts for a URI, the newest first; none when it is not registered.

        A phone that has registered several connections is one contact.
        """
        ...
