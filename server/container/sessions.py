"""The sessions as applications see them, standing on the records of a checked-out call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from server.container.records import (
    ApplicationRecord,
    HttpRecord,
    Sessions,
    SipRecord,
    checked_attribute,
)
from server.engine.call import Call, CallKey, peek_section
from server.errors import CallStateLockedError
from server.servlet.errors import BusyError, InvalidSessionError, InvalidStateError
from server.servlet.sessions import Attribute
from server.sip.headers.values import parse_name_addr
from server.sip.uri import parse_uri
from server.sip.usage.subscription import package_of

if TYPE_CHECKING:
    from server.container.container import Container
    from server.container.messages import OutboundRequest

R = TypeVar("R")


class _Attributes:
    """Attributes kept in ``self._values``."""

    _values: dict[str, object]

    def get_attribute(self, name: str) -> Attribute:
        return cast("Attribute", self._values.get(name))

    def set_attribute(self, name: str, value: Attribute) -> None:
        self._values[name] = checked_attribute(value)

    def remove_attribute(self, name: str) -> None:
        self._values.pop(name, None)

    @property
    def attribute_names(self) -> Sequence[str]:
        return tuple(self._values)


class ContainerSipSession(_Attributes):
    """A SIP session of a checked-out call."""

    def __init__(self, container: Container, call: Call, record: SipRecord) -> None:
        self.container = container
        self.call = call
        self.record = record
        self._values = record.attributes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContainerSipSession) and other.record is self.record

    def __hash__(self) -> int:
        return hash(self.record.id)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def state(self) -> str:
        return self.record.state

    @property
    def is_valid(self) -> bool:
        return self.record.state != "TERMINATED"

    @property
    def call_id(self) -> str:
        return self.record.call_id

    @property
    def remote_uri(self) -> str:
        dialog = self.record.dialog
        return str(parse_uri(parse_name_addr(dialog.remote if dialog else self.record.remote).uri))

    @property
    def application_session(self) -> ContainerApplicationSession:
        records = self.call.section("sessions", Sessions)
        return ContainerApplicationSession(
            self.container,
            self.call.key,
            self.record.application,
            self.call,
            records.applications.get(self.record.application),
        )

    @property
    def linked(self) -> ContainerSipSession | None:
        other = self.call.section("sessions", Sessions).sips.get(self.record.linked)
        return None if other is None else ContainerSipSession(self.container, self.call, other)

    @property
    def named(self) -> ContainerSipSession | None:
        other = self.call.section("sessions", Sessions).sips.get(self.record.named)
        return None if other is None else ContainerSipSession(self.container, self.call, other)

    def create_request(self, method: str) -> OutboundRequest:
        if not self.is_valid:
            raise InvalidSessionError(f"the session {self.record.id} has ended; {method} cannot be sent in it")
        if method in {"ACK", "CANCEL"}:
            raise InvalidStateError(f"make {method} from its response or request")
        return self.container.sending.in_dialog(self.call, self.record, method)

    def notify(self, event: str = "", *, end: str = "") -> None:
        for key, held in list(self.record.subscriptions.items()):
            if held.is_notifier and event in {"", package_of(key)}:
                self.container.notify(self.call, self.record, key, end)

    def invalidate(self) -> None:
        self.record.state = "TERMINATED"


class ContainerHttpSession(_Attributes):
    """An HTTP session; outside ``lock`` its attributes are those stored last, to read only."""

    def __init__(self, container: Container, key: CallKey, record: HttpRecord, call: Call | None = None) -> None:
        self.container = container
        self.key = key
        self.call = call
        self.record = record
        self._values = record.attributes

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def application_session(self) -> ContainerApplicationSession:
        return ContainerApplicationSession(self.container, self.key, self.record.application, self.call)

    def set_attribute(self, name: str, value: Attribute) -> None:
        if self.call is None:
            raise InvalidStateError("set attributes inside application_session.lock()")
        super().set_attribute(name, value)

    def encode_url(self, url: str) -> str:
        return self.container.encode_url(url, self.record.id)


class ContainerApplicationSession(_Attributes):
    """An application session; outside ``lock`` its attributes are those stored last, to read only."""

    def __init__(
        self,
        container: Container,
        key: CallKey,
        session_id: str,
        call: Call | None = None,
        record: ApplicationRecord | None = None,
    ) -> None:
        self.container = container
        self.key = key
        self.call = call
        self._id = session_id
        if call is not None and record is None:
            record = call.section("sessions", Sessions).applications.get(session_id)
        self.record = record
        self._values = {} if record is None else record.attributes

    @property
    def id(self) -> str:
        return self._id

    @property
    def application_name(self) -> str:
        return self._stored().app

    @property
    def is_valid(self) -> bool:
        if self.call is not None:
            return self._id in self.call.section("sessions", Sessions).applications
        return self._id in self._peek().applications

    def sessions(self, protocol: str | None = None) -> Sequence[ContainerSipSession | ContainerHttpSession]:
        call = self._checked_out()
        records = call.section("sessions", Sessions)
        found: list[ContainerSipSession | ContainerHttpSession] = []
        if protocol in {None, "SIP"}:
            found += [
                ContainerSipSession(self.container, call, r) for r in records.sips.values() if r.application == self._id
            ]
        if protocol in {None, "HTTP"}:
            found += [
                ContainerHttpSession(self.container, self.key, r, call)
                for r in records.https.values()
                if r.application == self._id
            ]
        return found

    def sip_session(self, session_id: str) -> ContainerSipSession | None:
        call = self._checked_out()
        record = call.section("sessions", Sessions).sips.get(session_id)
        if record is None or record.application != self._id:
            return None
        return ContainerSipSession(self.container, call, record)

    def set_attribute(self, name: str, value: Attribute) -> None:
        self._checked_out()
        super().set_attribute(name, value)

    def remove_attribute(self, name: str) -> None:
        self._checked_out()
        super().remove_attribute(name)

    @contextmanager
    def lock(self) -> Iterator[ContainerApplicationSession]:
        if self.call is not None:
            yield self
            return
        try:
            with self.container.engine.hold(self.key) as call:
                yield self._in(call)
        except CallStateLockedError as error:
            raise BusyError(error.reason) from error

    def run(self, action: Callable[[ContainerApplicationSession], R]) -> R:
        if self.call is not None:
            return action(self)

        try:
            return self.container.engine.run(self.key, lambda call: action(self._in(call)))
        except CallStateLockedError as error:
            raise BusyError(error.reason) from error

    def snapshot(self) -> Mapping[str, Attribute]:
        return cast("Mapping[str, Attribute]", self._stored().attributes)

    def invalidate(self) -> None:
        call = self._checked_out()
        records = call.section("sessions", Sessions)
        records.applications.pop(self._id, None)
        for record in records.sips.values():
            if record.application == self._id:
                record.state = "TERMINATED"
        for http in [r.id for r in records.https.values() if r.application == self._id]:
            del records.https[http]

    def _in(self, call: Call) -> ContainerApplicationSession:
        """Return this session in a call that is checked out."""
        session = ContainerApplicationSession(self.container, self.key, self._id, call)
        if session.record is None:
            raise InvalidSessionError(f"the application session {self._id} has ended")
        return session

    def _checked_out(self) -> Call:
        if self.call is None:
            raise InvalidStateError("the call is not checked out: use application_session.lock()")
        if self.record is None:
            raise InvalidSessionError(f"the application session {self._id} has ended")
        return self.call

    def _peek(self) -> Sessions:
        stored = self.container.engine.store.peek(self.key)
        return Sessions() if stored is None else peek_section(stored[1], "sessions", Sessions)

    def _stored(self) -> ApplicationRecord:
        record = self.record if self.record is not None else self._peek().applications.get(self._id)
        if record is None:
            raise InvalidSessionError(f"the application session {self._id} has ended")
        return record
