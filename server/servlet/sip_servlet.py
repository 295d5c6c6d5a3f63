"""The base class of SIP servlets.

The container calls ``service`` with every message of the sessions that the servlet handles; ``service`` calls the
``do_`` method for it. A servlet object serves all calls: what belongs to one call stands in its sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

from server.servlet.context import ServletContext
from server.servlet.messages import SipRequest, SipResponse
from server.servlet.sessions import SipSession
from server.servlet.timers import ServletTimer

_SERVED = "INVITE ACK BYE CANCEL OPTIONS REGISTER INFO MESSAGE UPDATE PRACK SUBSCRIBE NOTIFY REFER PUBLISH"

METHODS = {method: f"do_{method.lower()}" for method in _SERVED.split()}
"""SIP method -> the method of the servlet that serves it; another SIP method is answered with 405."""

UNSERVED = frozenset({"INVITE", "REGISTER", "INFO", "MESSAGE", "UPDATE", "REFER"})
"""Methods that a servlet answers with 501 if it does not serve them by itself."""

UNDERSTOOD = (
    ("Accept", "application/sdp"),
    ("Accept-Encoding", "identity"),
    ("Accept-Language", "en"),
    ("Supported", "100rel, timer, replaces, tdialog, from-change"),
)
"""What the answer to an OPTIONS says besides the methods (RFC 3261 11.2)."""


SIPFRAG = "message/sipfrag;version=2.0"
"""The media type of a status line that tells of a referral (RFC 3420)."""


class SipServlet:
    """Serves SIP messages; override the ``do_`` methods that the application needs.

    Source: JSR 289, SipServlet.
    """

    response_classes: ClassVar[dict[int, str]] = {
        1: "do_provisional_response",
        2: "do_success_response",
        3: "do_redirect_response",
    }

    events: ClassVar[tuple[str, ...]] = ()
    """The event packages that this servlet tells of (RFC 6665); a SUBSCRIBE to another is refused with 489."""

    watches: ClassVar[bool] = False
    """Whether its subscribers are told by themselves when what they have subscribed to is published or registered."""

    info_packages: ClassVar[tuple[str, ...] | None] = ()
    """The INFO packages that this servlet takes (RFC 6086), None for any; an INFO of another is refused with 469."""

    joins: ClassVar[bool] = False
    """Whether an INVITE may join a dialog of this servlet (RFC 3911), which has to mix media; else it is 488."""

    accepts: ClassVar[tuple[str, ...]] = ()
    """The media types that this servlet takes, in lower case, alone or as parts; a body of another that must be
    understood is refused with 415. Without any it sees every body and decides by itself, as what passes bodies on."""

    def __init__(self, context: ServletContext) -> None:
        self.context = context

    def service(self, message: SipRequest | SipResponse) -> None:
        """Call the ``do_`` method for the message."""
        if getattr(message, "status", 0):
            response = cast("SipResponse", message)
            (self.do_branch_response if response.is_branch_response else self.do_response)(response)
        elif cast("SipRequest", message).is_proxied:
            self.do_proxied_request(cast("SipRequest", message))
        else:
            getattr(self, METHODS.get(message.method, "do_other"))(message)

    def allowed(self) -> Sequence[str]:
        """Return the methods that this servlet serves, as Allow lists them: those that it does not answer with 501.

        Source: RFC 3261 20.5.
        """
        kind = type(self)
        if kind.do_other is not SipServlet.do_other:
            return tuple(METHODS)
        unserved = UNSERVED if self.events else UNSERVED | {"SUBSCRIBE", "PUBLISH"}
        return [
            method
            for method, name in METHODS.items()
            if method not in unserved or getattr(kind, name) is not getattr(SipServlet, name)
        ]

    def do_invite(self, request: SipRequest) -> None:
        """Serve an INVITE; the default answers 501."""
        self.do_other(request)

    def do_ack(self, request: SipRequest) -> None:
        """Serve the ACK to a 2xx that this servlet sent."""

    def do_bye(self, request: SipRequest) -> None:
        """Serve a BYE; the default answers 200."""
        request.create_response(200).send()

    def do_cancel(self, request: SipRequest) -> None:
        """Take notice of a CANCEL; the container has answered it, and the INVITE with 487."""

    def do_options(self, request: SipRequest) -> None:
        """Serve an OPTIONS; the default answers 200."""
        response = request.create_response(200)
        response.set_header("Allow", ", ".join(self.allowed()))
        for name, value in UNDERSTOOD:
            response.set_header(name, value)
        response.send()

    def do_register(self, request: SipRequest) -> None:
        """Serve a REGISTER; the default answers 501."""
        self.do_other(request)

    def do_info(self, request: SipRequest) -> None:
        """Serve an INFO; the default answers 501."""
        self.do_other(request)

    def do_message(self, request: SipRequest) -> None:
        """Serve a MESSAGE; the default answers 501."""
        self.do_other(request)

    def do_update(self, request: SipRequest) -> None:
        """Serve an UPDATE; the default answers 501."""
        self.do_other(request)

    def do_prack(self, request: SipRequest) -> None:
        """Serve the PRACK to a response that was sent reliably; the default answers 200."""
        request.create_response(200).send()

    def do_subscribe(self, request: SipRequest) -> None:
        """Serve a SUBSCRIBE to one of ``events``; the default accepts it. The container notifies at once."""
        request.create_response(200).send() if self.events else self.do_other(request)

    def do_publish(self, request: SipRequest) -> None:
        """Serve a PUBLISH to one of ``events``; the default keeps what is published in ``context.publications``."""
        self.context.publications.publish(request) if self.events else self.do_other(request)

    def do_refer(self, request: SipRequest) -> None:
        """Serve a REFER; the default answers 501. One that is accepted is told at once, and by ``session.notify``.

        Source: RFC 3515.
        """
        self.do_other(request)

    def do_notify(self, request: SipRequest) -> None:
        """Take a NOTIFY of a subscription that this servlet has asked for; the default answers 200."""
        request.create_response(200).send()

    def do_other(self, request: SipRequest) -> None:
        """Serve a request that no other method serves; the default answers 501."""
        request.create_response(501).send()

    def do_proxied_request(self, request: SipRequest) -> None:
        """Take notice of a request inside a dialog that this servlet proxies; the container passes it on."""

    def do_branch_response(self, response: SipResponse) -> None:
        """Take notice of the final response of one target while others are tried."""

    def do_response(self, response: SipResponse) -> None:
        """Call the ``do_`` method for the class of a response; one that is proxied is passed on behind that."""
        getattr(self, self.response_classes.get(response.status // 100, "do_error_response"))(response)

    def do_provisional_response(self, response: SipResponse) -> None:
        """Take a 1xx (never 100); the default acknowledges a reliable one."""
        if response.is_reliable and response.proxy is None:
            response.create_prack().send()

    def do_success_response(self, response: SipResponse) -> None:
        """Take a 2xx; a 2xx to an INVITE has to be acknowledged with ``create_ack``."""

    def do_redirect_response(self, response: SipResponse) -> None:
        """Take a 3xx; the default treats it as an error."""
        self.do_error_response(response)

    def do_error_response(self, response: SipResponse) -> None:
        """Take a 4xx, 5xx or 6xx; the container has acknowledged it."""

    def timeout(self, timer: ServletTimer) -> None:
        """Take a timer of ``context.timers`` that has fired."""

    def no_ack_received(self, session: SipSession) -> None:
        """Take notice that a 2xx was never acknowledged; the container has sent a BYE.

        Source: RFC 3261 13.3.1.4.
        """

    def no_prack_received(self, session: SipSession) -> None:
        """Take notice that a reliable response was never acknowledged; the container has refused the INVITE with 504.

        Source: RFC 3262 3.
        """

    def notification(self, session: SipSession, event: str) -> tuple[bytes, str | None]:
        """Return body and media type of what there is to tell a subscriber of an event package now.

        The default tells who has referred (``refer``) that it is being done, and others nothing.
        """
        del session
        return (b"SIP/2.0 100 Trying", SIPFRAG) if event == "refer" else (b"", None)

    def subscription_ended(self, session: SipSession, event: str, reason: str) -> None:
        """Take notice that a subscription has ended otherwise than by us.

        Shape: ``reason`` is that of the last NOTIFY, or ``timeout``, ``refused`` (ours), ``dropped`` (the peer's).
        """

    def session_expired(self, session: SipSession) -> None:
        """Take notice that the peer did not refresh the session; the container has sent a BYE.

        Source: RFC 4028 10.
        """
