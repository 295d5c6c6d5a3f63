"""A scripted phone on a real UDP socket: for the demo and for tests of whole calls.

It is a user agent of its own: it shares the codec with the server and nothing else.
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
from server.sip.build import make_ack, make_request, make_response
from server.sip.codec import parse_message
from server.sip.errors import MalformedMessageError
from server.sip.ids import MAGIC_COOKIE
from server.sip.message import Request, Response

log = logging.getLogger(__name__)

REFRESH = 60
"""Seconds that a registration is asked for; it is renewed at half of that."""


@dataclass
class _Dialog:
    """A call of the phone."""

    invite: Request
    tag: str
    cseq: int = 1
    answer: bytes = b""
    answered: bool = False
    acknowledged: bool = False
    ended: bool = False
    log: list[str] = field(default_factory=list)


class ScriptedPhone:
    """Registers, rings, answers, talks, hangs up.

    Units: ``ring`` seconds from the INVITE to the answer, ``talk`` seconds from the ACK to the phone's BYE, None to
    wait for the other to hang up.
    Shape: ``final`` is the status that it answers an INVITE with.
    """

    def __init__(
        self,
        user: str,
        server: tuple[str, int],
        *,
        ring: float = 1.5,
        talk: float | None = None,
        final: int = 200,
        host: str = "127.0.0.1",
    ) -> None:
        self.user = user
        self.server = server
        self.ring = ring
        self.talk = talk
        self.final = final
        self.received: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.local: tuple[str, int] = self._socket.getsockname()
        self._dialogs: dict[str, _Dialog] = {}
        self._greenlets: list[Greenlet] = []
        self.registered = Event()
        self.changed = Event()

    @property
    def uri(self) -> str:
        """The address of record."""
        return f"sip:{self.user}@{self.server[0]}:{self.server[1]}"

    @property
    def contact(self) -> str:
        """Where the phone is."""
        return f"<sip:{self.user}@{self.local[0]}:{self.local[1]}>"

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
        """Return what happened in each call of this phone."""
        return [dialog.log for dialog in self._dialogs.values()]

    def wait_for(self, condition: Callable[[], bool], timeout: float = 5.0) -> bool:
        """Wait until something that the phone has seen makes the condition true.

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
        """Send an INVITE to the server; return its Call-ID."""
        call_id = os.urandom(12).hex()
        request = self._request(
            "INVITE", uri, call_id, self._tag(), f"<{uri}>", 1, body=self._sdp() if body is None else body
        )
        self._dialogs[call_id] = _Dialog(request, request.from_.tag or "")
        self._send(request)
        return call_id

    def hang_up(self, call_id: str) -> None:
        """Send a BYE in a call that was answered."""
        dialog = self._dialogs[call_id]
        dialog.cseq += 1
        invite = dialog.invite
        if invite.from_.tag == dialog.tag:
            local, remote = invite.headers.get("from") or "", dialog.log[0]
        else:
            local, remote = f"{invite.headers.get('to')};tag={dialog.tag}", invite.headers.get("from") or ""
        target = invite.contacts[0].uri if invite.from_.tag != dialog.tag else dialog.log[1]
        self._send(self._request("BYE", target, call_id, local, remote, dialog.cseq))
        dialog.ended = True

    def _spawn(self, function: Callable[..., object], *arguments: object) -> None:
        self._greenlets = [greenlet for greenlet in self._greenlets if not greenlet.dead]
        self._greenlets.append(spawn(f"phone-{self.user}", function, *arguments))

    def _listen(self) -> None:
        while True:
            data, _ = self._socket.recvfrom(65_535)
            try:
                message = parse_message(data)
            except MalformedMessageError as error:
                log.info("%s: %s", self.user, error)
                continue
            self.received.append(message.start_line)
            if isinstance(message, Request):
                self._on_request(message)
            else:
                self._on_response(message)
            self.changed.set()

    def _on_request(self, request: Request) -> None:
        dialog = self._dialogs.get(request.call_id)
        if request.method == "INVITE" and dialog is None:
            dialog = self._dialogs[request.call_id] = _Dialog(request, os.urandom(6).hex())
            self._spawn(self._answer, dialog)
        elif request.method == "INVITE" and dialog is not None and request.to.tag:
            self._reply(request, 200, dialog, self._sdp())
        elif request.method == "ACK" and dialog is not None:
            if not dialog.acknowledged and dialog.answered:
                dialog.acknowledged = True
                if self.talk is not None:
                    self._spawn(self._talk, request.call_id)
        elif request.method == "CANCEL" and dialog is not None:
            self._reply(request, 200, dialog)
            if not dialog.answered:
                dialog.ended = dialog.answered = True
                self._reply(dialog.invite, 487, dialog)
        elif request.method == "BYE" and dialog is not None:
            dialog.ended = True
            self._reply(request, 200, dialog)
        elif request.method not in {"ACK", "INVITE"}:
            self._reply(request, 200 if request.method == "OPTIONS" else 481, dialog)

    def _on_response(self, response: Response) -> None:
        if response.method == "REGISTER" and response.status == 200:
            self.registered.set()
        dialog = self._dialogs.get(response.call_id)
        if response.method != "INVITE" or dialog is None or response.status < 200:
            return
        if response.status >= 300:
            dialog.ended = True
            self._send(make_ack(dialog.invite, response))
            return
        target = response.contacts[0].uri
        dialog.log[:] = [response.headers.get("to") or "", target]
        invite = dialog.invite
        self._send(
            self._request(
                "ACK", target, invite.call_id, invite.headers.get("from") or "", dialog.log[0], invite.cseq.number
            )
        )
        dialog.answered = dialog.acknowledged = True

    def _answer(self, dialog: _Dialog) -> None:
        self._reply(dialog.invite, 180, dialog)
        gevent.sleep(self.ring)
        if dialog.answered:
            return
        dialog.answered = True
        self._reply(dialog.invite, self.final, dialog, self._sdp() if self.final < 300 else b"")
        for wait in (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0):
            gevent.sleep(wait)
            if dialog.acknowledged or dialog.ended or self.final >= 300:
                return
            self._reply(dialog.invite, self.final, dialog, self._sdp())

    def _talk(self, call_id: str) -> None:
        assert self.talk is not None
        gevent.sleep(self.talk)
        if not self._dialogs[call_id].ended:
            self.hang_up(call_id)

    def _register(self) -> None:
        call_id, number = os.urandom(12).hex(), 0
        tag = self._tag()
        while True:
            number += 1
            host, port = self.server
            request = self._request(
                "REGISTER",
                f"sip:{host}:{port}",
                call_id,
                tag,
                f"<{self.uri}>",
                number,
                extra=(("Expires", str(REFRESH)),),
            )
            self._send(request)
            gevent.sleep(REFRESH / 2 if self.registered.wait(0.5) else 0.5)

    def _tag(self) -> str:
        return f"<{self.uri}>;tag={os.urandom(6).hex()}"

    def _request(
        self, method: str, uri: str, call_id: str, from_: str, to: str, cseq: int, *,
        body: bytes = b"", extra: tuple[tuple[str, str], ...] = (),
    ) -> Request:  # fmt: skip
        return make_request(
            method,
            uri,
            via=f"SIP/2.0/UDP {self.local[0]}:{self.local[1]};branch={MAGIC_COOKIE}{os.urandom(8).hex()};rport",
            from_=from_,
            to=to,
            call_id=call_id,
            cseq=cseq,
            contact=self.contact,
            extra=extra,
            body=body,
            content_type="application/sdp",
        )

    def _reply(self, request: Request, status: int, dialog: _Dialog | None, body: bytes = b"") -> None:
        tag = dialog.tag if dialog is not None else os.urandom(6).hex()
        contact = self.contact if request.method == "INVITE" else None
        response = make_response(
            request, status, to_tag=tag, contact=contact, body=body, content_type="application/sdp" if body else None
        )
        self._send(response)

    def _send(self, message: Request | Response) -> None:
        if isinstance(message, Response) and not message.via.params.get("rport"):
            via = message.via
            self._socket.sendto(message.wire(), (via.received or via.host, via.port or 5060))
        else:
            self._socket.sendto(message.wire(), self.server)

    def _sdp(self) -> bytes:
        host = self.local[0]
        return (
            f"v=0\r\no={self.user} 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            "m=audio 40000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
        ).encode()
