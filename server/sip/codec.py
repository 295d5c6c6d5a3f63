"""Bytes to messages.

The codec is lazy: one pass indexes the header lines and checks what safety needs (names, framing, headers that may
stand only once, the values that transactions and dialogs read); any other header is parsed when somebody asks.

Source: RFC 3261 7, 8.1.1, 18.3, 25.
"""

from __future__ import annotations

from server.sip.errors import MalformedMessageError
from server.sip.grammar import is_token
from server.sip.headers import LONG_NAMES, Headers
from server.sip.message import Message, Request, Response
from server.sip.uri import parse_uri

MAX_MESSAGE = 65_536
MAX_LINE = 8_192
MAX_HEADERS = 256

MANDATORY = ("via", "from", "to", "call-id", "cseq")
SINGLE = frozenset(
    {"from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type", "expires", "min-expires"}
)
"""Headers that two parsers must not read differently: a second line of them is refused."""

_NAMES: dict[str, str] = {}
"""Header names seen so far, as written -> long name; bounded by ``_MAX_NAMES``."""
_MAX_NAMES = 2_000


def parse_message(data: bytes) -> Request | Response:
    """Parse one message.

    Errors: MalformedMessageError for whatever is none, and nothing else.
    """
    if len(data) > MAX_MESSAGE:
        raise MalformedMessageError(f"longer than {MAX_MESSAGE} bytes", MAX_MESSAGE, 513)
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise MalformedMessageError("the empty line behind the head is missing", len(data), section="RFC 3261 7")
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    start = lines.pop(0)
    faults: list[str] = []
    index = _index(lines, faults)
    headers = Headers(lines, index)
    message: Request | Response
    if start.startswith("SIP/2.0 "):
        message = _response(start, headers, body)
    else:
        message = _request(start, headers, body, faults)
    _check(message, index, faults)
    body = _body(message, body, faults)
    if faults:
        raise _malformed(message, faults[0])
    if body is not message.body:
        message.body = body
        end = len(head) + 4 + len(body)
        data = data[:end]
    message._wire = data
    return message


def format_message(message: Request | Response) -> bytes:
    """Return the message as bytes."""
    return message.wire()


def _index(lines: list[str], faults: list[str]) -> dict[str, list[str]]:
    """Undo folds in ``lines`` and return their values by long name."""
    if len(lines) > MAX_HEADERS:
        faults.append(f"more than {MAX_HEADERS} header lines")
        del lines[MAX_HEADERS:]
    index: dict[str, list[str]] = {}
    names = _NAMES
    position = 0
    while position < len(lines):
        line = lines[position]
        if line[:1] in {" ", "\t"}:
            _unfold(lines, position, index, faults)
            continue
        name, colon, value = line.partition(":")
        key = names.get(name)
        if key is None:
            key = _long_name(name, colon, faults)
        if len(line) > MAX_LINE:
            faults.append(f"a header line is longer than {MAX_LINE} characters")
        if "\r" in value or "\n" in value or "\0" in value:
            faults.append(f"CR, LF or NUL in the header {name!r}")
        found = index.get(key)
        if found is None:
            index[key] = [value.strip(" \t")]
        else:
            found.append(value.strip(" \t"))
        position += 1
    return index


def _unfold(lines: list[str], position: int, index: dict[str, list[str]], faults: list[str]) -> None:
    """Join a continuation to the line before it (RFC 3261 7.3.1)."""
    more = lines.pop(position).strip(" \t")
    if position == 0:
        faults.append("the first header line is a continuation")
        return
    before = lines.pop(position - 1)
    name = before.partition(":")[0]
    key = _NAMES.get(name) or _long_name(name, ":", faults)
    joined = f"{before} {more}"
    lines.insert(position - 1, joined)
    index[key][-1] = joined.partition(":")[2].strip(" \t")
    if len(joined) > MAX_LINE:
        faults.append(f"a header line is longer than {MAX_LINE} characters")


