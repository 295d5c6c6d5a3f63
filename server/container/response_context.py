"""The response context of a proxy as a value, the events that it takes and the effects that come of them.

A context knows the targets of one request, the branches it was forwarded on and what they answered. It is plain data
and stands in the section ``proxies`` of the call state; what it does is in ``forking.py``.

Source: RFC 3261 16.2, 16.7.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import msgspec

from server.sip.message import Response
from server.transport.flow import Flow

TIMER_C = 185.0
"""Seconds that a branch of an INVITE is waited for, from its start or its last provisional response.

Source: RFC 3261 16.6 step 11 (more than three minutes).
"""


class Target(msgspec.Struct, frozen=True, array_like=True):
    """Where a request may go.

    Shape: ``q`` is the preference, 0 to 1; ``routes`` are to be visited on the way (RFC 3327), ``flows`` are those that
    the target registered over.
    """

    uri: str
    q: float = 1.0
    routes: tuple[str, ...] = ()
    flows: tuple[Flow, ...] = ()


class Branch(msgspec.Struct, frozen=True, array_like=True):
    """One try of one target.

    A branch is ``Calling`` until anything is heard of it, ``Proceeding`` after a provisional response and ``Completed``
    after a final one.

    Shape: ``key`` is that of the client transaction, ``breadth`` its Max-Breadth; ``cancelled`` says that a CANCEL was
    sent or waits to be; ``status`` and ``response`` are the final one, without bytes when nobody sent it.
    Units: ``timer_c`` and ``gives_up`` are deadlines.
    """

    number: int
    target: Target
    breadth: int
    timer_c: float = inf
    gives_up: float = inf
    key: str = ""
    state: str = "Calling"
    cancelled: bool = False
    status: int = 0
    response: bytes = b""

    @property
    def uri(self) -> str:
        """The target's URI."""
        return self.target.uri

    @property
    def due(self) -> float:
        """The earliest deadline."""
        return min(self.timer_c, self.gives_up)


class ResponseContext(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one request that is proxied.

    Shape: ``key`` is that of the server transaction, ``session`` the SIP session of the application that proxies;
    ``supervised`` says that its servlet hears of responses, ``path`` that a Path is added;
    ``identity`` is who the sender has proved to be, ``reasons`` is why the request was given up (RFC 3326);
    ``waiting`` are groups of targets that are tried one after another; ``status`` is the final one that was passed on.
    Units: ``session_expires`` seconds between two refreshes that are asked for if nobody else asks, 0 for none;
    ``patience`` seconds for a branch to answer finally, 0 for as long as it takes.
    """

    key: str
    session: str
    method: str
    breadth: int
    secure: bool = False
    parallel: bool = True
    recurse: bool = True
    record_route: bool = False
    supervised: bool = True
    patience: float = 0.0
    session_expires: int = 0
    path: bool = False
    identity: str = ""
    reasons: tuple[str, ...] = ()
    waiting: tuple[tuple[Target, ...], ...] = ()
    branches: tuple[Branch, ...] = ()
    status: int = 0
    cancelled: bool = False

    @property
    def pending(self) -> tuple[Branch, ...]:
        """The branches without a final response."""
        return tuple([branch for branch in self.branches if branch.state != "Completed"])

    @property
    def due(self) -> float:
        """The earliest deadline, infinity for none."""
        return min((branch.due for branch in self.pending), default=inf)

    @property
    def is_over(self) -> bool:
        """Whether no branch and no target is left to wait for."""
        return not self.waiting and not self.pending


class Add(NamedTuple):
    """The application names targets."""

    targets: tuple[Target, ...]


class Received(NamedTuple):
    """A response came on a branch; our Via is not on it any more."""

    number: int
    response: Response


class Gone(NamedTuple):
    """A branch ended without a response; ``status`` is the one that stands for it."""

    number: int
    status: int


class CancelAll(NamedTuple):
    """The caller or the application gives the request up."""


class Expire(NamedTuple):
    """Time has passed."""


Event = Add | Received | Gone | CancelAll | Expire


class Start(NamedTuple):
    """Forward the request on a branch."""

    branch: Branch


class Cancel(NamedTuple):
    """Send a CANCEL on a branch."""

    branch: Branch


class Drop(NamedTuple):
    """Forget the client transaction of a branch that has had its time."""

    branch: Branch


class Forward(NamedTuple):
    """Pass a provisional response or a 2xx on at once."""

    response: Response
    branch: Branch


class Ended(NamedTuple):
    """A branch has ended without success; for whoever wants to know."""

    branch: Branch


class Best(NamedTuple):
    """Nothing is left to try: pass the final response of this branch on."""

    branch: Branch


Effect = Start | Cancel | Drop | Forward | Ended | Best
Step = tuple[ResponseContext, tuple[Effect, ...]]


SECTION = "proxies"
"""The name of the section of the call state; a call that is never proxied has none."""


class Party(msgspec.Struct, array_like=True):
    """Who takes part in a dialog: the flow to it, and whether it has accepted the INVITE."""

    flow: Flow
    accepted: bool = False


class Contexts(msgspec.Struct, array_like=True):
    """The section ``proxies``.

    Shape: ``contexts`` by the key of their server transaction; ``parties`` by session and tag, the caller first.
    """

    contexts: dict[str, ResponseContext] = {}
    parties: dict[str, dict[str, Party]] = {}
