"""What one node tells another of a diagnostic context: one line of text, and the ``traceparent`` of W3C.

::

    X-Weaver-Context: 4f0c...-0000000000000007;parent=9a3f12c400000001;node=a;dyes=ADDR1,DYE_2;payload=order%2017
    traceparent: 00-4f0c...0000000000000007-9a3f12c400000001-01

The id of a context is the trace id, with a dash in its middle; the parent is the id of the one message that carried it.
Dyes go by name, because their bits are each node's own. Whatever has not this form says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

OWN, TRACE = "X-Weaver-Context", "traceparent"

LIMIT = 2_048
"""Characters of a line that are looked at."""

_OWN = re.compile(r"([0-9a-f]{16}-[0-9a-f]{16});parent=([0-9a-f]{16})((?:;[a-z]+=[\w.,%~:-]*)*)", re.ASCII)
_TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{16})([0-9a-f]{16})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_LINE = re.compile(rb"\r\n(?:X-Weaver-Context|traceparent)[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hop:
    """A context as it goes from node to node.

    Shape: ``parent`` is the id of the message that carries it, 16 hexadecimal digits.
    """

    identity: str
    parent: str
    node: str = ""
    dyes: tuple[str, ...] = ()
    payload: str | None = None


def format_hop(hop: Hop) -> dict[str, str]:
    """Return the header lines for a context."""
    fields = {"parent": hop.parent, "node": _quoted(hop.node), "dyes": ",".join(map(_quoted, hop.dyes))}
    if hop.payload is not None:
        fields["payload"] = _quoted(hop.payload)
    own = ";".join([hop.identity, *(f"{name}={value}" for name, value in fields.items() if value)])
    flags = "01" if hop.dyes else "00"
    return {OWN: own, TRACE: f"00-{hop.identity.replace('-', '')}-{hop.parent}-{flags}"}


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def parse_hop(own: Sequence[str], trace: Sequence[str]) -> Hop | None:
    """Return the context that the values of the two headers tell of, ours first; None when there are none.

    Errors: ValueError for values that have not the form, or are more than one (the peer's fault).
    """
    if not own and not trace:
        return None
    name, values = (OWN, own) if own else (TRACE, trace)
    if len(values) > 1 or len(values[0]) > LIMIT:
        raise ValueError(f"{name} stands there more than once, or is too long")
    return _own(values[0].strip()) if own else _trace(values[0].strip())


def _own(text: str) -> Hop:
    found = _OWN.fullmatch(text)
    if found is None:
        raise ValueError(f"{OWN}: {text[:80]!r} is none")
    fields = dict(field.split("=", 1) for field in found[3].split(";")[1:])
    dyes = tuple(unquote(name) for name in fields.get("dyes", "").split(",") if name)
    payload = unquote(fields["payload"]) if "payload" in fields else None
    return Hop(found[1], found[2], unquote(fields.get("node", "")), dyes, payload)


def _trace(text: str) -> Hop:
    found = _TRACE.fullmatch(text)
    if found is None or int(found[1] + found[2], 16) == 0 or int(found[3], 16) == 0:
        raise ValueError(f"{TRACE}: {text[:80]!r} is none")
    return Hop(f"{found[1]}-{found[2]}", found[3])


def with_hop(data: bytes, hop: Hop | None) -> bytes:
    """Return the bytes of a message with the lines of this context, and of no other.

    Without a context our own line is taken away, with the ``traceparent`` that came with it; a ``traceparent`` of
    somebody else stays.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return data
    if hop is not None or b"x-weaver-context" in head.lower():
        head = _LINE.sub(b"", head)
    added = "" if hop is None else "".join(f"\r\n{name}: {value}" for name, value in format_hop(hop).items())
    return head + added.encode("ascii") + end + body
