"""Several sockets of one transport as one: each flow knows by its local address which of them it is of."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import lru_cache

from server.errors import TransportError
from server.transport.flow import Flow, Transport


class Listeners:
    """The sockets of one transport; the first of a family is the one to fall back on."""

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._transports = tuple(transports)
        self._by_local = {transport.local: transport for transport in transports}

        self.local = transports[0].local

    def start(self) -> None:
        """Begin to receive on every one."""
        for transport in self._transports:
            transport.start()

    def stop(self, timeout: float) -> None:
        """Close every one."""
        for transport in self._transports:
            transport.stop(timeout)

    def statistics(self) -> object:
        """Return the counts of each, in order."""
        return tuple(transport.statistics() for transport in self._transports)

    def send(self, data: bytes, flow: Flow) -> None:
        """Hand one message to the network.

        Errors: TransportError.
        """
        self._of(flow).send(data, flow)

    def is_open(self, flow: Flow) -> bool:
        """Say whether something can be sent over the flow."""
        return self._of(flow).is_open(flow)

    def flow_to(self, host: str, port: int, name: str = "") -> Flow:
        """Return the flow to an address, from the one of ours that this machine would use.

        Errors: TransportError when none of ours is of its family.
        """
        same = self._of_family(host)
        if len(same) > 1:
            source = _source(host)
            same = [transport for transport in same if transport.local[0] == source] or same
        return same[0].flow_to(host, port, name)

    def _of(self, flow: Flow) -> Transport:
        found = self._by_local.get((flow.local_host, flow.local_port))
        if found is None:  # one that is bound to all addresses, or an address that is no more
            found = self._by_local.get(("::" if ":" in flow.local_host else "0.0.0.0", flow.local_port))
        return found or self._of_family(flow.remote_host)[0]

    def _of_family(self, host: str) -> list[Transport]:
        found = [transport for transport in self._transports if (":" in transport.local[0]) == (":" in host)]
        if not found:
            raise TransportError(host, f"no address of its family is listened on, only {sorted(self._by_local)}")
        return found


@lru_cache(maxsize=1024)
def is_local(host: str) -> bool:
    """Say whether an address is one of this machine's."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
        return True


def _source(host: str) -> str:
    """Return the address of this machine that the kernel would send from; empty when there is no way."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])
