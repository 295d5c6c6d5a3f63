"""Timers of applications: records in their application session, fired by the turn that finds them due."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from server.container.records import Sessions, TimerRecord, checked_attribute
from server.container.sessions import ContainerApplicationSession
from server.engine.call import Call
from server.servlet.errors import InvalidStateError
from server.servlet.sessions import Attribute, SipApplicationSession

if TYPE_CHECKING:
    from server.container.container import Container

log = logging.getLogger(__name__)


class ContainerTimer:
    """A timer that was set or has just fired."""

    def __init__(self, record: TimerRecord, session: ContainerApplicationSession) -> None:
        self._record = record
        self._session = session

    @property
    def id(self) -> str:
        """The id, unique in its application session."""
        return self._record.id

    @property
    def info(self) -> Attribute:
        """What was given when the timer was set."""
        return cast("Attribute", self._record.info)

    @property
    def application_session(self) -> ContainerApplicationSession:
        """The session that the timer belongs to."""
        return self._session


class ContainerTimers:
    """Sets and cancels timers of applications."""

    def create_timer(self, session: SipApplicationSession, delay: float, info: Attribute = None) -> ContainerTimer:
        """Set a timer that fires once."""
        own = cast("ContainerApplicationSession", session)
        if own.call is None or own.record is None:
            raise InvalidStateError("the call is not checked out: use application_session.lock()")
        records = own.call.section("sessions", Sessions)
        records.serial += 1
        record = TimerRecord(f"t{records.serial}", own.call.engine.now() + delay, checked_attribute(info))
        own.record.timers[record.id] = record
        return ContainerTimer(record, own)

    def cancel_timer(self, session: SipApplicationSession, timer_id: str) -> None:
        """Cancel a timer; nothing happens when it has fired."""
        own = cast("ContainerApplicationSession", session)
        if own.record is not None:
            own.record.timers.pop(timer_id, None)


def fire(container: Container, call: Call, records: Sessions, now: float) -> None:
    """Call ``timeout`` for every timer that is due; what it raises is logged."""
    for application in list(records.applications.values()):
        for timer in [t for t in application.timers.values() if t.due <= now]:
            application.timers.pop(timer.id, None)
            session = ContainerApplicationSession(container, call.key, application.id, call, application)
            try:
                servlet = container.chain.servlet(application.app, container.main_servlet(application.app))
                servlet.timeout(ContainerTimer(timer, session))
            except Exception:
                container.servlet_errors += 1
                log.exception("timeout of %s failed", application.app)
