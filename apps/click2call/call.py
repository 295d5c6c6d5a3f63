"""A click-to-call call as plain data in its application session, and what the page is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from server.servlet import Attribute, SipApplicationSession, reason_phrase

KEPT = 20
"""Ended calls that a session remembers."""

ENDED = frozenset({"ended", "failed"})

WORDS = {
    400: "the phone did not understand the call",
    403: "the phone refuses the call",
    404: "nobody is registered under this address",
    408: "the phone did not answer in time",
    410: "this address is no longer in use",
    480: "the phone is switched off or not reachable at the moment",
    481: "the phone does not know this call any more",
    484: "the address is incomplete",
    486: "the line is busy",
    487: "the call was given up before it was answered",
    488: "the two phones have no common audio format",
    500: "the phone or its server failed",
    502: "the address cannot be reached from here",
    503: "the phone cannot be reached at the moment",
    600: "the line is busy everywhere",
    603: "the call was declined",
    604: "this address exists nowhere",
    606: "the two phones have no common audio format",
}


def plain_words(status: int) -> str:
    """Return what a SIP status means to somebody who wants to make a call."""
    return WORDS.get(status, reason_phrase(status).lower())


def load(session: SipApplicationSession, call_id: str) -> dict[str, Any] | None:
    """Return a call of the session, to be changed and given to ``store``; None if there is none.

    Shape: ``id state status reason caller callee party``; ``first`` and ``second`` are the ids of the SIP sessions,
    ``offer`` the first phone's SDP until both are joined or the call has ended, ``timer`` that of the holding answer,
    ``held`` whether it was sent.
    """
    calls = session.get_attribute("calls")
    return cast("dict[str, Any] | None", calls.get(call_id)) if isinstance(calls, dict) else None


def store(session: SipApplicationSession, call: Mapping[str, Any]) -> None:
    """Keep a call; of the ended ones the oldest are forgotten."""
    calls = cast("dict[str, Any]", session.get_attribute("calls") or {})
    calls[call["id"]] = dict(call)
    ended = [key for key, value in calls.items() if value["state"] in ENDED]
    for key in ended[: max(0, len(ended) - KEPT)]:
        del calls[key]
    session.set_attribute("calls", cast("Attribute", calls))


def of_leg(session: SipApplicationSession, leg: str) -> dict[str, Any] | None:
    """Return the call that a SIP session is a leg of."""
    calls = cast("dict[str, Any]", session.get_attribute("calls") or {})
    return next((call for call in calls.values() if leg in {call["first"], call["second"]}), None)


def end(session: SipApplicationSession, call: dict[str, Any], status: int = 0, party: str = "") -> None:
    """Set a call to ``ended``, or with a status to ``failed``; a call that has ended stays as it is."""
    if call["state"] in ENDED:
        return
    call["state"] = "failed" if status else "ended"
    call["status"] = status or None
    call["reason"] = f"{party}: {plain_words(status)}" if status else "the call was hung up"
    call["offer"] = b""
    store(session, call)


def public(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page may know of a call."""
    return {key: call[key] for key in ("id", "state", "status", "reason", "caller", "callee", "party")}
