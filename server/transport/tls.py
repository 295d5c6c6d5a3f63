"""TLS: SIP on a secured stream, and whom a certificate speaks for.

A connection that is opened from here is used for the one name that its peer was found to bear, never for another that
happens to have the same address. Certificates can be read again at any time: connections that are open keep what they
began with.

Source: RFC 3261 26.3, RFC 5922, RFC 8996 (nothing below TLS 1.2).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Any

from server.config import ConnectionsConfig, TlsConfig
from server.errors import ConfigError
from server.sip.uri import SipUri, parse_uri
from server.transport.channel import SipChannel
from server.transport.locate import numeric
from server.transport.receiver import Receiver
from server.transport.stream import StreamTransport


class Tls:
    """Our certificate, and whom we trust.

    Errors: ConfigError from ``__init__`` when a file cannot be used.
    """

    def __init__(self, config: TlsConfig) -> None:
        self._config = config
        self._server, self._client = self._contexts()

    def reload(self) -> None:
        """Read the files again, for connections made from now on.

        Errors: ConfigError when a file cannot be used; then everything stays as it was.
        """
        self._server, self._client = self._contexts()

    def accept(self, plain: socket.socket) -> socket.socket:
        """Return the secured socket of a connection that was accepted.

        Errors: OSError when the peer does not shake hands.
        Switches: yes.
        """
        return self._server.wrap_socket(plain, server_side=True)

    def connect(self, plain: socket.socket, name: str) -> socket.socket:
        """Return the secured socket of a connection that was opened to whoever bears the name.

        Errors: OSError when the peer does not shake hands, is not trusted, or does not bear the name.
        Switches: yes.
        """
        secured = self._client.wrap_socket(plain, server_hostname=name.strip("[]"))
        certificate = secured.getpeercert() or {}
        if not bears(certificate, name):
            secured.close()
            raise ssl.SSLCertVerificationError(f"the certificate of the peer is not for {name}")
        return secured

    def _contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        config = self._config
        server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False  # it knows nothing of SIP domains; ``bears`` does
        try:
            for context in (server, client):
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.load_cert_chain(config.certificate, config.key or None, password=_no_password)
            if config.authorities:
                client.load_verify_locations(config.authorities)
            else:
                client.load_default_certs()
        except (OSError, ValueError) as error:
            files = ", ".join(filter(None, (config.certificate, config.key, config.authorities)))
            raise ConfigError([f"tls: certificate, key or authorities cannot be used ({files}): {error}"]) from error
        return server, client


class TlsTransport(StreamTransport):
    """A TLS listener and its connections.

    Errors: OSError from ``__init__`` when the address cannot be bound.
    """

    def __init__(
        self,
        host: str,
        port: int,
        receiver: Receiver,
        limits: ConnectionsConfig,
        tls: Tls,
    ) -> None:
        super().__init__("TLS", host, port, receiver, limits, SipChannel, tls)


def bears(certificate: Mapping[str, Any], name: str) -> bool:
    """Say whether a certificate speaks for a SIP domain: by a sip: URI if it has any, else by a DNS name.

    A wildcard speaks for nobody, and the common name is not looked at. An address is spoken for by an address.

    Shape: ``certificate`` as ``SSLSocket.getpeercert()`` gives it.
    Source: RFC 5922 7.1, 7.2.
    """
    alternatives = certificate.get("subjectAltName", ())
    address = numeric(name)
    if address is not None and name.lower() != "localhost":
        return any(kind == "IP Address" and numeric(value) == address for kind, value in alternatives)
    domains = [domain for kind, value in alternatives if kind == "URI" and (domain := _domain(value))]
    domains = domains or [value for kind, value in alternatives if kind == "DNS"]
    wanted = name.rstrip(".").lower()
    return any(domain.rstrip(".").lower() == wanted for domain in domains)


def _domain(text: str) -> str | None:
    """Return the domain of a SIP URI that names one and no user (RFC 5922 7.1)."""
    try:
        uri = parse_uri(text)
    except ValueError:
        return None
    return uri.host if isinstance(uri, SipUri) and uri.user is None else None


def _no_password() -> str:
    raise ValueError("the key is locked with a password")
