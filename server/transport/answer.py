"""Where a response goes (RFC 3261 18.2.2, RFC 3581 4)."""

from __future__ import annotations

from ipaddress import ip_address

import msgspec

from server.sip.headers import Via
from server.transport.flow import DEFAULT_PORTS, Flow
from server.transport.trust import Trust


def answer_flow(via: Via, flow: Flow, trust: Trust) -> Flow:
    """Return the flow on which a request that came over ``flow`` is answered; ``via`` is its top Via.

    A stream is answered where it is. A datagram goes back to the port it came from if its sender asks for that with
    ``rport``, else to the port of the Via. A numeric ``maddr`` is believed of a trusted peer only: with anybody's, a
    stranger could have us send answers, larger than what he sends and repeated, to whom he likes.
    """
    if flow.transport != "UDP":
        return flow
    params = via.params
    host, port = flow.remote_host, flow.remote_port
    maddr = _numeric(params["maddr"]) if "maddr" in params and host in trust else None
    if maddr is None and "rport" in params:
        return flow
    host, port = maddr or host, via.port or DEFAULT_PORTS["UDP"]
    if (host, port) == (flow.remote_host, flow.remote_port):
        return flow
    return msgspec.structs.replace(flow, remote_host=host, remote_port=port)


def reopened(via: Via, flow: Flow) -> Flow:
    """Return the flow for a response whose connection is gone: a new one, to where its requests' sender listens."""
    host = via.received or _numeric(via.host) or flow.remote_host
    port = via.port or DEFAULT_PORTS[flow.transport]
    return msgspec.structs.replace(flow, remote_host=host, remote_port=port, connection=None, name=via.host)


def _numeric(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        return None
