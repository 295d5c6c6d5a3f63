"""What is due of session timers: our refresh, an UPDATE or an INVITE with what we described last, or the end.

A peer whose Allow lists no UPDATE, or who refuses one as unknown, is refreshed by INVITE; for that alone our last
description is kept, and only while a timer is asked for and UPDATE is not known to be understood.

Source: RFC 4028 7.4, 10.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from server.container import session_timers
from server.container.messages import OutboundAck
from server.container.records import Sessions, SipRecord
from server.engine.call import Call
from server.servlet.errors import ServletError
from server.sip.dialog import on_response
from server.sip.headers.table import SESSION_EXPIRES
from server.sip.message import Request, Response
from server.sip.offer_answer import STABLE
from server.sip.usage import glare
from server.sip.usage.ends import METHOD_ENDERS, ended_by, retry_after
from server.sip.usage.offer import SDP
from server.sip.usage.session_timer import SessionTimer

if TYPE_CHECKING:
    from server.container.container import Container

log = logging.getLogger(__name__)

BUSY = 2.0
"""Seconds to wait where an INVITE or an offer is open; its 2xx is a refresh, too."""


def expire(container: Container, call: Call, now: float) -> None:
    """Refresh the sessions that it is our turn to refresh, and end those that nobody has refreshed."""
    for record in list(call.section("sessions", Sessions).sips.values()):
        timer = record.timer
        if timer is None or timer.due > now or record.state != "CONFIRMED":
            continue
        try:
            if timer.refreshes:
                refresh(container, call, record)
            else:
                _end(container, call, record)
        except ServletError as error:
            record.timer = None
            log.info("call %s: the session %s could not be refreshed: %s", call.key, record.id, error)


def _end(container: Container, call: Call, record: SipRecord) -> None:
    """End a session that nobody has refreshed; what only passes through us is forgotten."""
    log.info("call %s: nobody has refreshed the session %s", call.key, record.id)
    record.timer = None
    if record.proxies:
        record.state = "TERMINATED"
        return
    container.sending.in_dialog(call, record, "BYE").send()
    container.tell(call, record, "session_expired")


def refresh(container: Container, call: Call, record: SipRecord) -> None:
    """Refresh a session, or try to a moment later.

    Errors: ServletError where no request can be sent.
    """
    assert record.timer is not None
    if record.invite_in or record.invite_out or record.offer != STABLE:
        record.timer = msgspec.structs.replace(record.timer, due=call.engine.now() + BUSY)
        return
    description = record.description if record.by_invite else None
    draft = container.sending.in_dialog(call, record, "INVITE" if description else "UPDATE")
    if description:
        draft.set_body(description, SDP)
    record.refresh = container.sending.request(draft)
    record.timer = None


def take_answer(container: Container, call: Call, record: SipRecord, request: Request, response: Response) -> None:
    """Take the final answer to our refresh; a session that the peer does not know any more has ended."""
    record.refresh = ""
    method = response.method
    if method == "INVITE":
        record.invite_out = ""
    if record.state != "CONFIRMED":
        return
    if response.status < 300:
        _accepted(container, call, record, response)
    elif ended_by("UPDATE", response):
        container.sending.in_dialog(call, record, "BYE").send()
        container.tell(call, record, "session_expired")
    elif method == "UPDATE" and response.status in METHOD_ENDERS and record.description:
        record.by_invite = True
        _try_again(call, record, request, 0.0)
    elif response.status == 491:
        choice = container.ids.below(glare.choices(is_owner=not record.is_callee))
        _try_again(call, record, request, glare.wait(choice, is_owner=not record.is_callee))
    else:
        seconds = retry_after(response)
        if seconds is not None:
            _try_again(call, record, request, seconds)


def _accepted(container: Container, call: Call, record: SipRecord, response: Response) -> None:
    if response.method == "INVITE":
        assert record.dialog is not None
        record.dialog = on_response(record.dialog, response)
        record.ack, record.ack_cseq, record.waits_for_ack = b"", response.cseq.number, True
        OutboundAck(container, call, record).send()
    else:
        record.description = None
    session_timers.take(call, record, response)


def _try_again(call: Call, record: SipRecord, request: Request, wait: float) -> None:
    asked = request.one(SESSION_EXPIRES)
    assert asked is not None
    record.timer = SessionTimer(asked.seconds, True, call.engine.now() + wait)
