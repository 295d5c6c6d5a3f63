"""The dye flags that messages of every protocol set, those that programs set themselves, and those that never are."""

from __future__ import annotations

from ipaddress import ip_address

from monitors.flags import HTTP, NOWHERE, USER, Flag, never, text
from monitors.message_facts import Facts, Test, canonical
from weaver.api import Plugins

SECURE = frozenset({"TLS", "WSS"})
"""Transports that are encrypted."""

NOT_SPOKEN = ("IIOP", "JRMP", "RMI", "SOAP", "T3")


def address(value: str) -> Test:
    """Match the address of the peer; names are not looked up."""
    wanted = canonical(str(ip_address(value.strip())))
    return lambda facts: facts.address == wanted


def user(value: str) -> Test:
    """Match a user who is known by that name."""
    wanted = text(value)
    return lambda facts: facts.user == wanted


def encrypted(value: str) -> Test:
    """Match what came or goes over an encrypted transport."""
    del value

    def test(facts: Facts) -> bool:
        if facts.request is not None:
            return bool(facts.request.is_secure)
        return facts.flow is not None and facts.flow.transport in SECURE

    return test


FLAGS = (
    *(
        Flag(name, (name,), address, "a message from or to the address, no name, that is the property's value")
        for name in ("ADDR1", "ADDR2", "ADDR3", "ADDR4")
    ),
    *(
        Flag(
            name,
            (name,),
            user,
            "a request of the user, once he is known, whose name is the property's value: from there on",
            HTTP | USER,
        )
        for name in ("USER1", "USER2", "USER3", "USER4")
    ),
    *(
        Flag(name, (), never, "set by a connector: `set_connector_dye`", NOWHERE)
        for name in ("CONNECTOR1", "CONNECTOR2", "CONNECTOR3", "CONNECTOR4")
    ),
    *(Flag(f"DYE_{number}", (), never, "set by an application: `set_application_dye`", NOWHERE) for number in range(8)),
    Flag(
        "PROTOCOL_SSL",
        (),
        encrypted,
        "a message over TLS, WSS or HTTPS; tested only while an enabled monitor's mask names it",
        lazy=True,
    ),
    *(
        Flag(f"PROTOCOL_{name}", (), never, "never: the protocol is not spoken here; the name is kept", NOWHERE)
        for name in NOT_SPOKEN
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the flags."""
    for flag in FLAGS:
        plugins.dye_flag(flag)
