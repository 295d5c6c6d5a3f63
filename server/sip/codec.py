"""Bytes to messages.

The codec is lazy: one pass splits the head into lines and indexes them by name; then what safety needs is checked, and
nothing else. Checked are the framing, every header's name, the headers that may stand only once, the mandatory ones,
and the values that transactions, dialogs and routing read: top Via, From, To, Call-ID, CSeq, Contact, Route,
Record-Route, and a request's URI and Max-Forwards. Any other value is parsed when somebody asks for it.

What is refused is read a second time, tolerantly, for the few headers that an answer needs.

Source: RFC 3261 7, 8.1.1, 18.3, 25.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import cast

from server.sip.errors import MalformedMessageError
from server.sip.grammar import is_number, is_token, split_outside_quotes
from server.sip.headers import (
    SINGLE,
    Headers,
    NameAddr,
    Via,
    format_line,
    parse_cseq,
    parse_name_addr,
    parse_top_via,
    parse_via,
    split_line,
)
from server.sip.message import TOP_VIA, Memo, Request, Response
from server.sip.uri import MAX_REMEMBERED, SipUri, parse_uri

MAX_MESSAGE = 65_536
MAX_LINE = 8_192
MAX_HEADERS = 256
MAX_VIAS = 70
MAX_ROUTES = 70
MAX_CONTACTS = 64
MAX_SALVAGED = 16_384
"""Characters of a refused head that are read a second time."""
MAX_REASON = 200
"""Characters of an error's reason: it may become the reason phrase of the answer."""

MANDATORY = ("via", "from", "to", "call-id", "cseq")
KEPT_AS_TEXT = ("call-id", "contact", "route", "record-route", "path")
"""Headers that are kept with a call and must come back as they were; other values may hold bytes that are no UTF-8."""
_HOPS = frozenset(str(number) for number in range(256))
_BARE_NUL = re.compile(r"(?<!\\)\0")
"""NUL may only stand in a quoted pair (RFC 3261 25.1)."""
_FOLD = re.compile(r"(?<![ \t])[ \t]*\r\n[ \t]+")
"""LWS = [*WSP CRLF] 1*WSP; the look behind keeps it linear: blanks are tried from their first one only."""


class _RefusedError(Exception):
    """What is wrong with the bytes; becomes the MalformedMessageError that says so."""

    def __init__(self, reason: str, offset: int, section: str, status: int = 400) -> None:
        self.reason = reason
        self.offset = offset
        self.section = section
        self.status = status


def parse_message(data: bytes) -> Request | Response:
    """Parse one message; empty lines before it are skipped.

    Errors: MalformedMessageError for whatever is none, and nothing else.
    """
    if len(data) > MAX_MESSAGE:
        raise MalformedMessageError(f"longer than {MAX_MESSAGE} bytes", MAX_MESSAGE, 513, "RFC 3261 21.5.14")
    try:
        return _parse(data)
    except _RefusedError as error:
        reason = error.reason.encode("ascii", "replace").decode()[:MAX_REASON]
        request = salvage(data.lstrip(b"\r\n"))
        raise MalformedMessageError(reason, error.offset, error.status, error.section, request) from None