def _long_name(name: str, colon: str, faults: list[str]) -> str:
    """Return the long name; only blanks and tabs may stand before the colon (RFC 3261 7.3.1)."""
    bare = name.rstrip(" \t")
    if not colon or not is_token(bare):
        faults.append(f"{name[:40]!r} is no header name")
        return "\0" + bare.lower()
    key = bare.lower()
    if len(key) == 1:
        key = LONG_NAMES.get(key, key)
    if len(_NAMES) < _MAX_NAMES:
        _NAMES[name] = key
    return key


def _request(start: str, headers: Headers, body: bytes, faults: list[str]) -> Request:
    words = start.split(" ")
    if len(words) != 3 or not is_token(words[0]):
        method, uri, version = (*words, "", "", "")[:3]
        faults.insert(0, "the first line is neither 'METHOD URI SIP/2.0' nor 'SIP/2.0 STATUS REASON'")
    else:
        method, uri, version = words
    request = Request(method, uri, headers, body)
    if faults and not is_token(method):
        return request
    if version.upper() != "SIP/2.0":
        if not version.upper().startswith("SIP/"):
            raise MalformedMessageError("the first line is no SIP", 0, section="RFC 3261 7.1")
        raise _malformed(request, f"the version {version} is not SIP/2.0", 505)
    try:
        parse_uri(uri)
    except ValueError as error:
        faults.append(f"the Request-URI {uri!r}: {error}")
    return request


def _response(start: str, headers: Headers, body: bytes) -> Response:
    status, _, reason = start[8:].partition(" ")
    if len(status) != 3 or not status.isascii() or not status.isdigit() or not 100 <= int(status) <= 699:
        raise MalformedMessageError(f"{status!r} is no status code", 8, section="RFC 3261 7.2")
    return Response(int(status), reason, headers, body)


def _check(message: Request | Response, index: dict[str, list[str]], faults: list[str]) -> None:
    for name in MANDATORY:
        if name not in index:
            faults.append(f"the header {name.title()} is missing")
            return
    for name, values in index.items():
        if len(values) > 1 and name in SINGLE and (name != "content-length" or len(set(values)) > 1):
            faults.append(f"the header {name.title()} stands more than once")
    try:
        message.via  # noqa: B018 - parsing is the check
        message.from_.parsed_uri  # noqa: B018
        message.to.parsed_uri  # noqa: B018
        if isinstance(message, Request) and message.cseq.method != message.method:
            faults.append(f"the CSeq method {message.cseq.method} is not {message.method}")
        message.cseq  # noqa: B018
        if "contact" in index and index["contact"] != ["*"]:
            for contact in message.contacts:
                contact.parsed_uri  # noqa: B018
        message.routes  # noqa: B018
        message.record_routes  # noqa: B018
    except ValueError as error:
        faults.append(str(error))
    if not message.call_id or any(c in message.call_id for c in " \t"):
        faults.append("the Call-ID is empty or holds blanks")
    for name in ("max-forwards", "expires"):
        text = index[name][0] if name in index else "0"
        if not (text.isascii() and text.isdigit()) or len(text) > 10 or (name == "max-forwards" and int(text) > 255):
            faults.append(f"the {name.title()} {text[:20]!r} is out of range")


def _body(message: Message, body: bytes, faults: list[str]) -> bytes:
    """Cut the body to Content-Length (RFC 3261 18.3)."""
    text = message.headers.get("content-length")
    if text is None:
        return body
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        faults.append(f"the Content-Length {text[:20]!r} is no number")
        return body
    length = int(text)
    if length == len(body):
        return body
    if length > len(body):
        faults.append(f"the body has {len(body)} bytes, Content-Length says {length}")
        return body
    return body[:length]


def _malformed(message: Request | Response, reason: str, status: int = 400) -> MalformedMessageError:
    """Make the error, with the request to answer if enough of it can be read."""
    answerable: Request | None = None
    if isinstance(message, Request) and is_token(message.method) and message.method != "ACK":
        try:
            if all(name in message.headers for name in MANDATORY):
                message.via, message.from_, message.to, message.cseq  # noqa: B018
                clean = [(n, v) for n, v in message.headers.items() if not any(c in n + v for c in "\r\n\0")]
                answerable = Request(message.method, message.uri, Headers.of(clean))
        except ValueError:
            answerable = None
    reason = reason.encode("ascii", "replace").decode()
    return MalformedMessageError(reason, 0, status, "RFC 3261 25", answerable)
