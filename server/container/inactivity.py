"""The timer of the whole call: a call of which nothing is heard for long is ended, whatever became of its peers."""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING

from server.container.records import Sessions, SipRecord
from server.engine.call import Call
from server.servlet.errors import ServletError

if TYPE_CHECKING:
    from server.container.container import Container

log = logging.getLogger(__name__)


def next_due(call: Call, records: Sessions) -> float:
    """Return when the call ends if nothing is heard of it; infinity without SIP sessions."""
    if not records.sips:
        return inf
    if not records.heard:
        records.heard = call.engine.now()
    return records.heard + call.engine.inactivity


def end(container: Container, call: Call) -> None:
    """End every leg (BYE, CANCEL, 408) and invalidate every session of the call."""
    log.info("call %s: nothing was heard of it for %g s", call.key, call.engine.inactivity)
    records = call.section("sessions", Sessions)
    for record in list(records.sips.values()):
        try:
            _end_leg(container, call, record)
        except (ServletError, ValueError) as error:
            log.info("call %s: the session %s could not be ended in form: %s", call.key, record.id, error)
        record.state = "TERMINATED"
    records.applications.clear()
    records.https.clear()


def _end_leg(container: Container, call: Call, record: SipRecord) -> None:
    if record.state == "CONFIRMED" and record.dialog is not None:
        record.accepted = None
        container.sending.in_dialog(call, record, "BYE").send()
    elif record.invite_out in call.transactions.clients:
        container.sending.cancel(call, record)
    elif record.invite_in in call.transactions.servers:
        container.answer(call, record.invite_in, container.origin(call, record.invite_in), 408, record.id)
