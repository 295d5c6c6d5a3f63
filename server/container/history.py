"""The history of a request that a proxy sends elsewhere: which targets it had, and why it went on from each.

Shape: an index is the path in a tree of targets; ``1.2`` is the second target that ``1`` was sent on to. Behind it
stands how a target was found: ``rc`` a contact of the same user, ``mp`` somebody else, ``np`` the same target.

Source: RFC 7044 9, 10.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from server.container.response_context import Branch, Target
from server.sip.headers.table import HISTORY_INFO
from server.sip.message import Request
from server.sip.uri import parse_uri, uris_equal
from server.sip.usage.options import supports

OPTION = "histinfo"

MAX_ENTRIES = 60
"""Entries that are kept; a request with more goes on without a new one."""

FOLLOWED = 302
"""What stands for a redirection all of whose targets were followed."""


def with_history(sent: Request, asked: str, target: Target, number: int, before: Iterable[Branch]) -> Request:
    """Return a request that is ready to go with the entry of its target, if it has a history or its sender wants one.

    Shape: ``asked`` is the Request-URI that it came with, ``number`` counts the targets from 0, ``before`` are the
    branches that have failed.
    """
    if sent.to.tag or (HISTORY_INFO.key not in sent.headers.first and not supports(sent, OPTION)):
        return sent
    try:
        known = sent.many(HISTORY_INFO)
    except ValueError:
        return sent
    if len(known) >= MAX_ENTRIES:
        return sent
    entries = [str(entry) for entry in known]
    parent = known[-1].params.get("index") or "1" if known else "1"
    if not known:
        entries.append(f"<{asked}>;index=1")
    elif not _same(_bare(known[-1].uri), asked):
        parent = f"{parent}.0"  # whoever sent it here did not say so
        entries.append(f"<{asked}>;index={parent}")
    for branch in before:
        status = branch.status or FOLLOWED
        entries.append(_entry(branch.uri, asked, branch.target, parent, branch.number, status))
    entries.append(_entry(sent.uri, asked, target, parent, number, 0))
    return sent.with_header(HISTORY_INFO.name, ", ".join(entries))


def _entry(uri: str, asked: str, target: Target, parent: str, number: int, status: int) -> str:
    """Return one entry; a target that has refused says with what."""
    is_contact = target.flows or target.routes or not _same(uri, target.uri)
    how = "rc" if is_contact else "np" if _same(uri, asked) else "mp"
    reason = f"?Reason={quote(f'SIP;cause={status}', safe='')}" if status else ""
    return f"<{_bare(uri)}{reason}>;index={parent}.{number + 1};{how}={parent}"


def _bare(uri: str) -> str:
    """Return a URI without headers: the Reason in them is no part of the target."""
    return uri.partition("?")[0]


def _same(one: str, other: str) -> bool:
    return one == other or uris_equal(parse_uri(one), parse_uri(other))
