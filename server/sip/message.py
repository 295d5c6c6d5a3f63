"""SIP messages as values: ``Request`` and ``Response``.

Heads are text (UTF-8, bytes that are none are kept by surrogateescape), bodies bytes. Neither kind is ever changed;
typed values are parsed when asked for and remembered. The codec has checked the ones that it promises (see
``server.sip.codec``), so that reading those of a received message raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

from server.sip.grammar import check_line, is_number
from server.sip.headers import (
    CSeq,
    Headers,
    NameAddr,
    Via,
    long_name,
    parse_cseq,
    parse_name_addr,
    parse_top_via,
)
from server.sip.headers.kinds import Many, One
from server.sip.headers.table import CONTACT, RECORD_ROUTE, ROUTE, VIA
from server.sip.uri import Uri, parse_uri

T = TypeVar("T")
Memo = dict[str, object]
"""Typed values by the long name of their header: one value, or a tuple of those of a list; the top Via apart."""
TOP_VIA = "top via"


class Message:
    """What requests and responses have in common.

    Shape: ``wire`` and ``memo`` given to the constructor are what the maker knows already.
    """

    __slots__ = ("_memo", "_wire", "body", "headers")

    headers: Headers
    body: bytes
    _wire: bytes | None
    _memo: dict[str, Any]

    @property
    def start_line(self) -> str:
        """The first line."""
        raise NotImplementedError

    def _copy(self, headers: Headers, body: bytes, memo: Memo) -> Self:
        """Return the same kind of message with another head and body."""
        raise NotImplementedError

    def wire(self) -> bytes:
        """Return the message as bytes; those of a received message are those that came.

        Errors: ValueError for text that cannot be written as UTF-8.
        """
        if self._wire is None:
            head = "\r\n".join((self.start_line, *self.headers.lines, "", ""))
            self._wire = head.encode("utf-8", "surrogateescape") + self.body
        return self._wire

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Message)
            and self.start_line == other.start_line
            and self.headers == other.headers
            and self.body == other.body
        )

    def __hash__(self) -> int:
        return hash((self.start_line, self.headers, self.body))

    def __repr__(self) -> str:
        return f"<{self.start_line} {self.headers.get('call-id')}>"

    def with_header(self, name: str, value: str) -> Self:
        """Return the message with one line of that name in place of all.

        Errors: ValueError for a name that is no token or a value with CR, LF or NUL.
        """
        return self._changed(name, self.headers.with_header(name, value), self.body)

    def with_first(self, name: str, value: str) -> Self:
        """Return the message with another value on the first line of that name.

        Errors: ValueError as ``with_header``.
        """
        return self._changed(name, self.headers.with_first(name, value), self.body)

    def with_added(self, name: str, value: str, first: bool = False) -> Self:
        """Return the message with one line more of that name, behind or before those there are.

        Errors: ValueError as ``with_header``.
        """
        return self._changed(name, self.headers.with_added(name, value, first), self.body)

    def without(self, name: str) -> Self:
        """Return the message with no line of that name."""
        return self._changed(name, self.headers.without(name), self.body)

    def with_body(self, body: bytes, content_type: str | None = None) -> Self:
        """Return the message with another body, of that Content-Type or, with None, of none.

        Errors: ValueError as ``with_header``.
        """
        headers = self.headers.without("content-type")
        if content_type is not None:
            headers = headers.with_added("Content-Type", content_type)
        return self._changed("content-type", headers, body)

    def _changed(self, name: str, headers: Headers, body: bytes) -> Self:
        """Copy with other headers; the Content-Length is what the body has, whoever set it."""
        length = str(len(body))
        if headers.get_all("content-length") != (length,):
            headers = headers.with_header("Content-Length", length)
        changed = long_name(name)
        memo = {key: value for key, value in self._memo.items() if key != changed}
        if changed == "via":
            memo.pop(TOP_VIA, None)
        return self._copy(headers, body, memo)

    def known(self, *names: str) -> Memo:
        """Return those typed values of these headers that were parsed already."""
        memo = self._memo
        return {name: memo[name] for name in names if name in memo}

    def one(self, header: One[T]) -> T | None:
        """Return the value of a header, None without it.

        Errors: ValueError for what cannot be parsed.
        """
        key = header.key
        found: T | None = self._memo.get(key)
        if found is None:
            text = self.headers.get(key)
            if text is not None:
                found = self._memo[key] = header.parse(text)
        return found

    def many(self, header: Many[T]) -> tuple[T, ...]:
        """Return every value of a header, in order.

        Errors: ValueError for what cannot be parsed.
        """
        key = header.key
        found: tuple[T, ...] | None = self._memo.get(key)
        if found is None:
            found = self._memo[key] = header.parse_all(self.headers.get_all(key))
        return found

    def _first(self, key: str, parse: Callable[[str], T]) -> T:
        """Parse the first value of a header, which is remembered under a key that may be its name; nothing is ''."""
        found = self._memo[key] = parse(self.headers.get("via" if key == TOP_VIA else key) or "")
        return found

    def _number(self, name: str) -> int | None:
        text = self.headers.get(name)
        return int(text) if text is not None and is_number(text) else None

    @property
    def via(self) -> Via:
        """The top Via."""
        found: Via | None = self._memo.get(TOP_VIA)
        return self._first(TOP_VIA, parse_top_via) if found is None else found

    @property
    def from_(self) -> NameAddr:
        """From."""
        found: NameAddr | None = self._memo.get("from")
        return self._first("from", parse_name_addr) if found is None else found

    @property
    def to(self) -> NameAddr:
        """To."""
        found: NameAddr | None = self._memo.get("to")
        return self._first("to", parse_name_addr) if found is None else found

    @property
    def call_id(self) -> str:
        """Call-ID."""
        return self.headers.get("call-id") or ""

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        found: CSeq | None = self._memo.get("cseq")
        return self._first("cseq", parse_cseq) if found is None else found

    @property
    def vias(self) -> tuple[Via, ...]:
        """Every Via, the top one first.

        Errors: ValueError.
        """
        return self.many(VIA)

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """Every Contact; that of ``Contact: *`` has the URI ``*``."""
        return self.many(CONTACT)

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """Every Route."""
        return self.many(ROUTE)

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """Every Record-Route."""
        return self.many(RECORD_ROUTE)

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, None without one that is a number."""
        return self._number("max-forwards")

    @property
    def expires(self) -> int | None:
        """Expires in seconds, None without one that is a number."""
        return self._number("expires")

    @property
    def content_type(self) -> str | None:
        """The media type, as written."""
        return self.headers.get("content-type")


