"""Values without parameters: texts, tokens, numbers, dates, warnings, reliable sequence numbers.

Errors: every parser here raises ValueError, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from server.sip.grammar import check_line, is_number, is_token, quote, split_outside_quotes, unquote

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MAX_NUMBER = 2**32 - 1

_DATE = re.compile(r"([A-Z][a-z]{2}), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT\Z", re.ASCII)
_DECIMAL = re.compile(r"\d{1,10}(?:\.\d{0,10})?\Z", re.ASCII)
_DELAY = re.compile(r"(?:\d{1,10})?(?:\.\d{0,10})?\Z", re.ASCII)
_VERSION = re.compile(r"\d{1,3}\.\d{1,3}\Z", re.ASCII)
_RESOURCE = re.compile(r"[A-Za-z0-9!%*_+`'~-]+\.[A-Za-z0-9!%*_+`'~-]+\Z")
_CALL_ID = re.compile(r"[^\s,@]+(?:@[^\s,@]+)?\Z")
_WARNING = re.compile(r"(\d{3})[ \t]+([^ \t\"]+)[ \t]+(\"[^\"\\]*(?:\\.[^\"\\]*)*\")\Z", re.ASCII | re.DOTALL)


class Timestamp(msgspec.Struct, frozen=True):
    """When a request was sent, and how long the answer took; as written (RFC 3261 20.38)."""

    sent: str
    delay: str | None = None

    def __str__(self) -> str:
        return self.sent if self.delay is None else f"{self.sent} {self.delay}"


class RAck(msgspec.Struct, frozen=True):
    """The reliable response that a PRACK acknowledges (RFC 3262 7.2)."""

    response: int
    cseq: int
    method: str

    def __str__(self) -> str:
        return f"{self.response} {self.cseq} {self.method}"


class WarningText(msgspec.Struct, frozen=True):
    """A warning (RFC 3261 20.43); ``text`` is without quotes."""

    code: int
    agent: str
    text: str

    def __str__(self) -> str:
        return f"{self.code:03} {self.agent} {quote(self.text)}"


def parse_text(text: str) -> str:
    """Return the text on the line; it may be empty."""
    return check_line(text.strip(" \t"), "the value")


def parse_token(text: str) -> str:
    """Return a token."""
    return _matched(text, "token", is_token)


def parse_number(text: str) -> int:
    """Return a number from 0 to 2**32 - 1."""
    text = text.strip(" \t")
    if not is_number(text) or int(text) > MAX_NUMBER:
        raise ValueError(f"{text[:40]!r} is no number below 2**32")
    return int(text)


def parse_byte(text: str) -> int:
    """Return a number from 0 to 255."""
    number = parse_number(text)
    if number > 255:
        raise ValueError(f"{number} is above 255")
    return number


def parse_sequence(text: str) -> int:
    """Return an RSeq: 1 to 2**32 - 1 (RFC 3262 7.1)."""
    number = parse_number(text)
    if not number:
        raise ValueError("0 is no RSeq")
    return number


def parse_version(text: str) -> str:
    """Return a MIME-Version."""
    return _matched(text, "version", _VERSION.match)


def parse_resource(text: str) -> str:
    """Return ``NAMESPACE.PRIORITY`` (RFC 4412 3.1)."""
    return _matched(text, "resource value", _RESOURCE.match)


def parse_call_id(text: str) -> str:
    """Return a Call-ID of a list of them."""
    return _matched(text, "Call-ID", _CALL_ID.match)


def parse_privacy(text: str) -> tuple[str, ...]:
    """Return the kinds of privacy asked for, in lower case (RFC 3323 4.2)."""
    return tuple([parse_token(part).lower() for part in split_outside_quotes(text, ";")])


def format_privacy(kinds: tuple[str, ...]) -> str:
    """Return ``id;header``."""
    return ";".join(kinds)


def parse_date(text: str) -> datetime:
    """Return a Date; its zone is GMT and nothing else, the name of the day is not compared (RFC 3261 20.17)."""
    found = _DATE.match(text.strip(" \t"))
    if found is None or found[1] not in DAYS or found[3] not in MONTHS:
        raise ValueError(f"{text[:40]!r} is no date such as 'Sat, 13 Nov 2010 23:29:00 GMT'")
    _, day, month, *numbers = found.groups()
    year, hour, minute, second = map(int, numbers)
    return datetime(year, MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)


def format_date(moment: datetime) -> str:
    """Return a Date; the moment must know its zone."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def parse_timestamp(text: str) -> Timestamp:
    """Parse ``SECONDS[.FRACTION] [DELAY]``."""
    words = text.split()
    if not 1 <= len(words) <= 2 or not _DECIMAL.match(words[0]) or not _DELAY.match(words[-1]):
        raise ValueError(f"{text[:40]!r} is no timestamp")
    return Timestamp(*words)


def parse_rack(text: str) -> RAck:
    """Parse ``RSEQ CSEQ METHOD``."""
    words = text.split()
    if len(words) != 3:
        raise ValueError(f"{text[:40]!r} is no RAck")
    return RAck(parse_sequence(words[0]), parse_number(words[1]), parse_token(words[2]))


def parse_warning(text: str) -> WarningText:
    """Parse ``CODE AGENT "TEXT"``."""
    found = _WARNING.match(text.strip(" \t"))
    if found is None:
        raise ValueError(f"{text[:40]!r} is no warning")
    return WarningText(int(found[1]), found[2], unquote(found[3]))


def _matched(text: str, what: str, is_value: Callable[[str], object]) -> str:
    text = text.strip(" \t")
    if not is_value(text):
        raise ValueError(f"{text[:40]!r} is no {what}")
    return text
