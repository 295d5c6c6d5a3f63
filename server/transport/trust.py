"""Which peers are trusted: those whose addresses the operator has named, and nobody else.

What a trusted peer says of others is believed: who a caller is (RFC 3325), that a request came to it over TLS, and to
which address an answer goes (``maddr``).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from server.errors import ConfigError


class Trust:
    """The trust domain (RFC 3325 2.3).

    Shape: ``entries`` are addresses and networks, ``192.0.2.1`` or ``2001:db8::/32``.
    Errors: ConfigError with every entry that is none.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        faults, networks = [], []
        for entry in entries:
            try:
                networks.append(ip_network(entry))
            except ValueError as error:
                faults.append(f"sip.trusted: {error}")
        if faults:
            raise ConfigError(faults)
        self._networks = tuple(networks)

    def __contains__(self, host: str) -> bool:
        """Say whether the peer at an address is trusted."""
        if not self._networks:
            return False
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


NOBODY = Trust()
