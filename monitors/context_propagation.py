"""ContextPropagation: takes the diagnostic context from node to node, over SIP and HTTP.

It is the one monitor that changes anything: what leaves for a peer is a copy of the message with two lines added. On
the way in only what peers say is believed. Who is a peer stands in the property ``peers``: addresses and networks
(CIDR), and names of hosts that HTTP goes to.

The next node knows the context under the same id, has its dyes and payload, and the facts ``node`` (who sent it) and
``parent`` (in which message); here that message is known by the fact ``hop``. There the call keeps the dyes to its end,
for messages that come another way; not those that say of one message only what it is (``OF_ONE_MESSAGE``).
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar, Token
from dataclasses import asdict, dataclass
from http.client import HTTPException
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import count
from secrets import token_hex
from typing import Any

from monitors.message_facts import key_of_session
from monitors.propagated import OWN, TRACE, Hop, format_hop, parse_hop, with_hop
from weaver.api import (
    FLAGS,
    ActionKind,
    Compiled,
    InvalidAttributeError,
    Invocation,
    JoinPoint,
    MonitorDefinition,
    Plugins,
    RuleBook,
    UnknownNameError,
    current_context,
    mask_of,
    names_of,
    parse_pointcut,
    take_over,
)

POINTCUT = (
    "execution(* server.engine.turn.process_inbound(..)) or execution(* server.http.wsgi.handle_request(..))"
    " or execution(* server.engine.outbound.send_outbound(..))"
    " or call(* *.wire(..)) and withincode(* server.engine.outbound.send_outbound(..))"
    " or execution(* http.client.HTTPConnection.endheaders(..))"
)

PROPERTIES = ("node", "peers")

OF_ONE_MESSAGE = mask_of(
    name
    for name in FLAGS
    if name.startswith(("PROTOCOL_", "SIP_", "QUERY")) or name in {"THROTTLE", "EXECQ", "THREADGROUP"}
)
"""Dyes that say what a message is, or how it is worked on, and nothing of the other messages of its call."""

KNOWN = 4_096
"""Hosts of which it is kept whether they are peers."""

_PREFIX = token_hex(4)
_serial = count(1)
_hop_of_message: ContextVar[Hop | None] = ContextVar("hop_of_message", default=None)
"""What goes along with the message that is being sent."""


class Peers:
    """The nodes that are told of contexts, and believed."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._known: dict[str, bool] = {}
        self._networks: list[IPv4Network | IPv6Network] = []
        self._names: set[str] = set()
        for text in texts:
            try:
                self._networks.append(ip_network(text, strict=False))
            except ValueError:
                if {"/", ":"} & set(text) or text.replace(".", "").isdigit():
                    raise
                self._names.add(text.lower())

    def __contains__(self, host: str) -> bool:
        found = self._known.get(host)
        if found is None:
            found = self._is_peer(host)
            if len(self._known) < KNOWN:
                self._known[host] = found
        return found

    def _is_peer(self, host: str) -> bool:
        try:
            address = ip_address(host.strip("[]"))
        except ValueError:
            return host.lower() in self._names
        return any(address in network for network in self._networks)


@dataclass(slots=True)
class PropagationCounters:
    """Messages that took a context along, and those that came with one: believed, not from a peer, without the form."""

    sent: int = 0
    accepted: int = 0
    untrusted: int = 0
    malformed: int = 0


