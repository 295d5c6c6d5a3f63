"""SIP messages as values: ``Request`` and ``Response``.

Heads are text (UTF-8, bytes that are none are kept by surrogateescape), bodies bytes. Neither kind is ever changed;
typed values are parsed when asked for and remembered. The codec has checked the ones that it promises, so that reading
them raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from server.sip.grammar import split_outside_quotes
from server.sip.headers import CSeq, Headers, NameAddr, Via, parse_cseq, parse_name_addr, parse_name_addrs, parse_via
from server.sip.uri import Uri, parse_uri

T = TypeVar("T")


class Message:
    """What requests and responses have in common."""

    __slots__ = ("_memo", "_wire", "body", "headers")

    def __init__(self, headers: Headers, body: bytes, wire: bytes | None = None) -> None:
        self.headers = headers
        self.body = body
        self._wire = wire
        self._memo: dict[str, object] = {}

    @property
    def start_line(self) -> str:
        """The first line."""
        raise AssertionError("a message is a request or a response")

    def wire(self) -> bytes:
        """Return the message as bytes; those of a received message are those that came."""
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

    def _typed(self, name: str, parse: Callable[[str], T]) -> T:
        found = self._memo.get(name)
        if found is None:
            found = self._memo[name] = parse(self.headers.get(name) or "")
        return cast("T", found)

    def _list(self, name: str) -> tuple[NameAddr, ...]:
        found = self._memo.get(name)
        if found is None:
            found = self._memo[name] = parse_name_addrs(self.headers.get_all(name))
        return cast("tuple[NameAddr, ...]", found)

    def _number(self, name: str) -> int | None:
        text = self.headers.get(name)
        return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 11 else None

    @property
    def via(self) -> Via:
        """The top Via."""
        return self._typed("via", lambda text: parse_via(split_outside_quotes(text, ",")[0].strip()))

    @property
    def from_(self) -> NameAddr:
        """From."""
        return self._typed("from", parse_name_addr)

    @property
    def to(self) -> NameAddr:
        """To."""
        return self._typed("to", parse_name_addr)

    @property
    def call_id(self) -> str:
        """Call-ID."""
        return self.headers.get("call-id") or ""

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        return self._typed("cseq", parse_cseq)

    @property
    def vias(self) -> tuple[Via, ...]:
        """Every Via, the top one first.

        Errors: ValueError.
        """
        lines = self.headers.get_all("via")
        return tuple(parse_via(part.strip()) for line in lines for part in split_outside_quotes(line, ","))

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """Every Contact."""
        return self._list("contact")

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """Every Route."""
        return self._list("route")

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """Every Record-Route."""
        return self._list("record-route")

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, None without one."""
        return self._number("max-forwards")

    @property
    def expires(self) -> int | None:
        """Expires, None without one; seconds."""
        return self._number("expires")

    @property
    def content_type(self) -> str | None:
        """The media type, as written."""
        return self.headers.get("content-type")


class Request(Message):
    """A request; ``uri`` is the Request-URI as it stands on the wire."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, headers: Headers, body: bytes = b"", wire: bytes | None = None) -> None:
        super().__init__(headers, body, wire)
        self.method = method
        self.uri = uri

    @property
    def start_line(self) -> str:
        """The request line."""
        return f"{self.method} {self.uri} SIP/2.0"

    @property
    def request_uri(self) -> Uri:
        """The Request-URI, parsed."""
        return parse_uri(self.uri)

    def with_headers(self, headers: Headers) -> Request:
        """Return the request with other headers."""
        return Request(self.method, self.uri, headers, self.body)

    def with_uri(self, uri: str) -> Request:
        """Return the request with another Request-URI.

        Errors: ValueError for what is none.
        """
        parse_uri(uri)
        return Request(self.method, uri, self.headers, self.body)

    def with_header(self, name: str, value: str) -> Request:
        """Return the request with one line of that name in place of all."""
        return self.with_headers(self.headers.with_header(name, value))

    def with_added(self, name: str, value: str, first: bool = False) -> Request:
        """Return the request with one line more."""
        return self.with_headers(self.headers.with_added(name, value, first))

    def without(self, name: str) -> Request:
        """Return the request with no line of that name."""
        return self.with_headers(self.headers.without(name))


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str, headers: Headers, body: bytes = b"", wire: bytes | None = None
    ) -> None:
        super().__init__(headers, body, wire)
        self.status = status
        self.reason = reason

    @property
    def start_line(self) -> str:
        """The status line."""
        return f"SIP/2.0 {self.status} {self.reason}"

    @property
    def method(self) -> str:
        """The method of the request that this answers."""
        return self.cseq.method

    def with_headers(self, headers: Headers) -> Response:
        """Return the response with other headers."""
        return Response(self.status, self.reason, headers, self.body)

    def with_header(self, name: str, value: str) -> Response:
        """Return the response with one line of that name in place of all."""
        return self.with_headers(self.headers.with_header(name, value))

    def with_added(self, name: str, value: str, first: bool = False) -> Response:
        """Return the response with one line more."""
        return self.with_headers(self.headers.with_added(name, value, first))

    def without(self, name: str) -> Response:
        """Return the response with no line of that name."""
        return self.with_headers(self.headers.without(name))
