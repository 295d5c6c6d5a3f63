"""A scripted phone on a real UDP socket: for the demo and for tests of whole calls.

It is a user agent of its own: it shares the codec with the server and not much else. All that it sends goes to its
server. It repeats what a user agent must repeat by itself (its 200 until the ACK, its REGISTER until the answer); other
requests it sends once, which is enough on loopback.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
from gevent.event import Event

from server.greenlets import Greenlet, spawn
from server.sip.build import make_ack, make_cancel, make_request, make_response
from server.sip.codec import parse_message
from server.sip.errors import MalformedMessageError
from server.sip.ids import MAGIC_COOKIE
from server.sip.message import Request, Response
from server.testing.phone_sdp import described
from server.transport.flow import format_address

log = logging.getLogger(__name__)

REFRESH = 60
"""Seconds that a registration is asked for; it is renewed at half of that."""

REPEATS = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0)
"""Seconds between two copies of a 200 that no ACK answers (RFC 3261 13.3.1.4)."""

KEPT_CALLS, KEPT_LINES = 100, 1000
"""A phone that lives for days remembers this many calls and received start lines."""

SDP = "application/sdp"


@dataclass
class _Call:
    """One call of the phone.

    Shape: ``invite`` is the INVITE that began it, ``local`` and ``remote`` the values of From and To of the phone's own
    requests in it, ``target`` the other's Contact; ``log`` says what happened: ``answered acknowledged ended``.
    """

    invite: Request
    incoming: bool
    tag: str
    local: str
    remote: str
    target: str
    cseq: int = 1
    response: bytes = b""
    log: list[str] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return "answered" in self.log

    @property
    def acknowledged(self) -> bool:
        return "acknowledged" in self.log

    @property
    def ended(self) -> bool:
        return "ended" in self.log


class ScriptedPhone:
    """Registers, rings, answers, talks, hangs up.

    Units: ``ring`` seconds from the INVITE to the answer, ``talk`` seconds from the ACK to the phone's BYE, None to
    wait for the other to hang up.
    Shape: ``final`` is the status that it answers an INVITE with; ``received`` the start lines of all that came.
    """

    def __init__(
        self,
        user: str,
        server: tuple[str, int],
        *,
        ring: float = 1.5,
        talk: float | None = None,
        final: int = 200,
    ) -> None:
        self.user = user
        self.server = server
        self.ring = ring
        self.talk = talk
        self.final = final
        self.received: list[str] = []
        self.registered = Event()
        self.changed = Event()
        is_ipv6 = ":" in server[0]
        self._socket = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("::1" if is_ipv6 else "127.0.0.1", 0))
        self.local: tuple[str, int] = self._socket.getsockname()[:2]
        self._dialogs: dict[str, _Call] = {}
        self._greenlets: list[Greenlet] = []

    @property
    def uri(self) -> str:
        """The address of record."""
        return f"sip:{self.user}@{format_address(*self.server)}"

    @property
    def contact(self) -> str:
        """Where the phone is."""
        return f"<sip:{self.user}@{format_address(*self.local)}>"

    def start(self, *, register: bool = True) -> None:
        """Listen, and register."""
        self._spawn(self._listen)
        if register:
            self._spawn(self._register)

    def stop(self) -> None:
        """Listen no more.

        Switches: yes.
        """
        gevent.killall(self._greenlets, timeout=1.0)
        self._socket.close()

    def states(self) -> list[list[str]]:
        """Return what happened in each call of this phone, the oldest first."""
        return [list(call.log) for call in self._dialogs.values()]

    def wait_for(self, condition: Callable[[], bool], timeout: float = 5.0) -> bool:
        """Wait until something that the phone has seen makes the condition true; False when nothing did in time.

        Units: seconds.
        Switches: yes.
        """
        limit = gevent.Timeout(timeout)
        limit.start()
        try:
            while not condition():
                self.changed.clear()
                self.changed.wait()
        except gevent.Timeout as expired:
            if expired is not limit:
                raise
            return False
        finally:
            limit.close()
        return True

    def dial(self, uri: str, body: bytes | None = None) -> str:
        """Send an INVITE to the server; return its Call-ID.

        Shape: ``body`` is the offer, None for the phone's usual one.
        """
        call_id, tag = os.urandom(12).hex(), os.urandom(6).hex()
        local, remote = f"<{self.uri}>;tag={tag}", f"<{uri}>"
        invite = self._request("INVITE", uri, call_id, local, remote, 1, self._sdp() if body is None else body)
        self._remember(_Call(invite, False, tag, local, remote, uri))
        self._send(invite)
        return call_id

    def hang_up(self, call_id: str) -> None:
        """End a call in the way that its state allows: BYE, CANCEL, or 603 to a call that is still ringing here."""
        call = self._dialogs[call_id]
        if call.answered:
            call.cseq += 1
            self._send(self._request("BYE", call.target, call_id, call.local, call.remote, call.cseq))
        elif call.incoming:
            self._reply(call.invite, 603, call)
        else:
            self._send(make_cancel(call.invite))
        call.log.append("ended")

    def _spawn(self, function: Callable[..., object], *arguments: object) -> None:
        self._greenlets = [greenlet for greenlet in self._greenlets if not greenlet.dead]
        self._greenlets.append(spawn(f"phone-{self.user}", function, *arguments))

    def _remember(self, call: _Call) -> None:
        self._dialogs[call.invite.call_id] = call
        if len(self._dialogs) > KEPT_CALLS:
            del self._dialogs[next(iter(self._dialogs))]

    def _listen(self) -> None:
        while True:
            data, _ = self._socket.recvfrom(65_535)
            try:
                message = parse_message(data)
            except MalformedMessageError as error:
                log.info("%s: %s", self.user, error)
                continue
            self.received.append(message.start_line)
            del self.received[:-KEPT_LINES]
            if isinstance(message, Request):
                self._on_request(message)
            else:
                self._on_response(message)
            self.changed.set()

    def _on_request(self, request: Request) -> None:
        call = self._dialogs.get(request.call_id)
        if request.method == "INVITE":
            self._on_invite(request, call)
        elif request.method == "ACK":
            if call is not None and call.answered and not call.acknowledged:
                call.log.append("acknowledged")
                if self.talk is not None:
                    self._spawn(self._talk, request.call_id, self.talk)
        elif request.method == "OPTIONS":
            self._reply(request, 200, call)
        elif call is None:
            self._reply(request, 481)
        elif request.method == "CANCEL":
            self._reply(request, 200, call)
            if not call.answered and not call.ended:
                call.log.append("ended")
                self._reply(call.invite, 487, call)
        elif request.method == "BYE":
            call.log.append("ended")
            self._reply(request, 200, call)
        else:
            self._reply(request, 405, call)

    def _on_invite(self, request: Request, call: _Call | None) -> None:
        if call is None:
            tag = os.urandom(6).hex()
            local, remote = f"{request.headers.get('to')};tag={tag}", request.headers.get("from") or ""
            target = request.contacts[0].uri if request.contacts else request.from_.uri
            call = _Call(request, True, tag, local, remote, target)
            self._remember(call)
            self._spawn(self._answer, call)
        elif request.to.tag:
            self._reply(request, 200, call, self._sdp(request.body))
        elif call.response:
            self._socket.sendto(call.response, self.server)

    def _on_response(self, response: Response) -> None:
        if response.method == "REGISTER" and response.status == 200:
            self.registered.set()
        call = self._dialogs.get(response.call_id)
        if response.method != "INVITE" or call is None or call.incoming or response.status < 200:
            return
        if response.status >= 300:
            call.log.append("ended")
            self._send(make_ack(call.invite, response))
            return
        call.remote = response.headers.get("to") or ""
        call.target = response.contacts[0].uri if response.contacts else call.target
        number = call.invite.cseq.number
        self._send(self._request("ACK", call.target, response.call_id, call.local, call.remote, number))
        if not call.answered:
            call.log += ["answered", "acknowledged"]

    def _answer(self, call: _Call) -> None:
        self._reply(call.invite, 180, call)
        gevent.sleep(self.ring)
        if call.ended:
            return
        if self.final >= 300:
            call.log.append("ended")
            self._reply(call.invite, self.final, call)
            return
        call.log.append("answered")
        self._reply(call.invite, self.final, call, self._sdp(call.invite.body))
        for wait in REPEATS:
            gevent.sleep(wait)
            if call.acknowledged or call.ended:
                return
            self._socket.sendto(call.response, self.server)

    def _talk(self, call_id: str, seconds: float) -> None:
        gevent.sleep(seconds)
        call = self._dialogs.get(call_id)
        if call is not None and not call.ended:
            self.hang_up(call_id)

    def _register(self) -> None:
        call_id, tag, number = os.urandom(12).hex(), os.urandom(6).hex(), 0
        while True:
            number += 1
            self._send(
                self._request(
                    "REGISTER", f"sip:{format_address(*self.server)}", call_id, f"<{self.uri}>;tag={tag}",
                    f"<{self.uri}>", number, extra=(("Expires", str(REFRESH)),),
                )
            )  # fmt: skip
            gevent.sleep(REFRESH / 2 if self.registered.wait(0.5) else 0.5)

    def _request(
        self, method: str, uri: str, call_id: str, from_: str, to: str, cseq: int, body: bytes = b"", *,
        extra: tuple[tuple[str, str], ...] = (),
    ) -> Request:  # fmt: skip
        via = f"SIP/2.0/UDP {format_address(*self.local)};branch={MAGIC_COOKIE}{os.urandom(8).hex()};rport"
        return make_request(
            method, uri, via=via, from_=from_, to=to, call_id=call_id, cseq=cseq, contact=self.contact,
            extra=extra, body=body, content_type=SDP,
        )  # fmt: skip

    def _reply(self, request: Request, status: int, call: _Call | None = None, body: bytes = b"") -> None:
        tag = call.tag if call is not None else os.urandom(6).hex()
        contact = self.contact if request.method == "INVITE" else None
        response = make_response(request, status, to_tag=tag, contact=contact, body=body, content_type=SDP)
        if call is not None and request is call.invite:
            call.response = response.wire()
        self._send(response)

    def _send(self, message: Request | Response) -> None:
        self._socket.sendto(message.wire(), self.server)

    def _sdp(self, offer: bytes = b"") -> bytes:
        return described(self.user, self.local[0], offer)
