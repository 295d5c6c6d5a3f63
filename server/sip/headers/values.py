"""Typed header values: Via, addresses with parameters, CSeq.

Errors: every parser here raises ValueError, with the reason.
"""

from __future__ import annotations

from typing import NamedTuple

from server.sip.grammar import is_token, split_outside_quotes
from server.sip.params import Params, format_params, parse_params
from server.sip.uri import Uri, parse_uri, split_host_port

MAX_CSEQ = 2**31


class Via(NamedTuple):
    """One Via value (RFC 3261 20.42)."""

    transport: str
    host: str
    port: int | None
    params: Params

    @property
    def branch(self) -> str | None:
        """The branch parameter."""
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """The received parameter."""
        return self.params.get("received")

    @property
    def sent_by(self) -> str:
        """``host[:port]``, as it stands in transaction keys."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{format_params(self.params)}"


class NameAddr(NamedTuple):
    """An address with a display name and header parameters, as in From, To, Contact, Route."""

    display: str | None
    uri: str
    params: Params

    @property
    def tag(self) -> str | None:
        """The tag parameter."""
        return self.params.get("tag")

    @property
    def parsed_uri(self) -> Uri:
        """The URI, parsed.

        Errors: ValueError.
        """
        return parse_uri(self.uri)

    def __str__(self) -> str:
        display = f'"{self.display}" ' if self.display else ""
        return f"{display}<{self.uri}>{format_params(self.params)}"


class CSeq(NamedTuple):
    """Sequence number and method."""

    number: int
    method: str


def parse_via(text: str) -> Via:
    """Parse one Via value."""
    head, _, params = text.partition(";")
    words = head.split()
    if len(words) == 2:
        protocol, sent_by = words
    else:
        protocol, sent_by = _spaced_via(head)
    parts = protocol.split("/")
    if len(parts) != 3 or parts[0].upper() != "SIP" or not is_token(parts[2]):
        raise ValueError(f"{protocol!r} is no sent-protocol of a Via")
    host, port = split_host_port(sent_by)
    return Via(parts[2].upper(), host, port, parse_params(params))


def _spaced_via(head: str) -> tuple[str, str]:
    """Take blanks out from around the slashes and the colon of ``SIP / 2.0 / UDP host : 5060``."""
    squeezed = "/".join(part.strip() for part in head.split("/"))
    protocol, _, sent_by = squeezed.partition(" ")
    return protocol, sent_by.replace(" ", "").replace("\t", "")


def parse_name_addr(text: str) -> NameAddr:
    """Parse one ``"Display" <uri>;params`` or ``uri;params``."""
    text = text.strip()
    if text.startswith('"'):
        end = 1
        while end < len(text) and text[end] != '"':
            end += 2 if text[end] == "\\" else 1
        display: str | None = text[1:end]
        rest = text[end + 1 :].lstrip()
        if not rest.startswith("<"):
            raise ValueError(f"no '<' after the display name: {text!r}")
    else:
        before, angle, behind = text.partition("<")
        if not angle:
            uri, _, params = text.partition(";")
            uri = uri.strip()
            if not uri:
                raise ValueError("there is no URI")
            return NameAddr(None, uri, parse_params(params))
        display, rest = before.strip() or None, angle + behind
    uri, angle, params = rest[1:].partition(">")
    if not angle or not uri:
        raise ValueError(f"no URI between angle brackets: {text!r}")
    params = params.lstrip()
    if params and not params.startswith(";"):
        raise ValueError(f"what follows '>' are no parameters: {text!r}")
    return NameAddr(display, uri.strip(), parse_params(params[1:]))


def parse_name_addrs(values: tuple[str, ...]) -> tuple[NameAddr, ...]:
    """Parse every value of every line, which may be a list."""
    return tuple(parse_name_addr(part) for value in values for part in split_outside_quotes(value, ","))


def parse_cseq(text: str) -> CSeq:
    """Parse ``number method``."""
    words = text.split()
    if len(words) != 2 or not words[0].isascii() or not words[0].isdigit() or len(words[0]) > 10:
        raise ValueError(f"{text!r} is no CSeq")
    number = int(words[0])
    if number >= MAX_CSEQ or not is_token(words[1]):
        raise ValueError(f"{text!r} is no CSeq")
    return CSeq(number, words[1])
