"""Requests of ours that are sent once more, with another number: after glare (491), or with a longer interval (422).

What a back-to-back user agent passes on is not sent again here: the leg that it came from sees the refusal.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import msgspec

from server.container.records import Again, Sessions, SipRecord
from server.container.session_timers import longer
from server.engine.call import Call
from server.sip.codec import parse_message
from server.sip.message import Request, Response
from server.sip.usage import glare

if TYPE_CHECKING:
    from server.container.container import Container

GLARE = frozenset({"INVITE", "UPDATE"})


def is_tried_again(container: Container, call: Call, record: SipRecord, request: Request, response: Response) -> bool:
    """Say whether a refused request is sent again by itself, and see to it."""
    headers = longer(response, request) if response.method == "INVITE" else ()
    if headers:
        send_again(container, call, record, request, headers)
        return True
    if response.status != 491 or response.method not in GLARE or record.linked or record.state != "CONFIRMED":
        return False
    is_owner = not record.is_callee
    choice = container.ids.below(glare.choices(is_owner=is_owner))
    record.again = Again(request.wire(), call.engine.now() + glare.wait(choice, is_owner=is_owner))
    return True


def send_due(container: Container, call: Call, now: float) -> None:
    """Send what has waited long enough."""
    for record in list(call.section("sessions", Sessions).sips.values()):
        waiting = record.again
        if waiting is None or waiting.due > now or record.invite_in or record.invite_out:
            continue
        record.again = None
        request = parse_message(waiting.request)
        if record.state == "CONFIRMED" and isinstance(request, Request):
            send_again(container, call, record, request)


def next_due(record: SipRecord) -> float:
    """Return when something is to be sent again; while an INVITE is open its end decides."""
    return inf if record.again is None or record.invite_in or record.invite_out else record.again.due


def send_again(
    container: Container, call: Call, record: SipRecord, request: Request, headers: tuple[tuple[str, str], ...] = ()
) -> str:
    """Send a request once more, with another number and these headers; return the key of its transaction."""
    if record.dialog is not None:
        record.dialog = msgspec.structs.replace(record.dialog, local_cseq=record.dialog.local_cseq + 1)
        number = record.dialog.local_cseq
    else:
        record.cseq = number = record.cseq + 1
    for name, value in (("CSeq", f"{number} {request.method}"), *headers):
        request = request.with_header(name, value)
    return container.sending.resend(call, record, request)
