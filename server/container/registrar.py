"""The registrar: a registration is a call state keyed by the address of record and read through ``peek``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from server.config import RegistrarConfig
from server.container.authenticator import Authenticator, user_of
from server.container.bindings import listed, registered, unsupported
from server.container.messages import InboundRequest
from server.container.outbound import OPTION, flow_ids, instance_of
from server.container.records import Binding, Bindings
from server.engine.call import Call, peek_section
from server.engine.dispatch import Dispatch
from server.servlet.errors import InvalidStateError
from server.servlet.registrar import Registration
from server.sip.headers.parameterized import parse_q
from server.sip.headers.plain import format_date
from server.sip.message import Request
from server.sip.uri import SipUri, parse_uri
from server.sip.usage.packages import REG
from server.state.store import StateStore
from server.transport.flow import Flow

SECTION = "registrar"
"""The section of a call that holds the bindings of an address."""

LOCAL_HOST = "@local"
"""Stands for this server and its domains in a canonical address of record."""


@dataclass(frozen=True, slots=True)
class Bound(Registration):
    """A contact with the flows that its phone registered over, the newest first."""

    flows: tuple[Flow, ...] = ()


class ContainerRegistrar:
    """Keeps bindings in the state store.

    Shape: ``canonical`` turns a URI into the address of record that it names; ``is_strict`` says that only addresses of
    this server are registered.
    Units: ``flow_timer`` seconds after which a phone must have given a sign of life on its connection, 0 for never;
    ``wall()`` tells the time of day.
    """

    def __init__(
        self,
        store: StateStore,
        dispatch: Dispatch,
        canonical: Callable[[str], str],
        config: RegistrarConfig,
        authenticator: Authenticator,
        wall: Callable[[], float],
        *,
        flow_timer: int,
        is_strict: bool,
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._canonical = canonical
        self._config = config
        self._authenticator = authenticator
        self._wall = wall
        self._flow_timer = flow_timer
        self._is_strict = is_strict or not authenticator.is_open

    def serves(self, uri: str) -> bool:
        """Say whether addresses of the host of a URI are registered here."""
        parsed = parse_uri(uri)
        return isinstance(parsed, SipUri) and (not self._is_strict or self._canonical(uri).endswith(LOCAL_HOST))

    @property
    def asks(self) -> bool:
        """Whether anybody is asked who he is."""
        return not self._authenticator.is_open

    def authenticate(self, request: InboundRequest, *, proxy: bool = False) -> str | None:
        """Return who sends a request; None after it was answered with a challenge."""
        return self._authenticator.authenticate(request, proxy=proxy)

    def consumed(self, request: Request) -> Request:
        """Return a request as it leaves for a stranger, without the credentials that were for this server."""
        return self._authenticator.consumed(request)

    def register(self, request: InboundRequest) -> None:
        """Do the steps of RFC 3261 10.3 in their order, all or nothing, and answer."""
        if request.method != "REGISTER":
            raise InvalidStateError(f"{request.method} is no REGISTER")
        if not isinstance(parse_uri(request.to_uri), SipUri):
            request.create_response(400, "The address of record is no SIP URI").send()
            return
        unknown = unsupported(request.message)
        if unknown:
            response = request.create_response(420)
            response.set_header("Unsupported", unknown)
            response.send()
            return
        user = self.authenticate(request)
        if user is None:
            return
        if not self._authenticator.is_open and user != user_of(request.to_uri):
            request.create_response(403).send()
        elif not self.serves(request.to_uri):
            request.create_response(404).send()
        else:
            self._update(request)

    def _update(self, request: InboundRequest) -> None:
        call = request.call
        now = call.engine.now()
        section = call.section(SECTION, Bindings)
        section.address_of_record = self._canonical(request.to_uri)
        self.expire(call, now)
        flow = call.transactions.servers[request.key].flow
        outcome = registered(request.message, section.contacts, flow, now, self._config)
        is_changed = outcome.contacts.keys() != section.contacts.keys()
        section.contacts = dict(outcome.contacts)
        if is_changed:
            request.container.watchers.changed(call, REG)
        response = request.create_response(outcome.status)
        response.extra += outcome.headers
        if outcome.status == 200:
            response.extra += listed(section.contacts, now)
            response.extra += self._about(request)
        response.send()

    def _about(self, request: InboundRequest) -> list[tuple[str, str]]:
        """Return what an answer says besides the contacts.

        Source: RFC 3261 10.3 step 8; RFC 3327 5.3; RFC 3608 6.1; RFC 5626 6.
        """
        headers = [("Date", format_date(datetime.fromtimestamp(self._wall(), UTC)))]
        headers += [("Path", line) for line in request.headers("Path")]
        headers += [("Service-Route", route) for route in self._config.service_route]
        if any(flow_ids(request.message).ids):
            headers.append(("Require", OPTION))
            if self._flow_timer:
                headers.append(("Flow-Timer", str(self._flow_timer)))
        return headers

    def lookup(self, uri: str) -> list[Registration]:
        """Return the live contacts of a URI, the newest first; of the flows of one phone, one contact.

        A sips: URI has those contacts only that registered over a secure connection.

        Source: RFC 5626 7 (no two flows of a phone are tried at once), RFC 5630 5.3.
        """
        secure = uri[:5].lower() == "sips:"
        now = self._store.now()
        phones: dict[str, list[Binding]] = {}
        for binding in self.bindings(self._canonical(uri)):
            if secure and not binding.flow.secure:
                continue
            phones.setdefault(instance_of(binding.flow_id) or binding.uri, []).append(binding)
        return [_bound(found, now) for found in phones.values()]

    def bindings(self, address_of_record: str) -> list[Binding]:
        """Return the live bindings of a canonical address of record that SIP can reach, the newest first."""
        found = self._store.peek(self._dispatch.registration_key(address_of_record))
        if found is None:
            return []
        now = self._store.now()
        section = peek_section(found[1], SECTION, Bindings)
        if section.address_of_record != address_of_record:
            return []
        newest_first = reversed(section.contacts.values())
        return [b for b in newest_first if b.expires > now and isinstance(parse_uri(b.uri), SipUri)]

    def expire(self, call: Call, now: float) -> bool:
        """Drop the bindings whose time is over; say whether there were any."""
        if not call.holds(SECTION):
            return False
        section = call.section(SECTION, Bindings)
        if all(b.expires > now for b in section.contacts.values()):
            return False
        section.contacts = {uri: b for uri, b in section.contacts.items() if b.expires > now}
        return True

    def next_due(self, call: Call) -> float:
        """Return when the first binding ends, infinity when there is none."""
        if not call.holds(SECTION):
            return inf
        return min((b.expires for b in call.section(SECTION, Bindings).contacts.values()), default=inf)


def _bound(bindings: list[Binding], now: float) -> Bound:
    """Return the contact of a phone of which these are the flows, the newest first."""
    newest = bindings[0]
    return Bound(
        newest.uri,
        newest.expires - now,
        parse_q(newest.params.get("q")),
        newest.path,
        (newest.params.get("+sip.instance") or "").strip('"'),
        tuple([binding.flow for binding in bindings]),
    )
