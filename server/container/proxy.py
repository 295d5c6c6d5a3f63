"""The proxy of one request, as its application sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from server.container.messages import InboundRequest
from server.container.registrar import Bound
from server.container.response_context import SECTION, Branch, Contexts, Target
from server.engine.call import Call
from server.servlet.registrar import Registration
from server.sip.uri import parse_uri

if TYPE_CHECKING:
    from server.container.proxies import Proxies


class ContainerProxy:
    """The proxy of one request, as its application sees it."""

    def __init__(self, proxies: Proxies, call: Call, key: str) -> None:
        self._proxies = proxies
        self._call = call
        self._key = key

    @property
    def original_request(self) -> InboundRequest:
        """The request that is passed on.

        Errors: InvalidStateError when its transaction or its session has ended.
        """
        return self._proxies.original_request(self._call, self._key)

    @property
    def branches(self) -> Sequence[Branch]:
        """The targets that were tried so far."""
        context = self._call.section(SECTION, Contexts).contexts.get(self._key)
        return () if context is None else context.branches

    def proxy_to(self, *targets: str | Registration) -> None:
        """Try targets."""
        if not targets:
            raise ValueError("there is no target to proxy to")
        self._proxies.add(self._call, self._key, tuple([_target(target) for target in targets]))

    def assert_identity(self, uri: str) -> None:
        """Say who the sender of the request has proved to be."""
        parse_uri(uri)
        self._proxies.assert_identity(self._call, self._key, uri)

    def cancel(self) -> None:
        """Cancel what is tried."""
        self._proxies.cancel(self._call, self._key)


def _target(target: str | Registration) -> Target:
    """Return what an application names as a target.

    Errors: ValueError for what is no URI.
    """
    if isinstance(target, str):
        parse_uri(target)
        return Target(target)
    flows = target.flows if isinstance(target, Bound) else ()
    return Target(target.contact, target.q, target.path, flows)