class Request(Message):
    """A request; ``uri`` is the Request-URI as it stands on the wire."""

    __slots__ = ("method", "uri")

    def __init__(
        self,
        method: str,
        uri: str,
        headers: Headers,
        body: bytes = b"",
        wire: bytes | None = None,
        memo: Memo | None = None,
    ) -> None:
        self.method = method
        self.uri = uri
        self.headers = headers
        self.body = body
        self._wire = wire
        self._memo = {} if memo is None else memo

    @property
    def start_line(self) -> str:
        """The request line."""
        return f"{self.method} {self.uri} SIP/2.0"

    @property
    def request_uri(self) -> Uri:
        """The Request-URI, parsed."""
        return parse_uri(self.uri)

    def with_uri(self, uri: str) -> Request:
        """Return the request with another Request-URI.

        Errors: ValueError for what is none.
        """
        parse_uri(check_line(uri, "the Request-URI"))
        return Request(self.method, uri, self.headers, self.body, None, dict(self._memo))

    def _copy(self, headers: Headers, body: bytes, memo: Memo) -> Request:
        return Request(self.method, self.uri, headers, body, None, memo)


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(
        self,
        status: int,
        reason: str,
        headers: Headers,
        body: bytes = b"",
        wire: bytes | None = None,
        memo: Memo | None = None,
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
        self._wire = wire
        self._memo = {} if memo is None else memo

    @property
    def start_line(self) -> str:
        """The status line."""
        return f"SIP/2.0 {self.status} {self.reason}"

    @property
    def method(self) -> str:
        """The method of the request that this answers."""
        known: CSeq | None = self._memo.get("cseq")
        return self.cseq.method if known is None else known.method

    def _copy(self, headers: Headers, body: bytes, memo: Memo) -> Response:
        return Response(self.status, self.reason, headers, body, None, memo)
