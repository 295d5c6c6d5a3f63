"""A user agent without sockets: transactions by the tables, dialogs, its own repeats; for a ``MemoryNetwork``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from math import inf

from server.sip import transaction as machine
from server.sip.build import make_cancel, make_request, make_response
from server.sip.codec import parse_message
from server.sip.effects import Deliver, Effect, Send, Terminate
from server.sip.ids import MAGIC_COOKIE
from server.sip.message import Request, Response
from server.sip.timers import TimerSettings
from server.sip.transaction import Transaction
from server.sip.usage import invite as usage
from server.testing.network import Address, MemoryNetwork

SDP = "application/sdp"
OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
SETTINGS = TimerSettings()


@dataclass(eq=False)
class UserCall:
    """One call of a user agent.

    Shape: ``state`` is ``calling``, ``ringing``, ``cancelled``, ``up`` or ``over``; ``finals`` are the final statuses
    of its INVITE that its user was told of; ``local`` and ``remote`` the From and To of its own requests; ``peer`` is
    where they go.
    """

    invite: Request
    peer: Address
    incoming: bool
    local: str
    remote: str
    target: str
    state: str = "calling"
    cseq: int = 1
    finals: list[int] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    answer_at: float = inf
    accepted: usage.AcceptedInvite | None = None

    @property
    def next_due(self) -> float:
        """When it has to be answered, or its 2xx repeated; infinity for never."""
        return min(self.answer_at, inf if self.accepted is None else self.accepted.next_due)


@dataclass
class _Running:
    """A transaction, where its messages go, and its call."""

    transaction: Transaction
    address: Address
    call: UserCall | None


class UserAgent:
    """Calls, rings, answers with ``final`` after ``ring`` seconds, acknowledges, hangs up.

    Shape: ``calls`` by Call-ID; ``errors`` are what no correct peer would have made it see.
    """

    def __init__(
        self, user: str, address: Address, network: MemoryNetwork, *, ring: float = 0.0, final: int = 200
    ) -> None:
        self.user = user
        self.address = address
        self.ring = ring
        self.final = final
        self.calls: dict[str, UserCall] = {}
        self.errors: list[str] = []
        self._network = network
        self._clients: dict[str, _Running] = {}
        self._servers: dict[str, _Running] = {}
        self._answering: list[UserCall] = []
        self._serial = count(1)
        network.endpoints[address] = self

    @property
    def contact(self) -> str:
        """Where it is."""
        return f"<sip:{self.user}@{self.address[0]}:{self.address[1]}>"

    @property
    def transactions(self) -> int:
        """How many transactions live."""
        return len(self._clients) + len(self._servers)

    @property
    def next_due(self) -> float:
        """The earliest deadline of a transaction, an answer or a repeated 2xx."""
        due = [machine.next_due(one.transaction) for one in (*self._clients.values(), *self._servers.values())]
        due += [one.next_due for one in self._waiting()]
        return min(due, default=inf)

    def dial(self, uri: str, server: Address) -> UserCall:
        """Send an INVITE; return the call."""
        number = next(self._serial)
        local, call_id = f"<sip:{self.user}@example.com>;tag={self.user}{number}", f"{self.user}-{number}"
        invite = self._request("INVITE", uri, call_id, local, f"<{uri}>", 1, OFFER)
        call = self.calls[call_id] = UserCall(invite, server, False, local, f"<{uri}>", uri)
        self._begin(invite, server, call)
        return call

    def hang_up(self, call: UserCall) -> None:
        """End a call that is up with BYE, cancel one that rings elsewhere; do nothing to others."""
        if call.state == "up":
            call.cseq += 1
            call.state = "over"
            call_id = call.invite.call_id
            self._begin(self._request("BYE", call.target, call_id, call.local, call.remote, call.cseq), call.peer, call)
        elif call.state == "ringing" and not call.incoming:
            call.state = "cancelled"
            self._begin(make_cancel(call.invite), call.peer, call)
            key = machine.client_key(call.invite)
            tx, effects = machine.cancel(self._clients[key].transaction, self._network.clock.monotonic(), SETTINGS)
            self._apply(self._clients, key, self._clients[key], tx, effects)

    def receive(self, data: bytes, source: Address) -> None:
        """Take a message."""
        message = parse_message(data)
        if isinstance(message, Response):
            running = self._clients.get(machine.client_key(message))
            if running is not None:
                self._step(self._clients, machine.client_key(message), running, machine.receive, message)
            return
        key = machine.server_key(message)
        running = self._servers.get(key)
        if running is not None:
            self._step(self._servers, key, running, machine.receive, message)
        elif message.method == "ACK":
            self._on_ack(message)
        else:
            now = self._network.clock.monotonic()
            tx, _ = machine.start_server(message, reliable=False, now=now, settings=SETTINGS)
            self._servers[key] = _Running(tx, source, self.calls.get(message.call_id))
            self._on_request(key, message)

    def expire(self) -> None:
        """Fire what is due."""
        now = self._network.clock.monotonic()
        for table in (self._clients, self._servers):
            for key, running in list(table.items()):
                if machine.next_due(running.transaction) <= now:
                    tx, effects = machine.expire(running.transaction, now, SETTINGS)
                    self._apply(table, key, running, tx, effects)
        for call in self._waiting():
            if call.answer_at <= now:
                self._answer(call)
            if call.accepted is not None and call.accepted.next_due <= now:
                self._repeat(call, call.accepted, now)

    def _waiting(self) -> list[UserCall]:
        """Return the calls that have a deadline of their own; the others are passed over from then on."""
        self._answering = [one for one in self._answering if one.next_due < inf]
        return self._answering

    def _repeat(self, call: UserCall, accepted: usage.AcceptedInvite, now: float) -> None:
        call.accepted, effects = usage.expire(accepted, now, SETTINGS)
        for effect in effects:
            if isinstance(effect, Send):
                self._network.send(accepted.response, self.address, call.peer)
            else:
                self.errors.append(f"{call.invite.call_id}: no ACK")

    def _begin(self, request: Request, to: Address, call: UserCall) -> None:
        now = self._network.clock.monotonic()
        tx, effects = machine.start_client(request, reliable=False, now=now, settings=SETTINGS)
        running = self._clients[machine.client_key(request)] = _Running(tx, to, call)
        self._apply(self._clients, machine.client_key(request), running, tx, effects)

    def _step(
        self,
        table: dict[str, _Running],
        key: str,
        running: _Running,
        step: Callable[..., machine.Step],
        message: object,
    ) -> None:
        tx, effects = step(running.transaction, message, self._network.clock.monotonic(), SETTINGS)
        self._apply(table, key, running, tx, effects)

    def _apply(
        self, table: dict[str, _Running], key: str, running: _Running, tx: Transaction, effects: tuple[Effect, ...]
    ) -> None:
        running.transaction = tx
        for effect in effects:
            if isinstance(effect, Send):
                data = effect.message if isinstance(effect.message, bytes) else effect.message.wire()
                self._network.send(data, self.address, running.address)
            elif isinstance(effect, Terminate):
                table.pop(key, None)
            elif table is self._clients:
                self._on_outcome(running, effect)

    def _on_outcome(self, running: _Running, told: Deliver) -> None:
        call, response = running.call, told.message
        assert call is not None
        if running.transaction.machine != "invite-client":
            return
        if not isinstance(response, Response):
            self._finish(call, 408)
        elif response.status < 200:
            call.state = "ringing" if call.state == "calling" else call.state
        elif response.status >= 300:
            self._finish(call, response.status)
        else:
            self._on_success(call, response)

    def _on_success(self, call: UserCall, response: Response) -> None:
        tag = response.to.tag or ""
        if tag not in call.tags:
            call.tags.add(tag)
            call.remote, call.target = response.headers.get("to") or "", response.contacts[0].uri
            self._finish(call, response.status, "up")
        ack = self._request("ACK", call.target, response.call_id, call.local, call.remote, call.invite.cseq.number)
        self._network.send(ack.wire(), self.address, call.peer)

    def _finish(self, call: UserCall, status: int, state: str = "over") -> None:
        call.finals.append(status)
        cancelled = call.state == "cancelled" and state == "up"
        call.state = state
        if cancelled:  # the answer has crossed the CANCEL
            self.hang_up(call)

    def _on_request(self, key: str, request: Request) -> None:
        call = self.calls.get(request.call_id)
        if request.method == "INVITE":
            tag = f"{self.user}{next(self._serial)}"
            local = f"{request.headers.get('to')};tag={tag}"
            remote, target = request.headers.get("from") or "", request.contacts[0].uri
            call = self.calls[request.call_id] = UserCall(
                request, self._servers[key].address, True, local, remote, target, "ringing"
            )
            self._servers[key].call = call
            call.tags.add(tag)
            self._respond(key, request, 180, tag)
            call.answer_at = self._network.clock.monotonic() + self.ring
            self._answering.append(call)
        elif call is None:
            self._respond(key, request, 481, f"{self.user}x")
        else:
            if request.method == "CANCEL" and call.answer_at < inf:
                self._refuse(call, 487)
            elif request.method == "BYE":
                call.state, call.accepted = "over", None
            self._respond(key, request, 200, min(call.tags))

    def _on_ack(self, ack: Request) -> None:
        call = self.calls.get(ack.call_id)
        if call is None or not call.incoming:
            self.errors.append(f"{ack.call_id}: an ACK for nothing")
        else:
            call.accepted = None

    def _answer(self, call: UserCall) -> None:
        if self.final >= 300:
            self._refuse(call, self.final)
            return
        call.answer_at, call.state = inf, "up"
        call.finals.append(self.final)
        response = self._respond(machine.server_key(call.invite), call.invite, self.final, min(call.tags), OFFER)
        call.accepted = usage.accept(response, 1, self._network.clock.monotonic(), SETTINGS)

    def _refuse(self, call: UserCall, status: int) -> None:
        call.answer_at, call.state = inf, "over"
        call.finals.append(status)
        self._respond(machine.server_key(call.invite), call.invite, status, min(call.tags))

    def _respond(self, key: str, request: Request, status: int, tag: str, body: bytes = b"") -> Response:
        contact = self.contact if request.method == "INVITE" else None
        response = make_response(request, status, to_tag=tag, contact=contact, body=body, content_type=SDP)
        running = self._servers.get(key)
        if running is not None:
            self._step(self._servers, key, running, machine.respond, response)
        return response

    def _request(
        self, method: str, uri: str, call_id: str, from_: str, to: str, cseq: int, body: bytes = b""
    ) -> Request:
        branch = f"{MAGIC_COOKIE}{self.user}{next(self._serial)}"
        return make_request(
            method, uri, via=f"SIP/2.0/UDP {self.address[0]}:{self.address[1]};branch={branch}", from_=from_, to=to,
            call_id=call_id, cseq=cseq, contact=self.contact, body=body, content_type=SDP,
        )  # fmt: skip
