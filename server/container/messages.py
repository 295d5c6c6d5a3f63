"""Requests and responses as applications see them, for the length of a turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from server.container import redirection
from server.container.records import SipRecord
from server.container.sessions import ContainerApplicationSession, ContainerSipSession
from server.engine.call import Call
from server.servlet.errors import InvalidStateError
from server.servlet.proxy import ProxyOptions
from server.sip.auth import Side, Verdict
from server.sip.headers.values import parse_name_addr
from server.sip.message import Request, Response
from server.sip.multipart import content_of
from server.sip.uri import parse_uri
from server.sip.usage.offer import is_reliable
from server.sip.usage.options import supports

if TYPE_CHECKING:
    from server.container.container import Container
    from server.container.proxy import ContainerProxy

KEPT = frozenset(
    {"via", "from", "to", "call-id", "cseq", "contact", "route", "record-route", "content-length", "max-forwards"}
    | {"v", "f", "t", "i", "m", "l"}
)
"""Headers that the container keeps."""

CONTACT = frozenset({"contact", "m"})
"""A response that sends the caller elsewhere has the application's own (RFC 3261 21.3, 21.4.23)."""


class _Message:
    """What all four kinds have in common."""

    container: Container
    call: Call
    record: SipRecord

    @property
    def session(self) -> ContainerSipSession:
        return ContainerSipSession(self.container, self.call, self.record)

    @property
    def application_session(self) -> ContainerApplicationSession:
        return ContainerApplicationSession(self.container, self.call.key, self.record.application, self.call)


class _Inbound(_Message):
    """A message from the wire or from another application."""

    message: Request | Response
    address: tuple[str, int]

    @property
    def method(self) -> str:
        return self.message.method

    @property
    def call_id(self) -> str:
        return self.message.call_id

    @property
    def from_uri(self) -> str:
        return self.message.from_.uri

    @property
    def to_uri(self) -> str:
        return self.message.to.uri

    @property
    def body(self) -> bytes:
        return self.message.body

    @property
    def content_type(self) -> str | None:
        return self.message.content_type

    def content(self, media_type: str) -> bytes | None:
        return content_of(self.body, self.content_type or "", media_type.lower())

    @property
    def remote_address(self) -> tuple[str, int]:
        return self.address

    def header(self, name: str) -> str | None:
        return self.message.headers.get(name)

    def headers(self, name: str) -> Sequence[str]:
        return self.message.headers.get_all(name)

    def set_header(self, name: str, value: str) -> None:
        raise InvalidStateError(f"{name}: a received message cannot be changed")

    def set_body(self, body: bytes, content_type: str | None = None) -> None:
        raise InvalidStateError("a received message cannot be changed")

    def send(self) -> None:
        raise InvalidStateError("a received message cannot be sent")


class _Outbound(_Message):
    """A message that the application makes."""

    extra: list[tuple[str, str]]
    sent: bool

    body: bytes
    content_type: str | None

    def content(self, media_type: str) -> bytes | None:
        return content_of(self.body, self.content_type or "", media_type.lower())

    @property
    def remote_address(self) -> tuple[str, int]:
        return ("", 0)

    def header(self, name: str) -> str | None:
        values = self.headers(name)
        return values[0] if values else None

    def headers(self, name: str) -> Sequence[str]:
        return [value for other, value in self.extra if other.lower() == name.lower()]

    def _is_kept(self, name: str) -> bool:
        return name.lower() in KEPT

    def set_header(self, name: str, value: str) -> None:
        if self._is_kept(name):
            raise ValueError(f"{name}: this header is kept by the container")
        if any(character in value for character in "\r\n\0") or not name.replace("-", "").isalnum():
            raise ValueError(f"{name!r}: not a header line: {value!r}")
        self.extra = [pair for pair in self.extra if pair[0].lower() != name.lower()]
        self.extra.append((name, value))

    def set_body(self, body: bytes, content_type: str | None = None) -> None:
        self.body = body
        self.content_type = content_type if body else None

    def _commit(self) -> None:
        if self.sent:
            raise InvalidStateError("this message was sent already")
        self.sent = True


class Proven(NamedTuple):
    """Who asked the sender of a request who it is, what came of it, and the nonce to use next, empty for the same."""

    side: Side
    verdict: Verdict
    next_nonce: str


