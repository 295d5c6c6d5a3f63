"""Typed header values: Via, addresses with parameters, CSeq.

What the wire repeats from message to message (the sender of a Via, a Contact, a CSeq, any URI) is parsed once and
remembered; what differs (branch, tag) has a short way of its own.

Errors: every parser here raises ValueError, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from server.sip.grammar import TOKEN, is_number, is_token, split_outside_quotes
from server.sip.params import Params, format_params, parse_params
from server.sip.uri import MAX_REMEMBERED, Uri, parse_uri, split_host_port

MAX_CSEQ = 2**31

_is_tag = TOKEN.match
_is_branch = re.compile(r"(?![zZ]9[hH][gG]4[bB][kK]\Z)" + TOKEN.pattern).match
"""A magic cookie with nothing behind it would be the branch of many transactions (RFC 4475 3.2.1)."""

_WORD = TOKEN.pattern.removesuffix(r"\Z")
_TAG_ALONE = re.compile(rf"tag=({_WORD})\Z").match
_BRANCH_ALONE = re.compile(rf"(rport;)?branch=(?![zZ]9[hH][gG]4[bB][kK](?:;|\Z))({_WORD})(;rport)?\Z").match
"""What nearly every message has, in one look; anything else is parsed parameter by parameter."""

_ADDRESS = re.compile(
    r'(?:(?:"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*|([^"<>,;\\]*))<([^\x00-\x20\x7f<>"]+)>|([^\x00-\x20\x7f<>"?,;]+))',
    re.DOTALL,
)
"""A quoted or plain display name and a URI in angle brackets, or a URI alone: quoted, plain, URI, URI alone.

A URI alone holds no ``?`` and no ``,``: whose they are could be read in two ways (RFC 3261 20.10).
"""


class Via(msgspec.Struct, frozen=True):
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
    def rport(self) -> int | None:
        """The rport parameter, None when it is missing or has no value yet (RFC 3581)."""
        text = self.params.get("rport")
        return int(text) if text is not None and is_number(text, 5) else None

    @property
    def sent_by(self) -> str:
        """``host[:port]``, as it stands in transaction keys."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{format_params(self.params)}"


class NameAddr(msgspec.Struct, frozen=True):
    """An address with a display name and header parameters, as in From, To, Contact, Route.

    Shape: ``display`` is without the quotes around it, but with the backslashes in it.
    """

    display: str | None
    uri: str
    params: Params

    @property
    def tag(self) -> str | None:
        """The tag parameter."""
        return self.params.get("tag")

    @property
    def expires(self) -> int | None:
        """The expires parameter in seconds, None without one that is a number (RFC 3261 20.10)."""
        text = self.params.get("expires")
        return int(text) if text is not None and is_number(text) else None

    @property
    def parsed_uri(self) -> Uri:
        """The URI, parsed.

        Errors: ValueError for ``*``, and for what was not parsed but made.
        """
        return parse_uri(self.uri)

    def __str__(self) -> str:
        if self.uri == "*" and self.display is None and not self.params:
            return "*"
        display = f'"{self.display}" ' if self.display is not None else ""
        return f"{display}<{self.uri}>{format_params(self.params)}"


class CSeq(NamedTuple):
    """Sequence number and method."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse_via(text: str) -> Via:
    """Parse one Via value; a branch must be a token, since it becomes part of a transaction's key."""
    head, _, rest = text.partition(";")
    transport, host, port = _sender(head) if len(head) <= MAX_REMEMBERED else _sent(head)
    found = _BRANCH_ALONE(rest)
    if found is None:
        return Via(transport, host, port, _params(rest, "branch", _is_branch))
    before, branch, behind = found.groups()
    params: dict[str, str | None] = {"branch": branch}
    if before or behind:
        params = {"rport": None, **params} if before else {**params, "rport": None}
    return Via(transport, host, port, params)


def parse_top_via(text: str) -> Via:
    """Parse the first Via value of a line, which may be a list."""
    return parse_via(split_outside_quotes(text, ",")[0] if "," in text else text)


def _sent(head: str) -> tuple[str, str, int | None]:
    """Return transport, host and port of ``SIP/2.0/UDP host:port``, blanks allowed around slashes and colon."""
    squeezed = "/".join([part.strip(" \t") for part in head.split("/")])
    protocol, _, sent_by = squeezed.replace("\t", " ").partition(" ")
    parts = protocol.split("/")
    if len(parts) != 3 or parts[0].upper() != "SIP" or not is_token(parts[1]) or not is_token(parts[2]):
        raise ValueError(f"{protocol!r} is no sent-protocol of a Via")
    words = sent_by.replace(":", " : ").split() if "[" not in sent_by else sent_by.split()
    if len(words) > 3 or (len(words) > 1 and not any(word.startswith(":") for word in words)):
        raise ValueError(f"{sent_by!r} is no sent-by of a Via")
    host, port = split_host_port("".join(words))
    return parts[2].upper(), host, port


_sender = lru_cache(maxsize=2048)(_sent)


def parse_name_addr(text: str) -> NameAddr:
    """Parse one ``"Display" <uri>;params`` or ``uri;params``; a tag must be a token, the URI is one or ``*``."""
    head, angle, params = text.partition(">;")
    if angle and '"' not in params:
        head += ">"
        display, uri, rest = _split_address(head) if len(head) <= MAX_REMEMBERED else _split(head)
        if rest:
            params = f"{rest};{params}"
    else:
        display, uri, params = _split_address(text) if len(text) <= MAX_REMEMBERED else _split(text)
    if not params:
        return NameAddr(display, uri, {})
    found = _TAG_ALONE(params)
    return NameAddr(display, uri, _params(params, "tag", _is_tag) if found is None else {"tag": found[1]})


def _params(text: str, key: str, is_key: Callable[[str], object]) -> Params:
    """Parse parameters of which one is a key."""
    if not text:
        return {}
    found = parse_params(text)
    given = found.get(key, "-")
    if given is None or not is_key(given):
        raise ValueError(f"the {key} {given!r} is no token, or nothing but the magic cookie")
    return found


def _split(text: str) -> tuple[str | None, str, str]:
    """Return display name, URI and the parameters' text.

    A display name without quotes may have characters that are none of a token, as they are met in the field, but none
    that separate one thing from the next.
    """
    text = text.strip(" \t")
    found = _ADDRESS.match(text)
    if found is None:
        raise ValueError(f"{text[:80]!r} is no address")
    quoted, plain, uri, bare = found.groups()
    params = text[found.end() :].lstrip(" \t")
    if params and not params.startswith(";"):
        raise ValueError(f"what follows the URI are no parameters: {text[:80]!r}")
    display = (plain.strip(" \t") or None) if quoted is None and plain is not None else quoted
    uri = uri or bare
    if uri != "*":
        parse_uri(uri)
    return display, uri, params[1:]


_split_address = lru_cache(maxsize=2048)(_split)


def parse_name_addrs(values: tuple[str, ...]) -> tuple[NameAddr, ...]:
    """Parse every value of every line, which may be a list."""
    return tuple([parse_name_addr(part) for value in values for part in split_outside_quotes(value, ",")])


@lru_cache(maxsize=2048)
def parse_cseq(text: str) -> CSeq:
    """Parse ``number method``."""
    words = text.split()
    if len(words) != 2 or not is_number(words[0]) or int(words[0]) >= MAX_CSEQ or not is_token(words[1]):
        raise ValueError(f"{text[:40]!r} is no CSeq")
    return CSeq(int(words[0]), words[1])
