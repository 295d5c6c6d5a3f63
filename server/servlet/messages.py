"""SIP requests and responses as a servlet sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from server.servlet.sessions import SipApplicationSession, SipSession

if TYPE_CHECKING:
    from server.servlet.proxy import Proxy, ProxyOptions


class SipMessage(Protocol):
    """What requests and responses have in common.

    Headers that the container keeps (Via, From, To, Call-ID, CSeq, Contact, Route, Record-Route) can be read, not set;
    a redirection has the application's own Contact.
    """

    @property
    def method(self) -> str:
        """The method; of a response, that of its request."""
        ...

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        ...

    @property
    def from_uri(self) -> str:
        """The URI of the From header."""
        ...

    @property
    def to_uri(self) -> str:
        """The URI of the To header."""
        ...

    @property
    def body(self) -> bytes:
        """The body, empty if there is none."""
        ...

    @property
    def content_type(self) -> str | None:
        """The media type of the body."""
        ...

    def content(self, media_type: str) -> bytes | None:
        """Return the body, or the first part of a multipart one, of a media type; None when there is none."""
        ...

    @property
    def remote_address(self) -> tuple[str, int]:
        """Host and port that the message came from; of a message made here, empty and 0."""
        ...

    @property
    def session(self) -> SipSession:
        """The SIP session (the dialog, or what may become one) of this message."""
        ...

    @property
    def application_session(self) -> SipApplicationSession:
        """The application session that holds it."""
        ...

    def header(self, name: str) -> str | None:
        """Return the first value of a header."""
        ...

    def headers(self, name: str) -> Sequence[str]:
        """Return the value of every line of a header, in order."""
        ...

    def set_header(self, name: str, value: str) -> None:
        """Set a header in place of all its lines.

        Errors: ValueError for CR, LF or NUL, a name that is no token, or a header that the container keeps.
        """
        ...

    def set_body(self, body: bytes, content_type: str | None = None) -> None:
        """Set the body; its length is set along."""
        ...

    def send(self) -> None:
        """Queue the message; it leaves when the servlet has returned and the call state is stored.

        Errors: InvalidStateError when it was sent before or its transaction is over.
        """
        ...


class SipRequest(SipMessage, Protocol):
    """A SIP request."""

    @property
    def uri(self) -> str:
        """The Request-URI."""
        ...

    @property
    def is_initial(self) -> bool:
        """Whether the request is outside any dialog."""
        ...

    def create_response(self, status: int, reason: str | None = None) -> SipResponse:
        """Make a response, not yet sent.

        Errors: InvalidStateError for a request that we sent or an ACK.
        """
        ...

    def supports(self, option: str) -> bool:
        """Say whether the sender understands an extension, as ``100rel``."""
        ...

    @property
    def is_proxied(self) -> bool:
        """Whether the request is inside a dialog that this application proxies; it goes on by itself."""
        ...

    def create_proxy(self, options: ProxyOptions | None = None) -> Proxy:
        """Begin to pass the request on, or return the proxy that does so already.

        Errors: InvalidStateError inside a dialog and when the request was answered; NotRoutableError for what may not
        be passed on, which unhandled is the answer.
        Source: RFC 3261 16.3.
        """
        ...

    def push_route(self, uri: str) -> None:
        """Have an initial request that is being made go by way of ``uri``, before what was pushed until now.

        Errors: ValueError for what is no URI; InvalidStateError for a received request.
        """
        ...

    def create_cancel(self) -> SipRequest:
        """Make the CANCEL of an INVITE that we sent; it waits for the first provisional response by itself.

        Errors: InvalidStateError for another kind of request.
        Source: RFC 3261 9.1.
        """
        ...


class SipResponse(SipMessage, Protocol):
    """A SIP response."""

    @property
    def status(self) -> int:
        """The status code, 100 to 699."""
        ...

    @property
    def reason(self) -> str:
        """The reason phrase."""
        ...

    @property
    def request(self) -> SipRequest:
        """The request that this answers."""
        ...

    @property
    def proxy(self) -> Proxy | None:
        """The proxy whose request this answers, None for the answer to a request of our own."""
        ...

    @property
    def is_branch_response(self) -> bool:
        """Whether it is the final response of one target while others are tried."""
        ...

    @property
    def is_reliable(self) -> bool:
        """Whether a provisional response has to be acknowledged with ``create_prack``."""
        ...

    def send_reliably(self) -> None:
        """Queue a provisional response that repeats until its PRACK comes; what is sent later waits for that.

        Errors: InvalidStateError when the sender of the INVITE does not know 100rel, and as ``send``.
        Source: RFC 3262 3.
        """
        ...

    def create_prack(self) -> SipRequest:
        """Make the PRACK to a reliable provisional response.

        Errors: InvalidStateError when it is not reliable or was acknowledged.
        Source: RFC 3262 4.
        """
        ...

    def create_ack(self) -> SipRequest:
        """Make the ACK to a 2xx; the ACK to another final response is sent by the container.

        Errors: InvalidStateError when this is no 2xx to an INVITE.
        """
        ...

    def create_redirected(self) -> SipRequest | None:
        """Make our initial request that has failed anew, for the next place that its redirections named; None if none.

        It is never sent to one place twice, nor to more than ten.

        Errors: InvalidStateError for another kind of response.
        Source: RFC 3261 8.1.3.4.
        """
        ...
