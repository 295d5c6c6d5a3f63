"""What a state machine asks its shell for."""

from __future__ import annotations

import msgspec

from server.sip.message import Request, Response


class Send(msgspec.Struct, frozen=True):
    """Send a message, or stored bytes again, over the flow of the transaction."""

    message: Request | Response | bytes


class Deliver(msgspec.Struct, frozen=True):
    """Tell the transaction user.

    Shape: ``event`` is ``request``, ``response`` or ``ack`` with a message; of a client transaction ``timeout`` or
    ``transport-error``; of a server transaction ``no-ack`` (also from ``usage.invite``) or ``no-answer`` (the user was
    too slow, and the peer has given up).
    """

    event: str
    message: Request | Response | None = None


class Terminate(msgspec.Struct, frozen=True):
    """Forget the transaction."""


Effect = Send | Deliver | Terminate