class InboundRequest(_Inbound):
    """A request that came in; ``key`` is its server transaction, empty for the ACK to a 2xx.

    Shape: ``proven`` is how its sender has proved who it is, in this turn.
    """

    proven: Proven | None = None

    def __init__(
        self, container: Container, call: Call, record: SipRecord, message: Request, key: str, address: tuple[str, int]
    ) -> None:
        self.container = container
        self.call = call
        self.record = record
        self.message: Request = message
        self.key = key
        self.address = address

    @property
    def uri(self) -> str:
        return self.message.uri

    @property
    def is_initial(self) -> bool:
        return not self.message.to.tag

    def supports(self, option: str) -> bool:
        return supports(self.message, option)

    @property
    def is_proxied(self) -> bool:
        return self.record.proxies and not self.is_initial

    def create_proxy(self, options: ProxyOptions | None = None) -> ContainerProxy:
        return self.container.proxies.begin(self, options or ProxyOptions())

    def push_route(self, uri: str) -> None:
        raise InvalidStateError("a received request cannot be changed")

    def create_response(self, status: int, reason: str | None = None) -> OutboundResponse:
        if self.message.method == "ACK":
            raise InvalidStateError("an ACK is not answered")
        if not 101 <= status <= 699:
            raise ValueError(f"{status} is no status that an application may send")
        if status < 200 and self.message.method != "INVITE":
            raise ValueError(f"{self.message.method} has no provisional response but 100 (RFC 4320 4.1)")
        return OutboundResponse(self, status, reason)

    def create_cancel(self) -> OutboundCancel:
        raise InvalidStateError("only an INVITE that was sent here can be cancelled")


class InboundResponse(_Inbound):
    """A response to a request of ours; ``origin`` gives that request."""

    def __init__(
        self,
        container: Container,
        call: Call,
        record: SipRecord,
        message: Response,
        origin: Request,
        address: tuple[str, int],
        proxy: ContainerProxy | None = None,
        *,
        is_branch_response: bool = False,
    ) -> None:
        self.container = container
        self.call = call
        self.record = record
        self.message: Response = message
        self.status = message.status
        self.origin = origin
        self.address = address
        self.proxy = proxy
        self.is_branch_response = is_branch_response

    @property
    def reason(self) -> str:
        return self.message.reason

    @property
    def request(self) -> SentRequest:
        return SentRequest(self.container, self.call, self.record, self.origin, "", ("", 0))

    def create_ack(self) -> OutboundAck:
        if self.method != "INVITE" or not 200 <= self.status < 300 or self.proxy is not None:
            raise InvalidStateError("only a 2xx to an INVITE of one's own is acknowledged by the application")
        return OutboundAck(self.container, self.call, self.record)

    @property
    def is_reliable(self) -> bool:
        return is_reliable(self.message)

    def send_reliably(self) -> None:
        raise InvalidStateError("a received message cannot be sent")

    def create_prack(self) -> OutboundRequest:
        rack = self.record.unpracked
        if not self.is_reliable or not rack:
            raise InvalidStateError("there is no reliable provisional response to acknowledge")
        return self.container.sending.prack(self.call, self.record)

    def create_redirected(self) -> OutboundRequest | None:
        if self.proxy is not None or self.origin.to.tag or self.status < 300:
            raise InvalidStateError("only an initial request of one's own that has failed is sent elsewhere")
        return redirected(self)


class SentRequest(InboundRequest):
    """A request that we have sent, to read and to cancel."""

    def create_response(self, status: int, reason: str | None = None) -> OutboundResponse:
        raise InvalidStateError("this request was sent here; its responses come from the peer")

    def create_proxy(self, options: ProxyOptions | None = None) -> ContainerProxy:
        raise InvalidStateError("this request was sent here; it is on its way already")

    def create_cancel(self) -> OutboundCancel:
        if self.method != "INVITE" or not self.record.invite_out:
            raise InvalidStateError("there is no INVITE on its way that could be cancelled")
        return OutboundCancel(self.container, self.call, self.record, self.message)


