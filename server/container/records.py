"""What the container keeps in a call state: the sections ``sessions`` and ``registrar``.

Plain, mutable records; the objects that applications see (``sip_session.py`` and its neighbours) stand on them for the
length of a turn.
"""

from __future__ import annotations

import msgspec

from server.servlet.sessions import Attribute
from server.sip.dialog import Dialog
from server.sip.offer_answer import STABLE
from server.sip.usage.invite import AcceptedInvite
from server.sip.usage.reliable import Reliable
from server.sip.usage.session_timer import SessionTimer
from server.sip.usage.subscription import Subscription
from server.transport.flow import Flow


class TimerRecord(msgspec.Struct, array_like=True):
    """A timer of an application; ``due`` is a deadline."""

    id: str
    due: float
    info: object = None


class ApplicationRecord(msgspec.Struct, array_like=True):
    """An application session.

    Shape: ``expires`` is the deadline until which the session lives without any child.
    """

    id: str
    app: str
    expires: float = 0.0
    attributes: dict[str, object] = {}
    timers: dict[str, TimerRecord] = {}


class Again(msgspec.Struct, array_like=True):
    """A request that is sent once more when it is due."""

    request: bytes
    due: float


class SipRecord(msgspec.Struct, array_like=True):
    """A SIP session; its id is the tag that we minted for it.

    Shape: ``invite_in`` and ``invite_out`` are the keys of the INVITE transactions that have no final answer yet;
    ``accepted`` is our 2xx that waits for its ACK; ``waits_for_ack`` says that a 2xx of the peer waits for ours,
    ``ack`` and ``ack_cseq`` are the last ACK sent; ``cancel`` says that a CANCEL waits for a provisional response;
    ``relay`` is the server transaction of the other leg that waits for the answer to our last request; ``proxies`` says
    that the application passes on what belongs to the session; ``tried`` and ``targets`` are where its first request
    was sent and where it may be sent yet, after redirections; ``origin`` is the session that this one is derived from;
    ``refused`` are the ACKs to further callees of a forked INVITE, by their tag; ``bye_waits`` says that a BYE waits
    for the ACK to our 2xx, ``bye_out`` is the key of the BYE that was sent; ``offer`` is the state of offer and answer;
    ``reliable`` is our provisional response that waits for its PRACK, ``behind`` what waits behind it, ``rseq`` and
    ``peer_rseq`` the last RSeq of either side, ``unpracked`` the RAck that we owe; ``timer`` is the session timer,
    ``refresh`` the key of the request that refreshes, ``by_invite`` says that UPDATE does not, ``description`` is what
    we described last if that may have to be repeated, None if not; ``again`` is what is sent once more; ``is_callee``
    says that the peer has begun the dialog with an INVITE; ``subscriptions`` are those of the dialog by their event;
    ``tries`` counts the credentials that were sent for one request; ``named`` is the session of the dialog that the
    first request named, ``replaces`` the same while it is to be replaced; ``reasons`` are those of a CANCEL that waits;
    ``watched`` is the address that the first request has subscribed to.
    """

    id: str
    application: str
    app: str
    handler: str
    call_id: str
    local: str
    remote: str
    flow: Flow
    state: str = "INITIAL"
    dialog: Dialog | None = None
    invite_in: str = ""
    invite_out: str = ""
    accepted: AcceptedInvite | None = None
    waits_for_ack: bool = False
    ack: bytes = b""
    ack_cseq: int = 0
    cancel: bool = False
    linked: str = ""
    attributes: dict[str, object] = {}
    cseq: int = 0
    relay: str = ""
    proxies: bool = False
    tried: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    origin: str = ""
    refused: dict[str, bytes] = {}
    bye_waits: bool = False
    bye_out: str = ""
    offer: str = STABLE
    reliable: Reliable | None = None
    behind: tuple[bytes, ...] = ()
    rseq: int = 0
    peer_rseq: int = 0
    unpracked: str = ""
    timer: SessionTimer | None = None
    refresh: str = ""
    again: Again | None = None
    is_callee: bool = False
    subscriptions: dict[str, Subscription] = {}
    by_invite: bool = False
    description: bytes | None = None
    tries: int = 0
    named: str = ""
    replaces: str = ""
    reasons: tuple[str, ...] = ()
    watched: str = ""


class HttpRecord(msgspec.Struct, array_like=True):
    """An HTTP session; ``expires`` is a deadline."""

    id: str
    application: str
    expires: float
    attributes: dict[str, object] = {}


class Sessions(msgspec.Struct, array_like=True):
    """The section ``sessions``; ``heard`` is when the last message came."""

    applications: dict[str, ApplicationRecord] = {}
    sips: dict[str, SipRecord] = {}
    https: dict[str, HttpRecord] = {}
    serial: int = 0
    heard: float = 0.0


class Binding(msgspec.Struct, array_like=True):
    """One contact of an address of record; ``expires`` is a deadline, ``flow`` is where it registered from.

    Shape: ``flow_id`` names the flow among those of one phone (``server.container.outbound``), empty without outbound;
    ``path`` are the Routes to the contact (RFC 3327), ``params`` what stood behind it but for its time.
    """

    uri: str
    expires: float
    call_id: str
    cseq: int
    flow: Flow
    flow_id: str = ""
    path: tuple[str, ...] = ()
    params: dict[str, str | None] = {}


class Bindings(msgspec.Struct, array_like=True):
    """The section ``registrar``: the contacts of one address of record, by URI or, if they have one, flow id."""

    address_of_record: str = ""
    contacts: dict[str, Binding] = {}


def checked_attribute(value: Attribute) -> Attribute:
    """Return the value if it is plain data.

    Errors: TypeError.
    """
    if isinstance(value, list):
        for member in value:
            checked_attribute(member)
    elif isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise TypeError(f"keys of attributes must be str, not {type(key).__name__}")
            checked_attribute(member)
    elif value is not None and not isinstance(value, (bool, int, float, str, bytes)):
        raise TypeError(f"an attribute must be plain data, not {type(value).__name__}")
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise TypeError(f"an attribute must be plain data, and a number of at most 64 bits, not {value:#x}")
    return value
