"""The registrar: a registration is a call state keyed by the address of record and read through ``peek``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from server.config import RegistrarConfig
from server.container.messages import InboundRequest
from server.container.outbound import OPTION, contact_params, flow_ids, instance_of
from server.container.records import Binding, Bindings
from server.engine.call import Call, peek_section
from server.engine.dispatch import Dispatch
from server.servlet.errors import InvalidStateError
from server.servlet.registrar import Registration
from server.sip.headers import NameAddr
from server.sip.uri import SipUri, parse_uri
from server.state.store import StateStore
from server.transport.flow import Flow


@dataclass(frozen=True, slots=True)
class Bound(Registration):
    """A contact with the flow that it registered over, and the others of the same phone (RFC 5626)."""

    flow: Flow | None = None
    others: tuple[Flow, ...] = ()


class ContainerRegistrar:
    """Keeps bindings in the state store.

    Shape: ``canonical`` turns a URI into the address of record that it names.
    Units: ``flow_timer`` seconds after which a phone must have given a sign of life on its connection, 0 for never.
    """

    def __init__(
        self,
        store: StateStore,
        dispatch: Dispatch,
        canonical: Callable[[str], str],
        config: RegistrarConfig,
        flow_timer: int,
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._canonical = canonical
        self._config = config
        self._flow_timer = flow_timer

    def register(self, request: InboundRequest) -> None:
        """Do the steps of RFC 3261 10.3 that need no authentication, all or nothing, and answer."""
        call = request.call
        if request.method != "REGISTER":
            raise InvalidStateError(f"{request.method} is no REGISTER")
        if not isinstance(parse_uri(request.to_uri), SipUri):
            request.create_response(400, "The address of record is no SIP URI").send()
            return
        now = call.engine.now()
        section = call.section("registrar", Bindings)
        section.address_of_record = self._canonical(request.to_uri)
        self.expire(call, now)
        status, contacts = self._changed(request, section.contacts, now)
        response = request.create_response(status)
        if status == 200:
            section.contacts = contacts
            if contacts:
                listed = (
                    f"<{b.uri}>;expires={max(0, round(b.expires - now))}{contact_params(b.flow_id)}"
                    for b in contacts.values()
                )
                response.extra.append(("Contact", ", ".join(listed)))
            if any(flow_ids(request.message).ids):
                response.extra.append(("Require", OPTION))
                if self._flow_timer:
                    response.extra.append(("Flow-Timer", str(self._flow_timer)))
        elif status == 423:
            response.set_header("Min-Expires", str(self._config.min_expires))
        response.send()

    def lookup(self, uri: str) -> list[Registration]:
        """Return the live contacts of a URI, the newest first; a phone with several flows is one of them.

        Source: RFC 5626 5.3 (no two flows of one phone are tried at once).
        """
        now = self._store.now()
        phones: dict[str, list[Binding]] = {}
        for binding in self.bindings(self._canonical(uri)):
            phones.setdefault(instance_of(binding.flow_id) or binding.uri, []).append(binding)
        return [
            Bound(first.uri, first.expires - now, flow=first.flow, others=tuple([b.flow for b in rest]))
            for first, *rest in phones.values()
        ]

    def bindings(self, address_of_record: str) -> list[Binding]:
        """Return the live bindings of a canonical address of record, the newest first."""
        found = self._store.peek(self._dispatch.registration_key(address_of_record))
        if found is None:
            return []
        now = self._store.now()
        section = peek_section(found[1], "registrar", Bindings)
        if section.address_of_record != address_of_record:
            return []
        return [b for b in reversed(section.contacts.values()) if b.expires > now]

    def expire(self, call: Call, now: float) -> None:
        """Drop the bindings whose time is over."""
        section = call.section("registrar", Bindings)
        if any(b.expires <= now for b in section.contacts.values()):
            section.contacts = {uri: b for uri, b in section.contacts.items() if b.expires > now}

    def next_due(self, call: Call) -> float:
        """Return when the first binding ends, infinity when there is none."""
        return min((b.expires for b in call.section("registrar", Bindings).contacts.values()), default=inf)

    def _changed(
        self, request: InboundRequest, present: dict[str, Binding], now: float
    ) -> tuple[int, dict[str, Binding]]:
        """Return the status and the bindings afterwards; on an error nothing changes."""
        message = request.message
        contacts = message.contacts
        header = message.expires
        if any(contact.uri == "*" for contact in contacts):
            return (200, {}) if len(contacts) == 1 and header == 0 else (400, present)
        changed = dict(present)
        flow = request.call.transactions.servers[request.key].flow
        refusal, ids = flow_ids(message)
        if refusal:
            return refusal, present
        for contact, flow_id in zip(contacts, ids, strict=True):
            key = flow_id or contact.uri
            old = present.get(key)
            if old is not None and old.call_id == message.call_id and old.cseq >= message.cseq.number:
                return 500, present
            seconds = self._seconds(contact, header)
            if 0 < seconds < self._config.min_expires:
                return 423, present
            changed.pop(key, None)
            if seconds:
                number = message.cseq.number
                changed[key] = Binding(contact.uri, now + seconds, message.call_id, number, flow, flow_id)
        return (200, changed) if len(changed) <= self._config.max_bindings else (403, present)

    def _seconds(self, contact: NameAddr, header: int | None) -> int:
        text = contact.params.get("expires")
        seconds = int(text) if text is not None and text.isdigit() and len(text) < 11 else header
        return min(self._config.default_expires if seconds is None else seconds, self._config.max_expires)
