"""What a REGISTER makes of the bindings of an address of record: (request, bindings, now) -> (status, bindings).

Either all of it happens or nothing.

Source: RFC 3261 10.3 steps 2, 6, 7 and 8; RFC 3327 5.3 (Path); RFC 5626 6 (outbound).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from server.config import RegistrarConfig
from server.container.forwarding import option_tags
from server.container.outbound import OPTION, flow_ids
from server.container.records import Binding
from server.sip.headers import NameAddr
from server.sip.headers.table import PATH
from server.sip.message import Request
from server.sip.params import format_params
from server.sip.uri import parse_uri, uris_equal
from server.transport.flow import Flow

SUPPORTED = frozenset({"path", OPTION})
"""Option tags that a REGISTER may require."""

Headers = tuple[tuple[str, str], ...]


class Outcome(NamedTuple):
    """How a REGISTER is answered, and the bindings afterwards."""

    status: int
    contacts: Mapping[str, Binding]
    headers: Headers = ()


def unsupported(request: Request) -> str:
    """Return the extensions that a REGISTER requires and that are not known here, as they stand in Unsupported."""
    return ", ".join([tag for tag in option_tags(request, "require") if tag.lower() not in SUPPORTED])


def registered(
    request: Request, present: Mapping[str, Binding], flow: Flow, now: float, config: RegistrarConfig
) -> Outcome:
    """Return what comes of a REGISTER from somebody who may change the bindings.

    Shape: ``present`` are those that have not expired, by flow id or URI.
    """
    path, refusal = _path(request)
    ids = flow_ids(request)
    if refusal or ids.refusal:
        return Outcome(refusal or ids.refusal, present, (("Unsupported", "path"),) if refusal == 420 else ())
    contacts = request.contacts
    if any(contact.uri == "*" for contact in contacts):
        return _removed(request, present)
    return _updated(request, present, path, ids.ids, flow, now, config)


def listed(contacts: Mapping[str, Binding], now: float) -> Headers:
    """Return the Contact of the bindings, each with what is left of its time; none without bindings."""
    values = [
        f"<{binding.uri}>;expires={max(0, round(binding.expires - now))}{format_params(binding.params)}"
        for binding in contacts.values()
    ]
    return (("Contact", ", ".join(values)),) if values else ()


def _path(request: Request) -> tuple[tuple[str, ...], int]:
    """Return the Path, and the status that refuses it: 420 when the phone does not know of it (RFC 3327 5.3)."""
    try:
        path = tuple([str(hop) for hop in request.many(PATH)])
    except ValueError:
        return (), 400
    known = {tag.lower() for name in ("supported", "require") for tag in option_tags(request, name)}
    return path, 420 if path and "path" not in known else 0


def _removed(request: Request, present: Mapping[str, Binding]) -> Outcome:
    """Remove every binding, which is what ``*`` asks for."""
    if len(request.contacts) != 1 or request.expires != 0:
        return Outcome(400, present)
    if any(_is_late(request, binding) for binding in present.values()):
        return Outcome(500, present)
    return Outcome(200, {})


def _updated(
    request: Request,
    present: Mapping[str, Binding],
    path: tuple[str, ...],
    ids: tuple[str, ...],
    flow: Flow,
    now: float,
    config: RegistrarConfig,
) -> Outcome:
    changed = dict(present)
    for contact, flow_id in zip(request.contacts, ids, strict=True):
        key = flow_id or _key_of(contact.uri, changed)
        old = present.get(key)
        if old is not None and _is_late(request, old):
            return Outcome(500, present)
        seconds = _seconds(contact, request.expires, config)
        if 0 < seconds < config.min_expires:
            return Outcome(423, present, (("Min-Expires", str(config.min_expires)),))
        changed.pop(key, None)
        if seconds:
            params = {name: value for name, value in contact.params.items() if name != "expires"}
            changed[key] = Binding(
                contact.uri, now + seconds, request.call_id, request.cseq.number, flow, flow_id, path, params
            )
    return Outcome(200, changed) if len(changed) <= config.max_bindings else Outcome(403, present)


def _is_late(request: Request, binding: Binding) -> bool:
    """Say whether a REGISTER was overtaken by one that made a binding."""
    return binding.call_id == request.call_id and binding.cseq >= request.cseq.number


def _key_of(uri: str, contacts: Mapping[str, Binding]) -> str:
    """Return the key of the binding whose URI is the same (RFC 3261 19.1.4), for a new one the URI itself."""
    if uri not in contacts:
        parsed = parse_uri(uri)
        for key, binding in contacts.items():
            if not binding.flow_id and uris_equal(parsed, parse_uri(binding.uri)):
                return key
    return uri


def _seconds(contact: NameAddr, header: int | None, config: RegistrarConfig) -> int:
    seconds = contact.expires if contact.expires is not None else header
    return min(config.default_expires if seconds is None else seconds, config.max_expires)
