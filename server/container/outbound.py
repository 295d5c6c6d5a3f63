"""Outbound (RFC 5626), as a registrar that holds the connections of its phones must know it.

A phone that has an instance id may register several flows to us, each with a reg-id; they are told apart by the pair
and not by their Contact, and a flow that is registered again takes the place of the one before.

Source: RFC 5626 6, 11.6.
"""

from __future__ import annotations

from typing import NamedTuple

from server.sip.headers import NameAddr
from server.sip.message import Request
from server.sip.uri import SipUri, parse_uri

OPTION = "outbound"


class FlowIds(NamedTuple):
    """What a REGISTER says of its flows.

    Shape: ``refusal`` is the status that refuses it, 0 for none; ``ids`` names the flow of each contact, empty for one
    that has none of its own.
    """

    refusal: int
    ids: tuple[str, ...]


def flow_ids(request: Request) -> FlowIds:
    """Read the flows that a REGISTER asks for."""
    contacts = request.contacts
    if OPTION not in _tags(request, "supported"):
        return FlowIds(0, ("",) * len(contacts))
    ids = tuple([_flow_id(contact) for contact in contacts])
    asked = sum(1 for name in ids if name)
    if asked > 1:
        return FlowIds(400, ids)
    return FlowIds(0 if not asked or _first_hop_knows(request) else 439, ids)


def instance_of(flow_id: str) -> str:
    """Return the instance of the phone that registered a flow."""
    return flow_id.rpartition("|")[0]


def _flow_id(contact: NameAddr) -> str:
    instance = (contact.params.get("+sip.instance") or "").strip('"')
    number = contact.params.get("reg-id") or ""
    if not instance or not number.isdecimal() or len(number) > 10 or not int(number):
        return ""
    return f"{instance}|{int(number)}"


def _tags(request: Request, name: str) -> set[str]:
    return {tag.strip().lower() for line in request.headers.get_all(name) for tag in line.split(",")}


def _first_hop_knows(request: Request) -> bool:
    """Say whether the first hop keeps flows: we are it, or a proxy before us says so in its Path (``ob``)."""
    try:
        if len(request.vias) == 1:
            return True
        path = request.headers.get_all("path")
        uri = parse_uri(path[-1].rpartition("<")[2].partition(">")[0]) if path else None
    except ValueError:
        return False
    return isinstance(uri, SipUri) and "ob" in uri.params
