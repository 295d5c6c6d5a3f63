"""Requests that name a dialog they are not in: to take its place, to join it, or to show that they know of it.

The tag in the name carries the key of its call, so such a request is worked on in that very call (``engine.dispatch``).
Who knows both tags of a dialog is one of its parties or was told by one; whether that is enough is the application's to
say, which finds the dialog as ``session.named``.

Source: RFC 3891 3 (Replaces), RFC 3911 4 (Join), RFC 4538 4 (Target-Dialog).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from server.container.records import Sessions, SipRecord
from server.engine.call import Call
from server.servlet.sip_servlet import SipServlet
from server.sip.headers.kinds import One
from server.sip.headers.parameterized import DialogId
from server.sip.headers.table import JOIN, REPLACES, TARGET_DIALOG
from server.sip.message import Request

if TYPE_CHECKING:
    from server.container.container import Container

TAKING = (REPLACES, JOIN)
"""Headers of an INVITE that wants the dialog itself; a user agent refuses them where it is not to be had."""

CANCEL_TTL = 300.0
"""Seconds for which the CANCEL of an INVITE finds the call that the INVITE was taken to."""


class Named(NamedTuple):
    """What a request names.

    Shape: ``refusal`` is the status that refuses it, 0 for none; ``record`` is the session of the dialog.
    """

    refusal: int = 0
    record: SipRecord | None = None


NOTHING = Named()


def named(container: Container, call: Call, request: Request) -> Named:
    """Return what an initial request names."""
    first = request.headers.first
    if "replaces" in first or "join" in first:
        return _taken(container, call, request)
    if "target-dialog" not in first:
        return NOTHING
    try:
        name = request.one(TARGET_DIALOG)
    except ValueError:
        return NOTHING
    return NOTHING if name is None else Named(0, _find(call, name, {name.to_tag, name.from_tag}))


def take(call: Call, record: SipRecord, found: Named, request: Request) -> None:
    """Remember what the first request of a session names, and where its CANCEL has to go."""
    if found.record is None:
        return
    record.named = found.record.id
    if "replaces" in request.headers.first:
        record.replaces = found.record.id
    if request.method == "INVITE":
        engine = call.engine
        engine.store.alias(engine.dispatch.cancel_name(request), call.key, CANCEL_TTL)


def answered(container: Container, call: Call, record: SipRecord, status: int) -> None:
    """End the dialog whose place is taken by one that was accepted; give it its leg back if it was refused.

    Source: RFC 3891 3.
    """
    if not record.replaces or status < 200:
        return
    sips = call.section("sessions", Sessions).sips
    old, record.replaces = sips.get(record.replaces), ""
    if old is None or old.state == "TERMINATED":
        return
    leg = sips.get(old.linked)
    if status >= 300:
        if leg is not None:
            leg.linked = old.id
    elif old.state == "CONFIRMED":
        old.linked = ""
        container.sending.in_dialog(call, old, "BYE").send()
    else:
        old.linked = ""
        container.sending.cancel(call, old)


def leg_of(call: Call, record: SipRecord) -> SipRecord | None:
    """Give the leg of the dialog that is to be replaced to the session that replaces it; None when there is none.

    The old one has its link still, until it is known whether it is replaced.
    """
    sips = call.section("sessions", Sessions).sips
    old = sips.get(record.replaces)
    leg = None if old is None else sips.get(old.linked)
    if leg is None or leg.state != "CONFIRMED":
        return None
    leg.linked, record.linked = record.id, leg.id
    return leg


def refusal_of(record: SipRecord, request: Request) -> int:
    """Return the status with which a user agent refuses a request for a dialog that is not here, 0 for none.

    A proxy passes such a request on: the dialog is that of the phones behind it.

    Source: RFC 3891 3, RFC 3911 4.
    """
    first = request.headers.first
    if record.named or request.to.tag or ("replaces" not in first and "join" not in first):
        return 0
    return 400 if _wanted(request) is None else 481


def _taken(container: Container, call: Call, request: Request) -> Named:
    wanted = _wanted(request)
    if wanted is None:
        return NOTHING
    header, name = wanted
    record = _find(call, name, {name.to_tag})
    if record is None or not _is_invited(record):
        return NOTHING
    if record.state == "TERMINATED":
        return Named(603)
    if record.state != "CONFIRMED" and record.is_callee:
        return Named(481)
    if record.state == "CONFIRMED" and name.is_early_only:
        return Named(486)
    if header is JOIN and not _joins(container.servlet_of(record)):
        return Named(488)
    return Named(0, record)


def _wanted(request: Request) -> tuple[One[DialogId], DialogId] | None:
    """Return the header and the dialog that a request wants, None where that cannot be said or had."""
    try:
        names = [(header, name) for header in TAKING if (name := request.one(header)) is not None]
    except ValueError:
        return None
    lines = sum(len(request.headers.get_all(header.key)) for header in TAKING)
    return names[0] if len(names) == lines == 1 and request.method == "INVITE" else None


def _joins(servlet: SipServlet) -> bool:
    return servlet.joins


def _is_invited(record: SipRecord) -> bool:
    return bool(record.is_callee or record.ack_cseq or record.invite_out)


def _find(call: Call, name: DialogId, ours: set[str]) -> SipRecord | None:
    """Return the session of a dialog; ``ours`` are the tags that may be the one on our side."""
    for record in call.section("sessions", Sessions).sips.values():
        dialog = record.dialog
        if dialog is None or dialog.call_id != name.call_id or dialog.local_tag not in ours:
            continue
        if {dialog.local_tag, dialog.remote_tag} == {name.to_tag, name.from_tag}:
            return record
    return None
