"""The two phones of ``--demo``: alice and bob, registered with the server they are started beside."""

from __future__ import annotations

from server.testing.phone import ScriptedPhone

ALICE_RINGS, BOB_RINGS, BOB_TALKS = 1.0, 2.0, 5.0
"""Seconds; bob is the one who hangs up."""


def start_demo(host: str, port: int) -> list[ScriptedPhone]:
    """Start alice and bob and have them register.

    Switches: yes, until both are registered or a second has passed.
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    phones = [
        ScriptedPhone("alice", (host, port), ring=ALICE_RINGS),
        ScriptedPhone("bob", (host, port), ring=BOB_RINGS, talk=BOB_TALKS),
    ]
    for phone in phones:
        phone.start()
    for phone in phones:
        phone.registered.wait(1.0)
    return phones
