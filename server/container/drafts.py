"""What begins here: application sessions, and requests in SIP sessions of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.container.messages import OutboundRequest
from server.container.records import ApplicationRecord, Sessions, SipRecord
from server.engine.call import Call
from server.engine.transactions import LOCAL

if TYPE_CHECKING:
    from server.container.container import Container


def new_application(call: Call, app: str, expires: float) -> ApplicationRecord:
    """Make an application session in a checked-out call."""
    records = call.section("sessions", Sessions)
    records.serial += 1
    record = ApplicationRecord(f"a{records.serial}.{call.key}", app, expires)
    records.applications[record.id] = record
    return record


def draft(
    container: Container, call: Call, application: str, app: str, method: str, local: str, uri: str
) -> OutboundRequest:
    """Make a request in a new SIP session of a checked-out call.

    Shape: ``local`` is the From value without a tag.
    """
    record = SipRecord(
        id=container.ids.mint_tag(call.key),
        application=application,
        app=app,
        handler=container.main_servlet(app),
        call_id=container.ids.call_id(),
        local=local,
        remote=f"<{uri}>",
        flow=LOCAL,
    )
    call.section("sessions", Sessions).sips[record.id] = record
    return OutboundRequest(container, call, record, method, uri, {})
