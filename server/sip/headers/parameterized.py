"""Values of one word with parameters behind it: ``presence;id=1``, ``text/plain``, ``1800;refresher=uac``.

Errors: every parser here raises ValueError, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from server.sip.grammar import is_number, is_token, unquote
from server.sip.params import Params, format_params, parse_params

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+/[A-Za-z0-9.!%*_+`'~-]+\Z")
_LANGUAGE = re.compile(r"(?:\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\Z")
_SESSION_ID = re.compile(r"[0-9a-f]{32}\Z")
_DIGEST = re.compile(r"[A-Za-z0-9+/=._-]+\Z")
_CALL_ID = re.compile(r"[^\s\x00-\x20;,\"<>?@]+(?:@[^\s\x00-\x20;,\"<>?@]+)?\Z")
_WORD = re.compile(r'[ \t]*("[^"\\]*(?:\\.[^"\\]*)*"|[A-Za-z0-9.!%*_+`\'~-]+)[ \t]*(?:;|\Z)', re.DOTALL)
_BLANKS = re.compile(r"[ \t]*/[ \t]*")


class Parameterized(msgspec.Struct, frozen=True):
    """A word and its parameters; the values of parameters are as written, quotes and all."""

    value: str
    params: Params

    def param(self, name: str) -> str | None:
        """Return a parameter's value without quotes, None when it is missing or has none."""
        text = self.params.get(name)
        return None if text is None else unquote(text)

    @property
    def q(self) -> float:
        """The preference, 0 to 1; 1 when none is given that can be read (RFC 3261 25.1 qvalue)."""
        return parse_q(self.params.get("q"))

    def __str__(self) -> str:
        return self.value + format_params(self.params)


class Seconds(msgspec.Struct, frozen=True):
    """A number of seconds with parameters: Session-Expires, Min-SE, Retry-After.

    Shape: ``comment`` is what stood in parentheses, without them.
    """

    seconds: int
    params: Params
    comment: str | None = None

    @property
    def refresher(self) -> str | None:
        """Who refreshes the session, ``uac`` or ``uas`` (RFC 4028 4)."""
        text = self.params.get("refresher")
        return None if text is None else text.lower()

    def __str__(self) -> str:
        comment = "" if self.comment is None else f" ({self.comment})"
        return f"{self.seconds}{comment}{format_params(self.params)}"


class DialogId(msgspec.Struct, frozen=True):
    """A dialog that another message names: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538)."""

    call_id: str
    params: Params

    @property
    def to_tag(self) -> str:
        """The tag of whoever gets the message; ``local-tag`` in Target-Dialog."""
        return self.params.get("to-tag") or self.params.get("local-tag") or ""

    @property
    def from_tag(self) -> str:
        """The tag of the other side; ``remote-tag`` in Target-Dialog."""
        return self.params.get("from-tag") or self.params.get("remote-tag") or ""

    @property
    def is_early_only(self) -> bool:
        """Whether only an early dialog may be replaced (RFC 3891 6.1)."""
        return "early-only" in self.params

    def __str__(self) -> str:
        return self.call_id + format_params(self.params)


def parse_q(text: str | None) -> float:
    """Return a preference from 0 to 1; 1 for none that can be read."""
    whole, _, thousandths = (text or "1").partition(".")
    if whole not in {"0", "1"} or (thousandths and not is_number(thousandths, 3)):
        return 1.0
    return min(1.0, float(f"{whole}.{thousandths or 0}"))


def _parser(what: str, is_value: Callable[[str], object]) -> Callable[[str], Parameterized]:
    """Return a parser of words that fulfil a condition."""

    def parse(text: str) -> Parameterized:
        value, _, params = text.partition(";")
        value = value.strip(" \t")
        if not is_value(value):
            raise ValueError(f"{value[:40]!r} is no {what}")
        return Parameterized(value, parse_params(params))

    return parse


def _is_yes_or_no(text: str) -> bool:
    return text.lower() in {"true", "false", "yes", "no"}


parse_token_params = _parser("token", is_token)
parse_language = _parser("language", _LANGUAGE.match)
parse_truth = _parser("yes or no", _is_yes_or_no)
parse_session_id = _parser("session identifier of 32 hexadecimal digits", _SESSION_ID.match)
parse_digest_params = _parser("signed digest", _DIGEST.match)
parse_code = _parser("code of digits", lambda text: is_number(text, 4))


def parse_media_type(text: str) -> Parameterized:
    """Parse ``type/subtype;params``; a ``*`` is a token too, so that this is a media range as well."""
    value, _, params = text.partition(";")
    value = _BLANKS.sub("/", value.strip(" \t"))
    if not _MEDIA_TYPE.match(value):
        raise ValueError(f"{value[:40]!r} is no media type")
    return Parameterized(value, parse_params(params))


def parse_word(text: str) -> Parameterized:
    """Parse a token or a quoted string with parameters, as in User-to-User and P-Visited-Network-ID."""
    found = _WORD.match(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} begins with neither a token nor a quoted string")
    return Parameterized(found[1], parse_params(text[found.end() :]))


def parse_seconds(text: str) -> Seconds:
    """Parse ``SECONDS (comment);params``; a comment may not hold parentheses."""
    value, _, params = text.partition(";")
    number, bracket, comment = value.partition("(")
    comment, closed, rest = comment.partition(")")
    number = number.strip(" \t")
    if not is_number(number) or (bracket and not closed) or rest.strip(" \t"):
        raise ValueError(f"{value[:40]!r} is no number of seconds")
    return Seconds(int(number), parse_params(params), comment if bracket else None)


def parse_dialog_id(text: str) -> DialogId:
    """Parse ``CALL-ID;to-tag=...;from-tag=...``; both tags must be there, as tokens."""
    call_id, _, params = text.partition(";")
    call_id = call_id.strip(" \t")
    if not _CALL_ID.match(call_id):
        raise ValueError(f"{call_id[:40]!r} is no Call-ID")
    found = DialogId(call_id, parse_params(params))
    if not is_token(found.to_tag) or not is_token(found.from_tag):
        raise ValueError("a tag is missing or is no token")
    return found
