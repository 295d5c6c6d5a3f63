"""A node whose wire, clock and workers are the test's: what comes in is worked off at once, what goes out is kept."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import gevent

from server.config import load_config
from server.container.chain import Chain
from server.container.deployment import Application
from server.container.factory import ContainerFactory
from server.engine.call import CallKey
from server.engine.call_queue import CallQueues
from server.errors import TransportError
from server.node import Node
from server.servlet import ServletContext, SipServlet
from server.sip.build import make_request, make_response
from server.sip.codec import parse_message
from server.sip.message import Request, Response
from server.testing.clock import ManualClock
from server.transport.flow import Flow

SERVED = ("INVITE", "OPTIONS", "REGISTER", "INFO", "MESSAGE", "UPDATE", "SUBSCRIBE", "REFER", "PUBLISH")
ALICE, BOB = ("192.0.2.1", 5060), ("192.0.2.2", 5060)


class AtOnce:
    """Workers that run a job where it is asked for."""

    def run(self, function: Callable[..., object], *arguments: object) -> None:
        function(*arguments)


class Wire:
    """Stands before a transport: keeps what is sent, and fails for addresses that the test has broken."""

    def __init__(self, transport: Any) -> None:
        self.sent: list[Request | Response] = []
        self.broken: set[str] = set()
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def send(self, data: bytes, flow: Flow) -> None:
        if flow.remote_host in self.broken:
            raise TransportError(str(flow), "broken by the test")
        self.sent.append(parse_message(data))


class House:
    """The node; each servlet class becomes an application of the chain, which serves every method.

    Shape: ``settings`` are those of the applications; ``at_once=False`` leaves the node its greenlets, so that a test
    may hold a call with ``application_session.lock()``; ``sections`` are settings of the server that differ.
    """

    def __init__(
        self, *servlets: type[SipServlet], settings: Mapping[str, Any] | None = None, at_once: bool = True,
        sections: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        self.clock = ManualClock()
        config = load_config().with_command_line(sip="127.0.0.1:0", http="", outbound_proxy=None)
        for name, values in (sections or {}).items():
            config = replace(config, **{name: replace(getattr(config, name), **values)})
        self.node = Node(config, [], clock=self.clock)
        self.engine, self.container = self.node.engine, self.node.container
        if at_once:
            self.engine.queues = CallQueues(AtOnce(), self.engine._work)  # type: ignore[arg-type]
        self.settings = settings or {}
        self.wire = Wire(self.engine.transports["UDP"])
        self.engine.transports["UDP"] = self.wire  # type: ignore[index]
        self.servlets = [servlet(self.context(f"app{n}")) for n, servlet in enumerate(servlets)]
        self.container.chain = Chain([self._application(n, servlet) for n, servlet in enumerate(self.servlets)])
        self._branches = count(1)

    def serve(self, *methods: str) -> None:
        """Have the applications serve initial requests of these methods only."""
        mapping = dict.fromkeys(methods, "main")
        applications = [Application(f"app{n}", {"main": one}, mapping, {}) for n, one in enumerate(self.servlets)]
        self.container.chain = Chain(applications)

    def close(self) -> None:
        self.node.stop(0)

    def factory(self, app: str = "app0") -> ContainerFactory:
        return ContainerFactory(self.container, app)

    def receive(self, message: Request | Response, address: tuple[str, int] = ALICE) -> list[Request | Response]:
        """Have a message come from an address; return what is sent because of it."""
        self.wire.sent.clear()
        host, port = self.node.udp.local
        self.engine.on_datagram(message.wire(), Flow("UDP", host, port, *address))
        self._settle()
        return list(self.wire.sent)

    def pass_time(self, seconds: float) -> list[Request | Response]:
        """Let time pass and every call look at its deadlines; return what is sent."""
        self.wire.sent.clear()
        self.clock.advance(seconds)
        for checkout in self.engine.store.poll().due:
            self.engine.store.unlock(checkout)
            self.engine.wake(CallKey(checkout.key))
        self._settle()
        return list(self.wire.sent)

    def request(
        self, method: str = "INVITE", cseq: int = 1, to: str = "", *, tag: str = "a", call_id: str = "c-1",
        hops: int = 70, contact: str | None = "<sip:alice@192.0.2.1>", extra: Iterable[tuple[str, str]] = (),
        uri: str = "sip:bob@192.0.2.2", body: bytes = b"", call_to: str = "<sip:bob@192.0.2.2>",
    ) -> Request:  # fmt: skip
        """Make a request of Alice; ``to`` is the tag of the other side."""
        return make_request(
            method, uri, via=f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-{next(self._branches)}",
            from_=f"<sip:alice@192.0.2.1>;tag={tag}", to=call_to + (f";tag={to}" if to else ""), call_id=call_id,
            cseq=cseq, max_forwards=hops, contact=contact, extra=extra, body=body, content_type="text/plain",
        )  # fmt: skip

    def in_dialog(self, method: str, cseq: int, answer: Request | Response, **more: Any) -> Request:
        """Make a request of Alice in the dialog that an answer of the server made."""
        return self.request(method, cseq, answer.to.tag or "", **more)

    def _settle(self) -> None:
        """Let greenlets work until no call has anything to do."""
        while len(self.engine.queues):
            gevent.sleep(0)

    def context(self, name: str) -> ServletContext:
        container = self.container
        return ServletContext(
            name, self.factory(name), container.b2bua, container.registrar, container.timers,  # type: ignore[arg-type]
            self.settings, {"demo": False, "sip_address": "127.0.0.1:5060"}, container.publications,
        )  # fmt: skip

    @staticmethod
    def _application(number: int, servlet: SipServlet) -> Application:
        return Application(f"app{number}", {"main": servlet}, dict.fromkeys(SERVED, "main"), {})


def reply(request: Request | Response, status: int, tag: str = "b", **more: Any) -> Response:
    """Make Bob's answer to a request of the server."""
    assert isinstance(request, Request)
    return make_response(request, status, to_tag=tag, contact="<sip:bob@192.0.2.2>", **more)


def lines(messages: Iterable[Request | Response]) -> list[str]:
    """Return what was sent in short: methods of requests, statuses of responses with their method."""
    return [m.method if isinstance(m, Request) else f"{m.status} {m.method}" for m in messages]