class OutboundResponse(_Outbound):
    """A response that is being made."""

    proxy: ContainerProxy | None = None
    is_branch_response = False
    is_reliable = False

    def _is_kept(self, name: str) -> bool:
        elsewhere = 300 <= self.status < 400 or self.status == 485
        return super()._is_kept(name) and not (elsewhere and name.lower() in CONTACT)

    def __init__(self, to: InboundRequest, status: int, reason: str | None) -> None:
        self.container, self.call, self.record = to.container, to.call, to.record
        self.to = to
        self.status = status
        self.reason_phrase = reason
        self.extra = []
        self.body = b""
        self.content_type: str | None = None
        self.sent = False

    @property
    def reason(self) -> str:
        return self.reason_phrase or ""

    @property
    def request(self) -> InboundRequest:
        return self.to

    @property
    def method(self) -> str:
        return self.to.method

    @property
    def call_id(self) -> str:
        return self.to.call_id

    @property
    def from_uri(self) -> str:
        return self.to.from_uri

    @property
    def to_uri(self) -> str:
        return self.to.to_uri

    def create_ack(self) -> OutboundAck:
        raise InvalidStateError("a response that is sent here is acknowledged by the peer")

    def send_reliably(self) -> None:
        if self.method != "INVITE" or self.status >= 200 or not self.to.supports("100rel"):
            raise InvalidStateError("only a 1xx to an INVITE whose sender knows 100rel is sent reliably")
        self.is_reliable = True
        self.send()

    def create_prack(self) -> OutboundRequest:
        raise InvalidStateError("a response that is sent here is acknowledged by the peer")

    def create_redirected(self) -> OutboundRequest | None:
        raise InvalidStateError("a response that is sent here is followed by the peer")

    def send(self) -> None:
        self._commit()
        self.container.sending.response(self)


class OutboundRequest(_Outbound):
    """A request that is being made.

    Shape: ``parts`` are the arguments of ``make_request`` that are known before the way is.
    """

    is_proxied = False

    def supports(self, option: str) -> bool:
        return option in ",".join(self.headers("Supported")).replace(" ", "").split(",")

    def __init__(
        self,
        container: Container,
        call: Call,
        record: SipRecord,
        method: str,
        uri: str,
        parts: dict[str, Any],
    ) -> None:
        self.container = container
        self.call = call
        self.record = record
        self.method = method
        self.uri = uri
        self.parts = parts
        self.extra = []
        self.body = b""
        self.content_type: str | None = None
        self.sent = False
        self.max_forwards = 70
        self.routes: list[str] = []

    @property
    def is_initial(self) -> bool:
        return self.record.dialog is None

    @property
    def call_id(self) -> str:
        return self.record.call_id

    @property
    def from_uri(self) -> str:
        return parse_name_addr(self.record.local).uri

    @property
    def to_uri(self) -> str:
        return parse_name_addr(self.record.remote).uri

    def create_response(self, status: int, reason: str | None = None) -> OutboundResponse:
        raise InvalidStateError("this request is sent here; its responses come from the peer")

    def create_proxy(self, options: ProxyOptions | None = None) -> ContainerProxy:
        raise InvalidStateError("this request is sent here; it was not received from anybody")

    def create_cancel(self) -> OutboundCancel:
        if self.method != "INVITE" or not self.record.invite_out:
            raise InvalidStateError("there is no INVITE on its way that could be cancelled")
        return OutboundCancel(
            self.container, self.call, self.record, self.container.origin(self.call, self.record.invite_out)
        )

    def push_route(self, uri: str) -> None:
        parse_uri(uri)
        self.routes.insert(0, f"<{uri}>")

    def send(self) -> None:
        self._commit()
        self.container.sending.request(self)


class OutboundAck(OutboundRequest):
    """The ACK to a 2xx."""

    def __init__(self, container: Container, call: Call, record: SipRecord) -> None:
        uri = record.dialog.target if record.dialog else ""
        super().__init__(container, call, record, "ACK", uri, {})

    def send(self) -> None:
        self._commit()
        self.container.sending.ack(self)


class OutboundCancel(OutboundRequest):
    """The CANCEL of an INVITE that we sent."""

    def __init__(self, container: Container, call: Call, record: SipRecord, invite: Request) -> None:
        super().__init__(container, call, record, "CANCEL", invite.uri, {})

    def send(self) -> None:
        self._commit()
        self.container.sending.cancel(self.call, self.record, tuple(self.headers("Reason")))


def redirected(response: InboundResponse) -> OutboundRequest | None:
    """Return the request that failed as it goes to the next place that is left, in the same session."""
    target = redirection.next_target(response.record, response.origin, response.message)
    if target is None:
        return None
    origin, record = response.origin, response.record
    record.state, record.dialog = "INITIAL", None
    draft = OutboundRequest(response.container, response.call, record, origin.method, target, {})
    draft.extra = [pair for pair in origin.headers.items() if pair[0].lower() not in KEPT]
    draft.body = origin.body
    return draft