def reread(data: bytes) -> Request | Response:
    """Return a message that was made here, without a check; its typed values are parsed when somebody asks."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    headers = Headers.parse(lines)
    if start.startswith("SIP/2.0 "):
        return Response(int(start[8:11]), start[12:], headers, body, data)
    method, uri, _ = start.split(" ")
    return Request(method, uri, headers, body, data)


def format_message(message: Request | Response) -> bytes:
    """Return the message as bytes."""
    return message.wire()


def _parse(data: bytes) -> Request | Response:
    head, empty, body = data.partition(b"\r\n\r\n")
    if not empty:
        raise _RefusedError("the empty line behind the head is missing", len(data), "RFC 3261 7")
    text = head.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    glued = "".join(lines)
    start = lines.pop(0)
    if not start and data.startswith(b"\r\n"):
        return _parse(data.lstrip(b"\r\n"))
    if len(text) > MAX_LINE or len(lines) > MAX_HEADERS:
        _check_size(start, lines)
    if "\n" in glued or "\r" in glued or "\0" in glued:
        _check_ends(glued, head)
    try:
        headers = Headers.parse(lines)
    except ValueError as error:
        if "\r\n " not in text and "\r\n\t" not in text:
            raise _RefusedError(str(error), 0, "RFC 3261 7.3.1") from None
        headers = _unfolded(text)
    length = headers.first.get("content-length")
    if length is not None and length != str(len(body)):
        body = _cut(data, body, length.strip(" \t"))
        data = data[: len(head) + 4 + len(body)]
    memo = _checked(headers, head)
    if not head.isascii():
        _check_utf8(start, headers, memo)
    if start.startswith("SIP/2.0 "):
        return _response(start, headers, body, data, memo)
    return _request(start, headers, body, data, memo)


def _check_utf8(start: str, headers: Headers, memo: Memo) -> None:
    """Refuse what is kept with a call, addresses above all, and is no text (RFC 3261 25.1: UTF-8)."""
    values = [(name, value) for name in KEPT_AS_TEXT for value in headers.get_all(name)]
    values += [(name, cast("NameAddr", memo[name]).uri) for name in ("from", "to")]
    if not start.startswith("SIP/2.0 "):
        values.append(("request line", start))
    for name, value in values:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _RefusedError(f"the {_written(name)} is not UTF-8", 0, "RFC 3261 25.1") from None


def _check_size(start: str, lines: list[str]) -> None:
    if len(lines) > MAX_HEADERS:
        raise _RefusedError(f"more than {MAX_HEADERS} header lines", 0, "RFC 3261 7.3", 513)
    if len(start) > MAX_LINE and not start.startswith("SIP/2.0 "):
        raise _RefusedError(f"the request line is longer than {MAX_LINE} characters", 0, "RFC 3261 21.4.12", 414)
    if max(map(len, (start, *lines))) > MAX_LINE:
        raise _RefusedError(f"a line is longer than {MAX_LINE} characters", 0, "RFC 3261 7.3", 513)


def _check_ends(glued: str, head: bytes) -> None:
    if "\n" in glued or "\r" in glued:
        raise _RefusedError("CR or LF stands alone", 0, "RFC 3261 7")
    if _BARE_NUL.search(glued):
        raise _RefusedError("a NUL stands outside of a quoted pair", head.find(b"\0"), "RFC 3261 25.1")


def _unfolded(text: str) -> Headers:
    """Join continuations to the lines before them (RFC 3261 7.3.1)."""
    start, _, rest = text.partition("\r\n")
    if rest[:1] in {" ", "\t"}:
        raise _RefusedError("the first header line is a continuation", len(start) + 2, "RFC 3261 7.3.1")
    lines = _FOLD.sub(" ", rest).split("\r\n")
    _check_size(start, lines)
    try:
        return Headers.parse(lines)
    except ValueError as error:
        raise _RefusedError(str(error), 0, "RFC 3261 7.3.1") from None


def _cut(data: bytes, body: bytes, length: str) -> bytes:
    """Return as much of the body as Content-Length says; what follows is none of the message (RFC 3261 18.3)."""
    if not is_number(length):
        raise _RefusedError(f"the Content-Length {length[:20]!r} is no number", 0, "RFC 3261 20.14")
    if int(length) > len(body):
        reason = f"the body has {len(body)} bytes, Content-Length says {int(length)}"
        raise _RefusedError(reason, len(data), "RFC 3261 18.3")
    return body[: int(length)]


def _checked(headers: Headers, head: bytes) -> Memo:
    """Parse the values that everybody reads; return them by name."""
    first = headers.first
    if headers.more:
        _check_repeated(headers.more)
    name = "via"
    try:
        via = first[name]
        if "via" in headers.more or "," in via:
            _check_vias(headers.get_all("via"))
            memo: Memo = {TOP_VIA: parse_top_via(via)}
        else:
            memo = {TOP_VIA: parse_via(via)}
        name = "from"
        memo[name] = parse_name_addr(first[name])
        name = "to"
        memo[name] = parse_name_addr(first[name])
        name = "cseq"
        memo[name] = parse_cseq(first[name])
        name = "call-id"
        call_id = first[name]
        if not call_id or " " in call_id or "\t" in call_id:
            _check_call_id(call_id.strip(" \t"))
        name = "contact"
        if name in first:
            memo[name] = _addresses(headers, name, MAX_CONTACTS)
        for name in ("route", "record-route"):
            if name in first:
                memo[name] = _addresses(headers, name, MAX_ROUTES)
    except KeyError:
        raise _RefusedError(f"the header {_written(name)} is missing", 0, "RFC 3261 8.1.1") from None
    except ValueError as error:
        at = head.lower().find(f"\n{name}".encode()) + 1
        raise _RefusedError(f"the header {_written(name)}: {error}", at, "RFC 3261 25.1") from None
    return memo


def _check_repeated(repeated: dict[str, list[str]]) -> None:
    for name, values in repeated.items():
        if name in SINGLE or (name == "content-length" and len(set(values)) > 1):
            raise _RefusedError(f"the header {_written(name)} stands more than once", 0, "RFC 3261 7.3.1")


def _check_call_id(call_id: str) -> None:
    if not call_id or " " in call_id or "\t" in call_id:
        raise ValueError("it is empty or holds blanks")


def _check_vias(lines: tuple[str, ...]) -> None:
    """Count the Vias, by commas first; those below the top one are not read."""
    if len(lines) + sum([line.count(",") for line in lines]) > MAX_VIAS:
        _check_count(sum([len(split_outside_quotes(line, ",")) for line in lines]), MAX_VIAS)


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise ValueError(f"{count} values, more than {most}")


def _addresses(headers: Headers, name: str, most: int) -> tuple[NameAddr, ...]:
    if name not in headers.more:
        line = headers.first[name]
        if len(line) <= MAX_REMEMBERED:
            return _remembered(line, most)
    return _listed(headers.get_all(name), most)


def _listed(lines: tuple[str, ...], most: int) -> tuple[NameAddr, ...]:
    values = [value for line in lines for value in split_outside_quotes(line, ",")]
    _check_count(len(values), most)
    found = tuple([parse_name_addr(value) for value in values])
    if len(found) > 1 and any(address.uri == "*" for address in found):
        raise ValueError("'*' stands among other values")
    return found


@lru_cache(maxsize=1024)
def _remembered(line: str, most: int) -> tuple[NameAddr, ...]:
    return _listed((line,), most)


def _request(start: str, headers: Headers, body: bytes, wire: bytes, memo: Memo) -> Request:
    words = start.split(" ")
    if len(words) != 3 or not is_token(words[0]):
        last = start.split()[-1:]
        reason = "the first line is neither 'METHOD URI SIP/2.0' nor 'SIP/2.0 STATUS REASON'"
        raise _RefusedError(reason, 0, "RFC 3261 7.1", _version_status(last[0] if last else ""))
    method, uri, version = words
    if version != "SIP/2.0" and version.upper() != "SIP/2.0":
        reason = f"the version {version[:20]!r} is not SIP/2.0"
        raise _RefusedError(reason, start.rfind(" ") + 1, "RFC 3261 7.1", _version_status(version))
    try:
        parsed = parse_uri(uri)
        if "?" in uri and isinstance(parsed, SipUri) and parsed.headers:
            raise ValueError("it has headers")
    except ValueError as error:
        raise _RefusedError(f"the Request-URI {uri[:80]!r}: {error}", len(method) + 1, "RFC 3261 19.1") from None
    request = Request(method, uri, headers, body, wire, memo)
    if request.cseq.method != method:
        raise _RefusedError(f"the CSeq method {request.cseq.method} is not {method}", 0, "RFC 3261 8.1.1.5")
    hops = headers.first.get("max-forwards")
    if hops is not None and hops not in _HOPS and not (is_number(hops.strip(" \t")) and int(hops) < 256):
        raise _RefusedError(f"the Max-Forwards {hops[:20]!r} is out of range", 0, "RFC 3261 20.22")
    return request


def _version_status(version: str) -> int:
    """Return 505 for another version of SIP."""
    version = version.upper()
    return 505 if version.startswith("SIP/") and version != "SIP/2.0" else 400


def _response(start: str, headers: Headers, body: bytes, wire: bytes, memo: Memo) -> Response:
    status = start[8:11]
    if not is_number(status) or not 100 <= int(status) <= 699 or start[11:12] not in {" ", ""}:
        raise _RefusedError(f"{start[8:28]!r} does not begin with a status code", 8, "RFC 3261 7.2")
    return Response(int(status), start[12:], headers, body, wire, memo)


def salvage(data: bytes) -> Request | None:
    """Return as much of a refused request as an answer needs, None when it is no request or too little of it is there.

    Every Via stays and of From, To, Call-ID, CSeq and Timestamp the first, as text: an answer repeats them, it does not
    read them, and what is missing is missing there too. A CSeq must at least have a number, be it out of range.
    """
    head = data.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    if len(head) > MAX_SALVAGED:
        head = head[:MAX_SALVAGED].rpartition("\r\n")[0]
    start, _, rest = head.partition("\r\n")
    words = start.split()
    if len(words) < 2 or not is_token(words[0]) or words[0] == "ACK" or not words[-1].upper().startswith("SIP/"):
        return None
    lines: list[str] = []
    kept: set[str] = set()
    for line in _FOLD.sub(" ", rest).split("\r\n")[:MAX_HEADERS]:
        try:
            name, value = split_line(line)
            if name in {*MANDATORY, "timestamp"} and (name == "via" or name not in kept):
                lines.append(format_line(line.partition(":")[0].rstrip(" \t"), value))
                kept.add(name)
        except ValueError:
            continue
    headers = Headers.parse(lines)
    number = (headers.get("cseq") or ("x" if "cseq" in kept else "0")).split()[0]
    if not is_number(number, MAX_LINE):
        return None
    memo: Memo = {name: _or_empty(parse_name_addr, headers.get(name) or "") for name in ("from", "to")}
    readable = _readable_via(headers.get("via") or "")
    if readable is None:
        return None
    memo[TOP_VIA], line = readable
    if line != headers.get("via"):
        headers = headers.with_first("Via", line)
    uri = "" if len(words) < 3 else words[1]
    return Request(words[0], uri, headers, memo=memo)


def _or_empty(parse: Callable[[str], NameAddr], text: str) -> NameAddr:
    try:
        return parse(text)
    except ValueError:
        return NameAddr(None, "", {})


def _readable_via(text: str) -> tuple[Via, str] | None:
    """Return the top Via of a line and as much of the line as can be read: it all, or no parameters."""
    for attempt in (text, text.partition(";")[0]):
        try:
            return parse_top_via(attempt), attempt
        except ValueError:
            continue
    return None


def _written(name: str) -> str:
    """Return a header's name as RFC 3261 writes it."""
    return {"call-id": "Call-ID", "cseq": "CSeq"}.get(name, name.title())
