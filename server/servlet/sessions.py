"""Sessions: SIP, HTTP, and the application session that is the parent of both.

A session stands for plain data in the call state and may be touched only while its call is checked out: in a SIP
servlet always, in an HTTP servlet inside ``application_session.lock()``. Attribute values are plain data: None, bool,
int, float, str, bytes, and lists and string-keyed dicts of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from server.servlet.messages import SipRequest

R = TypeVar("R")

Attribute = None | bool | int | float | str | bytes | list["Attribute"] | dict[str, "Attribute"]
"""A value that a session keeps: plain data."""


class Attributes(Protocol):
    """Named plain values that live as long as their session."""

    def get_attribute(self, name: str) -> Attribute:
        """Return a value, None if there is none."""
        ...

    def set_attribute(self, name: str, value: Attribute) -> None:
        """Set a value.

        Errors: TypeError when it is not plain data.
        """
        ...

    def remove_attribute(self, name: str) -> None:
        """Remove a value; nothing happens if there is none."""
        ...

    @property
    def attribute_names(self) -> Sequence[str]:
        """The names in use."""
        ...


class SipSession(Attributes, Protocol):
    """One SIP dialog, or what may become one."""

    @property
    def id(self) -> str:
        """The id: our tag."""
        ...

    @property
    def state(self) -> str:
        """``INITIAL``, ``EARLY``, ``CONFIRMED`` or ``TERMINATED``."""
        ...

    @property
    def is_valid(self) -> bool:
        """Whether the session has not ended."""
        ...

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        ...

    @property
    def remote_uri(self) -> str:
        """The URI of the other party, as it has given it last (RFC 4916)."""
        ...

    @property
    def application_session(self) -> SipApplicationSession:
        """The parent."""
        ...

    @property
    def linked(self) -> SipSession | None:
        """The other leg, if a B2BUA has linked one."""
        ...

    @property
    def named(self) -> SipSession | None:
        """The session of the dialog that the first request of this one has named, None for none.

        With ``Replaces`` the container ends it once this one is accepted; ``Join`` and ``Target-Dialog`` leave it as it
        is. Whoever names a dialog knows its tags, and need not be somebody who may replace it.

        Source: RFC 3891, RFC 3911, RFC 4538.
        """
        ...

    def create_request(self, method: str) -> SipRequest:
        """Make a request inside the dialog.

        Errors: InvalidStateError without a dialog, and for ACK and CANCEL.
        """
        ...

    def notify(self, event: str = "", *, end: str = "") -> None:
        """Tell the subscribers of this session what ``SipServlet.notification`` says, as soon as the rate lets it.

        Shape: ``event`` is one package, empty for all; ``end`` ends the subscription for a reason as ``noresource``.
        Source: RFC 6665 4.2.
        """
        ...

    def invalidate(self) -> None:
        """End the session here; the peer is not told."""
        ...


class HttpSession(Attributes, Protocol):
    """A browser, known by its cookie or encoded URL."""

    @property
    def id(self) -> str:
        """The id, not to be guessed."""
        ...

    @property
    def application_session(self) -> SipApplicationSession:
        """The parent; the same one that holds the SIP sessions of this user."""
        ...

    def encode_url(self, url: str) -> str:
        """Return the URL with the session's id in it, for a client without cookies."""
        ...


class SipApplicationSession(Attributes, Protocol):
    """The parent of the SIP and HTTP sessions of one use of an application."""

    @property
    def id(self) -> str:
        """The id; the key of its call stands in it."""
        ...

    @property
    def application_name(self) -> str:
        """The application."""
        ...

    @property
    def is_valid(self) -> bool:
        """Whether the session has not ended."""
        ...

    def sessions(self, protocol: str | None = None) -> Sequence[SipSession | HttpSession]:
        """Return the children; ``protocol`` is ``SIP``, ``HTTP`` or None for both."""
        ...

    def sip_session(self, session_id: str) -> SipSession | None:
        """Return the SIP session with that id."""
        ...

    def lock(self) -> AbstractContextManager[SipApplicationSession]:
        """Check the call out for the length of a ``with`` block; what the block sends leaves at its end.

        ``with application_session.lock() as session: ...`` may touch ``session`` and all that comes from it, in the
        block. Messages of the call wait meanwhile, so a block is short and waits for nothing. Inside a SIP servlet or
        another block of the same call it begins at once.

        Errors: BusyError when the call does not come free in time, or the block takes too long: then the call has gone
        on without it.
        Switches: yes, from an HTTP servlet, before the block and at its end.
        """
        ...

    def run(self, action: Callable[[SipApplicationSession], R]) -> R:
        """Run the action as ``lock`` does a block, by the greenlet that works on the call, and return its result.

        Inside a SIP servlet or another action of the same call the action runs at once.

        Errors: BusyError when the call does not come free in time; whatever the action raises.
        Switches: yes, from an HTTP servlet.
        """
        ...

    def snapshot(self) -> Mapping[str, Attribute]:
        """Return the attributes as they were stored last, without waiting for the call."""
        ...

    def invalidate(self) -> None:
        """End the session, its timers and its children; peers are not told."""
        ...
