"""How other packages (extra ``bench``) read an INVITE, answer it, and take one through a server transaction.

What is not installed is named and left out. Nothing here waits: no socket, no thread, no event loop.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.bench.sip.samples import CALLER, CONTACT, SDP, TO_TAG

T = TypeVar("T")
LOCAL = ("127.0.0.1", 5060)
BUSY = (486, "Busy Here")


@dataclass(frozen=True)
class Codec:
    """A package's parser and formatter.

    Shape: ``read`` parses and reads top Via's branch, both tags, Call-ID and CSeq; ``answer`` makes the bytes of a 200
    with Contact and SDP for what ``parse`` returned.
    """

    read: Callable[[bytes], object]
    parse: Callable[[bytes], Any]
    answer: Callable[[Any], bytes]


Wire = Callable[[bytes], list[bytes]]
"""Takes one message in, returns those that went out because of it."""


def codecs() -> dict[str, Codec]:
    """Return the codecs that are installed."""
    return _installed({"sippy": _sippy_codec, "aiosipua": _aiosipua_codec, "sipmessage": _sipmessage_codec})


def servers() -> dict[str, Wire]:
    """Return servers, of the packages that have transactions, which answer an INVITE with 100, 180 and 486."""
    return _installed({"sippy": _sippy_server, "aiosipua": _aiosipua_server})


def _installed(makers: dict[str, Callable[[], T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except ImportError:
            print(f"{name} is not installed: left out", file=sys.stderr)
    return found


def _named(module: str, *names: str) -> list[Any]:
    found = importlib.import_module(module)
    return [getattr(found, name) for name in names]


def _sippy_codec() -> Codec:
    (make,) = _named("sippy.SipRequest", "SipRequest")
    (header,), (contact,), (body,) = (
        _named(f"sippy.{name}", name) for name in ("SipHeader", "SipContact", "MsgBody")
    )  # fmt: skip
    local = (LOCAL, "udp")

    def parse(data: bytes) -> Any:
        return make(data.decode())

    def read(data: bytes) -> object:
        get = parse(data).getHFBody
        return get("via").getBranch(), get("from").getTag(), get("to").getTag(), get("call-id"), get("cseq").cseq

    def answer(request: Any) -> bytes:
        response = request.genResponse(200, "OK", body(SDP))
        response.getHFBody("to").setTag(TO_TAG)
        response.appendHeader(header(name="contact", body=contact(CONTACT)))
        text: str = response.localStr(local)
        return text.encode()

    return Codec(read, parse, answer)


def _aiosipua_codec() -> Codec:
    (message,), (dialog_of,) = (
        _named("aiosipua", "SipMessage"),
        _named("aiosipua.dialog", "create_dialog_from_request"),
    )

    def read(data: bytes) -> object:
        found = message.parse(data)
        return found.via[0].branch, found.from_addr.tag, found.to_addr.tag, found.call_id, found.cseq.seq

    def parse(data: bytes) -> Any:
        request = message.parse(data)
        return dialog_of(request), request

    def answer(parsed: Any) -> bytes:
        dialog, request = parsed
        response = dialog.create_response(request, 200, "OK", contact=CONTACT)
        response.text = SDP
        response.headers.set_single("Content-Type", "application/sdp")
        return bytes(response)

    return Codec(read, parse, answer)


def _sipmessage_codec() -> Codec:
    request, make = _named("sipmessage", "Message", "Response")
    parse = request.parse
    body = SDP.encode()

    def read(data: bytes) -> object:
        found = parse(data)
        via, from_, to = found.via[0].parameters, found.from_address.parameters, found.to_address.parameters
        return via.get("branch"), from_.get("tag"), to.get("tag"), found.call_id, found.cseq.sequence

    def answer(invite: Any) -> bytes:
        response = make(200, "OK", body)
        get, put = invite.headers, response.headers
        put.setlist("Via", get.getlist("Via"))
        put.set("From", get["From"])
        put.set("To", f"{get['To']};tag={TO_TAG}")
        put.set("Call-ID", get["Call-ID"])
        put.set("CSeq", get["CSeq"])
        put.set("Contact", CONTACT)
        put.set("Content-Type", "application/sdp")
        put.set("Content-Length", str(len(body)))
        return bytes(response)

    return Codec(read, parse, answer)


def _sippy_server() -> Wire:
    """Return sippy's transaction manager with an application that refuses; its log is off."""
    manager_class, udp_class, options_class = _named(
        "sippy.SipTransactionManager", "SipTransactionManager", "Udp_server", "Udp_server_opts"
    )
    (base,), (address_class,), (moment,) = (
        _named("sippy.Network_server", "Network_server"),
        _named("sippy.Network_server", "Remote_address"),
        _named("sippy.Time.MonoTime", "MonoTime"),
    )
    del udp_class
    sent: list[bytes] = []

    class Memory(base):  # type: ignore[misc,valid-type]
        """Takes the place of its UDP server: keeps what is sent."""

        transport = "udp"

        def __init__(self, config: object, options: Any) -> None:
            super().__init__(options)

        def send_to(self, data: str, address: object, delayed: bool = False) -> None:
            sent.append(data.encode())

        def join(self) -> None:
            """Nothing runs here."""

    class Manager(manager_class):  # type: ignore[misc,valid-type]
        model_udp_server = (Memory, options_class)

    class NoLog:
        def write(self, *_: object, **__: object) -> None:
            """Write nothing."""

    def refuse(request: Any, transaction: Any) -> object:
        manager.sendResponse(request.genResponse(100, "Trying"), transaction)
        manager.sendResponse(request.genResponse(180, "Ringing"), transaction)
        return request.genResponse(*BUSY), None, None

    manager = Manager({"_sip_address": LOCAL[0], "_sip_port": LOCAL[1], "_sip_logger": NoLog()}, refuse)
    (server,) = manager.l4r.cache_l2s.values()

    def take(data: bytes) -> list[bytes]:
        manager.handleIncoming(data, address_class(CALLER, "udp"), server, moment())
        found = sent.copy()
        sent.clear()
        return found

    return take


def _aiosipua_server() -> Wire:
    """Return aiosipua's user agent server with an application that refuses; it sends the 100 itself."""
    (transport_class,), (server_class,) = _named("aiosipua.transport", "SipTransport"), _named("aiosipua", "SipUAS")
    sent: list[bytes] = []

    class Memory(transport_class):  # type: ignore[misc,valid-type]
        """Keeps what is sent."""

        def send(self, message: Any, addr: object) -> None:
            sent.append(bytes(message))

    def refuse(call: Any) -> None:
        call.ringing()
        call.reject(*BUSY)

    transport = Memory(LOCAL)
    server = server_class(transport)
    server.on_invite = refuse
    transport.on_message = server._on_message

    def take(data: bytes) -> list[bytes]:
        transport._dispatch(data, CALLER)
        found = sent.copy()
        sent.clear()
        return found

    return take
