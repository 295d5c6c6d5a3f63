"""What DyeInjection does at each dye point, compiled: sets the context of the message there, and resets it.

====================  ======================================  ==================================================
joinpoint             is passed by                            what is done
====================  ======================================  ==================================================
``process_inbound``   every item that enters a call           the context of its message, while it is worked on
``send_outbound``     every SIP message that leaves           its context, while it is written to the wire
``handle_request``    every HTTP request                      its context, until the response is out
``authenticate``      a user who was asked who he is          his dyes are added, when he is found to be that user
``remove``            a call that ends                        its dyes are forgotten
====================  ======================================  ==================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from monitors.message_facts import KEY_LIMIT, MessageFacts, RequestFacts, key_in, key_of_session
from weaver.api import Compiled, add_dyes, begin_message, current_context, end_message, mask_of, message_kind

if TYPE_CHECKING:
    from monitors.dye_injection import Dyer

SipContext, HttpContext = message_kind(MessageFacts), message_kind(RequestFacts)

SIP, HTTP = mask_of(("PROTOCOL_SIP",)), mask_of(("PROTOCOL_HTTP",))


def process_inbound(dyer: Dyer) -> Compiled:
    """Return the advice around what works on an item."""

    def enter(item: Any, call: Any) -> object:
        message = item.message
        look = dyer.sip
        if look is not None:
            vector = look(message, item.flow, item, call.key)
        elif message is None:
            vector = 0
        else:
            vector = SIP
        return begin_message(SipContext, vector, message, call)

    return Compiled(enter, end_message, end_message)


def send_outbound(dyer: Dyer) -> Compiled:
    """Return the advice around what sends a message; its call is that of the turn that made it, if one did."""

    def enter(message: Any, flow: Any, transports: Any) -> object:
        del transports
        call = getattr(current_context.get(), "owner", None)
        look = dyer.sip
        vector = SIP if look is None else look(message, flow, None, key_in(message) if call is None else call.key)
        return begin_message(SipContext, vector, message, call)

    return Compiled(enter, end_message, end_message)


def handle_request(dyer: Dyer) -> Compiled:
    """Return the advice around what serves an HTTP request."""

    def enter(request: Any, servlet: Any, send: Any) -> object:
        del servlet, send
        look = dyer.http
        vector = HTTP if look is None else look(request, None, None, key_of_session(request))
        return begin_message(HttpContext, vector, request, None)

    return Compiled(enter, end_message, end_message)


def authenticate(dyer: Dyer) -> Compiled:
    """Return the advice after what asks who sends a request."""

    def leave(token: object, user: Any) -> None:
        del token
        if not isinstance(user, str) or not user:
            return
        context = current_context.get()
        if context is not None:
            context.note(user_id=user[:KEY_LIMIT], user_source="credentials")
        if dyer.user is not None:
            call = getattr(context, "owner", None)
            add_dyes(dyer.user(user, None, None, None if call is None else call.key))

    return Compiled(None, leave, None, arguments=False)


def remove(dyer: Dyer) -> Compiled:
    """Return the advice before a call's state is removed."""
    drop = dyer.calls.drop

    def enter(store: Any, checkout: Any, tombstone: Any) -> None:
        del store, tombstone
        drop(checkout.key)

    return Compiled(enter)


POINTS: dict[str, Callable[[Dyer], Compiled]] = {
    point.__name__: point for point in (process_inbound, send_outbound, handle_request, authenticate, remove)
}
"""The advice by the name of its function."""
