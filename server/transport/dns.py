"""Asks the hosts file, and DNS with dnspython, whose sockets gevent has made cooperative."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
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

HOSTS = Path("/etc/hosts")
HOSTS_TTL = 3600.0
"""Seconds: the hosts file is read at the start, so its answers may be kept."""


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


def read_hosts(path: Path) -> dict[tuple[str, str], list[str]]:
    """Return the addresses of a hosts file by name and kind of record; what cannot be read says nothing.

    Source: hosts(5).
    """
    found: dict[tuple[str, str], list[str]] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return found
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        try:
            kind = "A" if ip_address(address).version == 4 else "AAAA"
        except ValueError:
            continue
        for name in names:
            found.setdefault((name.rstrip(".").lower(), kind), []).append(address)
    return found


class DnsResolver:
    """A stub resolver; names of the hosts file are not asked for, as elsewhere on the machine.

    Shape: ``servers`` are ``ADDRESS`` or ``ADDRESS:PORT``; without any, those of ``/etc/resolv.conf`` are asked.
    Units: ``timeout`` seconds for one question, all servers and repetitions together.
    Errors: ConfigError for a server that is no numeric address.
    """

    def __init__(self, servers: Sequence[str], timeout: float, hosts: Path = HOSTS) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration:
            self._resolver = dns.resolver.Resolver(configure=False)
        if servers:
            self._resolver.nameservers = [_nameserver(server) for server in servers]
        self._timeout = timeout
        self._hosts = read_hosts(hosts)

    def query(self, name: str, kind: str) -> Answer:
        """Return the records of a name.

        Switches: yes, but for a name of the hosts file.
        """
        listed = self._hosts.get((name, kind))
        if listed is not None:
            return Answer(listed, HOSTS_TTL)
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
