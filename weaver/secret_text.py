"""Finds what is secret in a text: the value of a secret name, credentials behind their scheme, an SDP line with a key.

A text that has none of the words that such things begin with is not searched, which is nearly every text. The names are
one trie, so that the search asks for a letter and not for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import groupby

SECRET_NAMES = frozenset(
    {
        *("authorization", "proxy_authorization", "authentication_info", "proxy_authentication_info", "ha1"),
        *("cookie", "cookies", "set_cookie", "credential", "credentials"),
        *("password", "passwd", "passphrase", "pwd", "secret", "client_secret"),
        *("secret_key", "private_key", "api_key", "apikey", "x_api_key"),
        *("token", "access_token", "refresh_token", "id_token", "auth_token", "x_auth_token"),
        *("csrf_token", "session_token", "bearer_token"),
    }
)
"""Names whose values are always hidden: case and ``-`` for ``_`` do not count."""

_SCHEMES = ("basic", "bearer", "digest")
_SDP_LINES = ("k=", "a=crypto:", "a=key-mgmt:", "a=ice-pwd:", "a=ice-ufrag:")

_LINE = r"(?:^|(?<=\\n)|(?<=\\r))"
_WORD = r"(?:\b|(?<=\\n)|(?<=\\r))"
"""What stands before a line, and before a word, also in text whose ends of lines are escaped."""
_SDP = rf"{_LINE}(?P<sdp>{'|'.join(_SDP_LINES)})(?P<key>[^\r\n]*)"
_SHORT = r"(?P<scheme>(?:basic|bearer)[ \t]+)(?P<short>[\w.~+/=-]{8,})"
_LONG = r"(?P<digest>digest[ \t]+(?=\w+[ \t]*=))(?P<credentials>[^\r\n]*)"
_FIELD = r"[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*"
_VALUE = r"\"[^\"\r\n]*\"?|[^\s&;,]*"


def folded(name: str) -> str:
    """Return a name as it is compared with others."""
    return name.casefold().replace("-", "_")


class SecretFinder:
    """Finds the secrets in texts; ``names`` are folded."""

    def __init__(self, names: Iterable[str]) -> None:
        wanted = sorted({*names})
        words = (*wanted, *_SCHEMES, *map(folded, _SDP_LINES))
        self._begins = re.compile(_trie(sorted(words))).search
        name = rf"(?P<name>{_trie(wanted)})(?P<sign>[\"']?[ \t]*(?:(?P<colon>:)|=[ \t]*))"
        value = rf"(?P<value>(?(colon){_FIELD}|(?:{_VALUE})))"
        self._pattern = re.compile(rf"{_SDP}|{_WORD}(?:{_SHORT}|{_LONG}|{name}{value})", re.IGNORECASE | re.MULTILINE)

    def hide(self, text: str, conceal: Callable[[str], str], *, leave_out: bool = False) -> str:
        """Return a text with what ``conceal`` makes of each secret, or with nothing of them, their names neither."""
        if self._begins(folded(text)) is None:
            return text
        return self._pattern.sub("" if leave_out else lambda found: _hidden(found, conceal), text)


def _hidden(found: re.Match[str], conceal: Callable[[str], str]) -> str:
    if found["name"] is not None:
        return f"{found['name']}{found['sign']}{' ' if found['colon'] else ''}{conceal(found['value'].strip())}"
    name, secret = (text for text in found.groups() if text is not None)
    return f"{name}{conceal(secret.strip())}"


def _trie(names: list[str]) -> str:
    """Return a pattern for any of sorted names, the longest that fits."""
    parts = []
    for letter, group in groupby(names, key=lambda name: name[:1]):
        if letter:
            rest = _trie([name[1:] for name in group])
            parts.append(("[-_]" if letter == "_" else re.escape(letter)) + rest)
    return f"(?:{'|'.join(parts)}){'?' if '' in names else ''}" if parts else ""
