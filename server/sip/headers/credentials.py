"""Challenges, credentials and Authentication-Info, as text with parameters; what they mean is in ``server.sip.auth``.

Errors: every parser here raises ValueError, with the reason.
"""

from __future__ import annotations

import re

import msgspec

from server.sip.grammar import is_token, unquote
from server.sip.params import Params, parse_params

_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")


class AuthValue(msgspec.Struct, frozen=True):
    """One challenge, or one set of credentials (RFC 3261 25.1 challenge, credentials).

    Shape: values of ``params`` are as written, quotes and all; ``token`` is what schemes such as Basic or Bearer have
    in place of parameters. Authentication-Info has no scheme.
    """

    scheme: str
    params: Params
    token: str = ""

    def param(self, name: str) -> str | None:
        """Return a parameter's value without quotes, None when it is missing or has none."""
        text = self.params.get(name)
        return None if text is None else unquote(text)

    def __str__(self) -> str:
        listed = ", ".join([f"{name}={value}" for name, value in self.params.items()])
        return " ".join([part for part in (self.scheme, self.token, listed) if part])


def parse_auth_value(text: str) -> AuthValue:
    """Parse ``SCHEME name=value, ...`` or ``SCHEME token``."""
    scheme, _, rest = text.strip(" \t").replace("\t", " ").partition(" ")
    rest = rest.strip(" ")
    if not is_token(scheme):
        raise ValueError(f"{scheme[:40]!r} is no scheme")
    if _TOKEN68.match(rest):
        return AuthValue(scheme, {}, rest)
    return AuthValue(scheme, _auth_params(rest))


def parse_auth_info(text: str) -> AuthValue:
    """Parse ``name=value, ...``."""
    return AuthValue("", _auth_params(text))


def _auth_params(text: str) -> Params:
    params = parse_params(text, ",")
    if not params:
        raise ValueError("there are no parameters")
    for name, value in params.items():
        if not value or not value.strip("=") or not is_token(name):  # a name and "==" would be a token when written
            raise ValueError(f"{name[:40]!r} is no parameter with a value")
    return params
