"""The proxy: passes a request on to one or more targets and the responses back, and stays in the call if asked to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.servlet.messages import SipRequest
from server.servlet.registrar import Registration


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """How a request is passed on.

    Shape: ``record_route`` keeps the application in the way of the dialog that an INVITE makes; without ``parallel``
    each target is tried by itself; ``recurse`` follows redirections; ``supervised`` tells the servlet of responses.
    ``path`` has what is sent to a phone that registers come this way, over its connection (RFC 3327, RFC 5626);
    ``session_expires`` asks for a session timer where nobody else does (RFC 4028 8).
    Units: ``session_expires`` seconds between two refreshes, 0 to ask for none; ``timeout`` seconds for a target to
    answer finally, 0 for as long as it rings.
    """

    record_route: bool = False
    parallel: bool = True
    recurse: bool = True
    supervised: bool = True
    timeout: float = 0.0
    session_expires: int = 0
    path: bool = False


class ProxyBranch(Protocol):
    """One target that the request was passed on to."""

    @property
    def uri(self) -> str:
        """The target."""
        ...

    @property
    def state(self) -> str:
        """``Calling``, ``Proceeding`` or ``Completed``."""
        ...

    @property
    def status(self) -> int:
        """The final status, 0 while there is none."""
        ...


class Proxy(Protocol):
    """Passes one request on.

    Targets of one preference are tried at the same time, the higher preference first. The best final response goes back
    once nothing is left to try; before it does, the servlet sees it in ``do_response`` and may name more targets.

    Source: JSR 289 10; RFC 3261 16.
    """

    @property
    def original_request(self) -> SipRequest:
        """The request that is passed on; answering it gives up the targets."""
        ...

    @property
    def branches(self) -> Sequence[ProxyBranch]:
        """The targets that were tried so far, in order."""
        ...

    def proxy_to(self, *targets: str | Registration) -> None:
        """Try these targets, behind those that are tried already; a target that was named before is left out.

        Errors: ValueError without a target and for what is no URI; InvalidStateError when the request was answered.
        """
        ...

    def assert_identity(self, uri: str) -> None:
        """Have the targets be told who the sender has proved to be; call it before ``proxy_to``.

        Who was vouched for already by a trusted peer stays that. A target that is no trusted peer is told only if the
        sender does not ask for privacy.

        Errors: ValueError for what is no URI.
        Source: RFC 3325 5.
        """
        ...

    def cancel(self) -> None:
        """Cancel what is still tried and try nothing more; the best response to that goes back."""
        ...
