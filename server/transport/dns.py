"""Asks DNS with dnspython, whose sockets gevent has made cooperative."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from server.config import Address
from server.errors import ConfigError
from server.transport.locate import Naptr, Records, Srv
from server.transport.locator import NEGATIVE_TTL, Answer

log = logging.getLogger(__name__)


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace")


_READERS: dict[str, Callable[[Any], Naptr | Srv | str]] = {
    "A": lambda record: str(record.address),
    "AAAA": lambda record: str(record.address),
    "SRV": lambda record: Srv(record.priority, record.weight, record.port, _host(record.target)),
    "NAPTR": lambda record: Naptr(
        record.order, record.preference, _text(record.flags), _text(record.service), _host(record.replacement)
    ),
}


def _nameserver(text: str) -> dns.nameserver.Nameserver:
    try:
        address = Address.parse(text) if text.count(":") == 1 or text.startswith("[") else Address(text, 53)
        ip_address(address.host)
    except ValueError as error:
        raise ConfigError([f"dns.servers: {text!r} is not ADDRESS or ADDRESS:PORT: {error}"]) from error
    return dns.nameserver.Do53Nameserver(address.host, address.port)


class DnsResolver:
    """A stub resolver.

    Shape: ``servers`` are ``ADDRESS`` or ``ADDRESS:PORT``; without any, those of ``/etc/resolv.conf`` are asked.
    Units: ``timeout`` seconds for one question, all servers and repetitions together.
    Errors: ConfigError for a server that is no numeric address.
    """

    def __init__(self, servers: Sequence[str], timeout: float) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration:
            self._resolver = dns.resolver.Resolver(configure=False)
        if servers:
            self._resolver.nameservers = [_nameserver(server) for server in servers]
        self._timeout = timeout

    def query(self, name: str, kind: str) -> Answer:
        """Return the records of a name.

        Switches: yes.
        """
        try:
            found = self._resolver.resolve(name + ".", kind, lifetime=self._timeout, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return Answer((), NEGATIVE_TTL)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            log.warning("DNS: %s %s: %s", name, kind, error)
            return Answer((), NEGATIVE_TTL)
        if found.rrset is None:
            return Answer((), NEGATIVE_TTL)
        read = _READERS[kind]
        records: Records = [read(record) for record in found.rrset]  # type: ignore[assignment]
        return Answer(records, float(found.rrset.ttl))