class ContextPropagationAction:
    """The fixed action of the monitor; the properties are ``peers`` and ``node``, the name that peers get to know."""

    name = "ContextPropagationAction"
    kind: ActionKind = "built-in"

    def __init__(self, rules: RuleBook) -> None:
        self.counters = PropagationCounters()
        self._rules = rules
        self._peers = Peers()
        self._node = platform.node()
        self._points = {
            "process_inbound": Compiled(self._take_item),
            "handle_request": Compiled(self._take_request),
            "send_outbound": Compiled(self._make_hop, _forget_hop, _forget_hop),
            "endheaders": Compiled(self._add_headers),
            "wire": Compiled(arguments=False),
        }

    def configure(self, properties: Mapping[str, Any]) -> None:
        """Take new properties, all or none of them.

        Errors: InvalidAttributeError, naming the property.
        """
        unknown = [key for key in properties if key not in PROPERTIES]
        if unknown:
            known = ", ".join(PROPERTIES)
            raise InvalidAttributeError(f"ContextPropagation: {unknown[0]} is no property; known: {known}")
        given = properties.get("peers", "")
        try:
            peers = Peers(given.replace(",", " ").split() if isinstance(given, str) else [str(one) for one in given])
        except (ValueError, TypeError) as error:
            raise InvalidAttributeError(f"ContextPropagation: peers: {error}") from error
        self._peers, self._node = peers, str(properties.get("node") or platform.node())[:100]

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        """Return what is done at a joinpoint."""
        return self._points[joinpoint.shadow.name]

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> None:
        """Take over the context that came in, or make up what goes along."""
        point = self._points[invocation.shadow.name]
        if point.enter is not None:
            invocation.state = point.enter(*invocation.arguments)

    def leave(self, invocation: Invocation) -> None:
        """Put the context into what leaves."""
        point = self._points[invocation.shadow.name]
        if point.exit is not None:
            point.exit(invocation.state, invocation.result)
        elif invocation.shadow.name == "wire" and isinstance(invocation.result, bytes):
            invocation.result = with_hop(invocation.result, _hop_of_message.get())

    def statistics(self, parameters: Mapping[str, Any]) -> dict[str, int]:
        """Return the counts."""
        del parameters
        return asdict(self.counters)

    def _take_item(self, item: Any, call: Any) -> None:
        if item.message is None or item.flow is None:
            return
        lines = item.message.headers.get_all
        own, trace = lines(OWN), lines(TRACE)
        if own or trace:
            self._keep(call.key, self._take(own, trace, _source_of(item)))

    def _take_request(self, request: Any, servlet: Any, send: Any) -> None:
        del servlet, send
        lines = request.headers.getlist
        own, trace = lines(OWN), lines(TRACE)
        if own or trace:
            self._keep(key_of_session(request), self._take(own, trace, request.remote_addr or ""))

    def _take(self, own: Sequence[str], trace: Sequence[str], source: str) -> int:
        """Take over a context that a peer has sent; return its dyes."""
        if source not in self._peers:
            self.counters.untrusted += 1
            return 0
        try:
            hop = parse_hop(own, trace)
        except ValueError:
            self.counters.malformed += 1
            return 0
        if hop is None or current_context.get() is None:
            return 0
        self.counters.accepted += 1
        vector = _known_dyes(hop.dyes)
        take_over(hop.identity, vector, hop.payload, node=hop.node, parent=hop.parent)
        return vector

    def _keep(self, key: str | None, vector: int) -> None:
        """Have a call keep what of the dyes is not of one message only."""
        kept = vector & ~OF_ONE_MESSAGE
        if key is not None and kept:
            self._rules.keep(key, kept)

    def _make_hop(self, message: Any, flow: Any, transports: Any) -> Token[Hop | None]:
        del message, transports
        return _hop_of_message.set(self._hop() if flow.remote_host in self._peers else None)

    def _add_headers(self, connection: Any, body: Any = None, encode_chunked: Any = False) -> None:
        """Have a request of the standard library's HTTP client, and of what is built on it, carry the context."""
        del body, encode_chunked
        hop = self._hop() if connection.host in self._peers else None
        if hop is None:
            return
        there = b"\n".join(line for line in getattr(connection, "_buffer", ()) if isinstance(line, bytes)).lower()
        for name, value in format_hop(hop).items():
            if f"{name}:".lower().encode() not in there:
                with suppress(HTTPException):  # a request that is not begun is the program's fault, not ours to tell
                    connection.putheader(name, value)

    def _hop(self) -> Hop | None:
        """Return the context for one message more, None when there is none."""
        context = current_context.get()
        if context is None:
            return None
        self.counters.sent += 1
        parent = f"{_PREFIX}{next(_serial) & 0xFFFFFFFF:08x}"
        context.note(hop=parent)
        return Hop(context.id, parent, self._node, names_of(context.vector), context.payload)


def _forget_hop(token: Token[Hop | None] | None, outcome: object) -> None:
    del outcome
    if token is not None:  # nothing was set when the beginning failed
        _hop_of_message.reset(token)


def _source_of(item: Any) -> str:
    """Return the address that a message came from: an answer to a datagram may go elsewhere than that."""
    message = item.message
    if item.flow.transport == "UDP" and getattr(message, "status", None) is None:
        return str(message.via.received or message.via.host)
    return str(item.flow.remote_host)


def _known_dyes(names: Sequence[str]) -> int:
    """Return the vector of the dyes that this node knows, too."""
    vector = 0
    for name in names:
        with suppress(UnknownNameError):
            vector |= mask_of((name,))
    return vector


def register(plugins: Plugins) -> None:
    """Contribute the monitor, and the method that says what it did."""
    action = ContextPropagationAction(plugins.rules)
    plugins.monitor(
        MonitorDefinition(
            "ContextPropagation",
            "server",
            "standard",
            "around",
            parse_pointcut(POINTCUT),
            "Takes the diagnostic context to the peers that messages go to, and believes what peers say of theirs.",
            (action.name,),
            action,
            precedence=1,
            changes_result=True,
        )
    )
    plugins.method("propagation.statistics", action.statistics, "Counts contexts that were sent and came from peers.")
