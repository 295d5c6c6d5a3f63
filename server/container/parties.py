"""Who takes part in the dialogs that an application is in the way of: the flow to each, and which dialogs are left.

An INVITE that was forked may make several dialogs; the session of the application ends with the last of them.
"""

from __future__ import annotations

from server.container.response_context import SECTION, Contexts, Party
from server.engine.call import Call
from server.sip.message import Response
from server.sip.usage.ends import INVITE_USAGE
from server.transport.flow import Flow

DIALOG_ENDERS = frozenset({408, 481})
"""Answers to a request of the INVITE usage that end it (RFC 3261 12.2.1.2, RFC 5057 5.1)."""

CHALLENGES = frozenset({401, 407})


def remember_caller(call: Call, session: str, tag: str, flow: Flow) -> None:
    """Begin to know the parties of a session."""
    call.section(SECTION, Contexts).parties.setdefault(session, {})[tag] = Party(flow)


def remember_answer(call: Call, session: str, response: Response, flow: Flow) -> None:
    """Take notice of the flow over which a party answers, and of a dialog that it accepts."""
    parties = call.section(SECTION, Contexts).parties.get(session)
    tag = response.to.tag
    if parties is None or not tag:
        return
    party = parties.setdefault(tag, Party(flow))
    party.flow = flow
    if response.method == "INVITE" and 200 <= response.status < 300 and tag != next(iter(parties)):
        party.accepted = True


def flow_to(call: Call, session: str, tag: str) -> Flow | None:
    """Return the flow to a party, None when nothing was heard of it."""
    party = call.section(SECTION, Contexts).parties.get(session, {}).get(tag)
    return None if party is None else party.flow


def is_last(call: Call, session: str, response: Response) -> bool:
    """Forget the dialog that a final response ends; say whether it was the last one of its session."""
    if not _ends_dialog(response):
        return False
    parties = call.section(SECTION, Contexts).parties.get(session, {})
    for tag in (response.from_.tag or "", response.to.tag or ""):
        if tag in parties and parties[tag].accepted:
            del parties[tag]
    return not any(party.accepted for party in parties.values())


def _ends_dialog(response: Response) -> bool:
    """Say whether nothing is left of a call after this final response inside it (RFC 3261 12.2.1.2, 15.1)."""
    if response.method == "BYE":
        return response.status not in CHALLENGES
    return response.method in INVITE_USAGE - {"INVITE"} and response.status in DIALOG_ENDERS
