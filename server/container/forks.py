"""The dialogs of a forked INVITE: each is a SIP session of its own, derived from the one that sent the INVITE.

A dialog is found by both tags. The derived sessions have our tag in common, which is the id of the first; their own id
is only a name.

Source: RFC 3261 12.1.2, 13.2.2.4; JSR 289 6.2.3.2.
"""

from __future__ import annotations

import msgspec

from server.container.records import Sessions, SipRecord
from server.engine.call import Call
from server.sip.ids import Ids
from server.sip.message import Response


def family(call: Call, record: SipRecord) -> list[SipRecord]:
    """Return the sessions that the INVITE of this one has made, itself included."""
    return _family(call, record.origin or record.id)


def session_of(call: Call, local_tag: str, remote_tag: str) -> SipRecord | None:
    """Return the session of a dialog; one that has no dialog yet is found by our tag alone."""
    first = call.section("sessions", Sessions).sips.get(local_tag)
    if first is not None and (first.dialog is None or first.dialog.remote_tag == remote_tag):
        return first
    for record in _family(call, local_tag):
        if record.dialog is not None and record.dialog.remote_tag == remote_tag:
            return record
    return None


def session_of_response(call: Call, ids: Ids, session: str, response: Response) -> SipRecord | None:
    """Return the session that a response to a request of ``session`` belongs to, a new one for a new dialog.

    A 2xx that comes when another one was taken goes to the session that has it, which refuses the second.
    """
    record = call.section("sessions", Sessions).sips.get(session)
    tag = response.to.tag
    if response.method != "INVITE" or response.status >= 300 or not tag:
        return record
    if record is not None and (record.state == "CONFIRMED" or record.dialog is None):
        return record
    early = None
    for other in _family(call, session):
        is_its = other.dialog is not None and other.dialog.remote_tag == tag
        if other.state == "CONFIRMED" and (is_its or response.status >= 200):
            return other
        early = other if is_its else early
    return early or (None if record is None else _derive(call, ids, record))


def end_early(call: Call) -> None:
    """End the early dialogs whose INVITE has ended without a 2xx of theirs."""
    clients = call.transactions.clients
    for record in call.section("sessions", Sessions).sips.values():
        if record.state == "EARLY" and record.invite_out and record.invite_out not in clients:
            record.state = "TERMINATED"


def _derive(call: Call, ids: Ids, record: SipRecord) -> SipRecord:
    derived = msgspec.structs.replace(
        record,
        id=ids.mint_tag(call.key),
        origin=record.id,
        dialog=None,
        attributes=dict(record.attributes),
        peer_rseq=0,
    )
    call.section("sessions", Sessions).sips[derived.id] = derived
    return derived


def _family(call: Call, root: str) -> list[SipRecord]:
    return [record for record in call.section("sessions", Sessions).sips.values() if root in {record.id, record.origin}]
