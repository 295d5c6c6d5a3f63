"""What a response context does: (context, event, now) -> (context, effects).

Targets of one preference are tried at the same time, the higher preference first; ``parallel`` False tries each by
itself. A CANCEL waits for the first provisional response (RFC 3261 9.1). The context knows no message on its way: it
asks its shell to start, cancel and drop branches, and to pass responses on.

Source: RFC 3261 16.5 to 16.10; RFC 5393 5 (Max-Breadth).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from math import inf

import msgspec

from server.container.best_response import best_of
from server.container.response_context import (
    TIMER_C,
    Add,
    Best,
    Branch,
    Cancel,
    CancelAll,
    Drop,
    Effect,
    Ended,
    Event,
    Forward,
    Gone,
    Received,
    ResponseContext,
    Start,
    Step,
    Target,
)
from server.sip.headers.parameterized import parse_q
from server.sip.message import Response
from server.sip.uri import parse_uri, uris_equal

MAX_TARGETS = 32
"""Targets of one request that are tried at most; redirections are the choice of strangers."""

FOLLOWED = frozenset({300, 301, 302})
"""Redirections that are followed (RFC 3261 21.3: 305 and 380 are for the caller)."""


def step(context: ResponseContext, event: Event, now: float) -> Step:
    """Take one event."""
    if isinstance(event, Received):
        context, effects = _received(context, event, now)
    elif isinstance(event, Gone):
        context, effects = _gone(context, event)
    elif isinstance(event, Add):
        context, effects = _with_targets(context, event.targets), ()
    elif isinstance(event, CancelAll):
        context, effects = _cancel_pending(msgspec.structs.replace(context, cancelled=True))
    else:
        context, effects = _expired(context, now)
    context, more = _go_on(context, now)
    return context, (*effects, *more)


def with_key(context: ResponseContext, number: int, key: str) -> ResponseContext:
    """Return the context, knowing the client transaction of a branch."""
    return _with_branch(context, msgspec.structs.replace(context.branches[number], key=key))


def answered(context: ResponseContext, status: int) -> ResponseContext:
    """Return the context after a final response was passed on: nothing more is tried."""
    return msgspec.structs.replace(context, status=status, waiting=())


def branch_of(context: ResponseContext, key: str) -> Branch | None:
    """Return the branch of a client transaction."""
    return next((branch for branch in context.branches if branch.key == key), None)


def _with_branch(context: ResponseContext, branch: Branch) -> ResponseContext:
    branches = list(context.branches)
    branches[branch.number : branch.number + 1] = [branch]
    return msgspec.structs.replace(context, branches=tuple(branches))


def _with_targets(context: ResponseContext, targets: Iterable[Target], *, first: bool = False) -> ResponseContext:
    """Add targets that were not named before, in groups of one preference.

    Source: RFC 3261 16.5 (no target twice), 16.6.
    """
    known = _known(context)
    new = []
    for target in targets:
        if len(known) < MAX_TARGETS and not _is_among(target.uri, known):
            known.append(target.uri)
            new.append(target)
    new.sort(key=lambda target: -target.q)
    groups = [tuple(group) for _, group in groupby(new, lambda target: target.q)]
    if not context.parallel:
        groups = [(target,) for target in new]
    waiting = (*groups, *context.waiting) if first else (*context.waiting, *groups)
    return msgspec.structs.replace(context, waiting=waiting)


def _known(context: ResponseContext) -> list[str]:
    """Return the targets that were tried or wait."""
    waiting = [target.uri for group in context.waiting for target in group]
    return [branch.target.uri for branch in context.branches] + waiting


def _is_among(uri: str, known: list[str]) -> bool:
    parsed = parse_uri(uri)
    return any(uri == other or uris_equal(parsed, parse_uri(other)) for other in known)


def _go_on(context: ResponseContext, now: float) -> Step:
    """Start the next group when no branch is pending; say which response is the best when none is left."""
    effects: list[Effect] = []
    while not context.status and not context.pending:
        if not context.waiting:
            if context.branches:
                effects.append(Best(best_of(context.branches, cancelled=context.cancelled)))
            break
        context, more = _start_group(context, now)
        effects += more
    return context, tuple(effects)


def _start_group(context: ResponseContext, now: float) -> Step:
    """Start every target of the next group; one that is too broad is answered with 440 in place of its targets.

    Source: RFC 5393 5.3.3.
    """
    group, *waiting = context.waiting
    context = msgspec.structs.replace(context, waiting=tuple(waiting))
    number = len(context.branches)
    free = context.breadth - sum(branch.breadth for branch in context.pending)
    if len(group) > free:
        refused = Branch(number, group[0], 0, state="Completed", status=440)
        return _with_branch(context, refused), (Ended(refused),)
    share, rest = divmod(free, len(group))
    is_invite = context.method == "INVITE"
    started = [
        Branch(
            number + at,
            target,
            share + (at < rest),
            now + TIMER_C if is_invite else inf,
            now + context.patience if context.patience else inf,
        )
        for at, target in enumerate(group)
    ]
    context = msgspec.structs.replace(context, branches=(*context.branches, *started))
    return context, tuple([Start(branch) for branch in started])


def _received(context: ResponseContext, event: Received, now: float) -> Step:
    branch, response = context.branches[event.number], event.response
    if branch.state == "Completed":
        return _late(context, branch, response)
    if response.status < 200:
        return _provisional(context, branch, response, now)
    if response.status < 300:
        return _success(context, branch, response)
    return _failure(context, branch, response, now)


def _late(context: ResponseContext, branch: Branch, response: Response) -> Step:
    """Take what comes after a branch was counted as ended.

    Only a 2xx to an INVITE is passed on: repeated by its sender, or that of another fork behind us. A branch that was
    given up before anything was heard of it is cancelled now.
    """
    if context.method != "INVITE" or response.status >= 300:
        return context, ()
    if response.status >= 200:
        return context, (Forward(response, branch),)
    if not branch.cancelled:
        return context, ()
    return _with_branch(context, msgspec.structs.replace(branch, cancelled=False)), (Cancel(branch),)


def _provisional(context: ResponseContext, branch: Branch, response: Response, now: float) -> Step:
    effects: list[Effect] = []
    timer_c = now + TIMER_C if response.status > 100 and branch.timer_c != inf else branch.timer_c
    waits = branch.cancelled and branch.state == "Calling"
    branch = msgspec.structs.replace(branch, state="Proceeding", timer_c=timer_c)
    if waits:
        branch, effects = _cancel_branch(msgspec.structs.replace(branch, cancelled=False))
    if response.status > 100 and not context.status:
        effects.insert(0, Forward(response, branch))
    return _with_branch(context, branch), tuple(effects)


def _success(context: ResponseContext, branch: Branch, response: Response) -> Step:
    """Pass a 2xx on at once, each one to an INVITE, and give up what is left.

    Source: RFC 3261 16.7 steps 5 and 10.
    """
    branch = msgspec.structs.replace(branch, state="Completed", status=response.status)
    is_first = not context.status
    context = answered(_with_branch(context, branch), context.status or response.status)
    context, effects = _cancel_pending(context)
    passed = (Forward(response, branch),) if is_first or context.method == "INVITE" else ()
    return context, (*passed, *effects)


def _failure(context: ResponseContext, branch: Branch, response: Response, now: float) -> Step:
    branch = msgspec.structs.replace(branch, state="Completed", status=response.status, response=response.wire())
    if response.status in FOLLOWED and context.recurse and _may_go_on(context):
        return _redirected(context, branch, response, now)
    context = _with_branch(context, branch)
    effects: tuple[Effect, ...] = ()
    if response.status >= 600 and not context.status:
        context, effects = _cancel_pending(context)
    return context, (Ended(branch), *effects)


def _may_go_on(context: ResponseContext) -> bool:
    """Say whether further targets may be tried: nobody has accepted, refused for all, or given up."""
    is_refused = any(branch.status >= 600 for branch in context.branches)
    return not (context.status or context.cancelled or is_refused)


def _redirected(context: ResponseContext, branch: Branch, response: Response, now: float) -> Step:
    """Try the contacts of a redirection that are new; those that cannot be followed stay in the response.

    A request to a sips: address is not redirected to another scheme (RFC 3261 16.7 step 4, 26.2.2).
    """
    schemes = {"sips"} if context.secure else {"sip", "sips"}
    known = _known(context)
    left, targets = [], []
    for contact in response.contacts:
        can_follow = contact.uri.partition(":")[0].lower() in schemes and len(known) < MAX_TARGETS
        if can_follow and not _is_among(contact.uri, known):
            known.append(contact.uri)
            targets.append(Target(contact.uri, parse_q(contact.params.get("q"))))
        else:
            left.append(str(contact))
    context = _with_branch(context, branch)
    if not targets:
        return context, (Ended(branch),)
    kept = response.with_header("Contact", ", ".join(left)).wire() if left else b""
    branch = msgspec.structs.replace(branch, status=response.status if left else 0, response=kept)
    context = _with_targets(_with_branch(context, branch), targets, first=True)
    if context.pending:
        return _start_group(context, now)
    return context, ()


def _gone(context: ResponseContext, event: Gone) -> Step:
    branch = context.branches[event.number]
    if branch.state == "Completed":
        return context, ()
    branch = msgspec.structs.replace(branch, state="Completed", status=event.status)
    return _with_branch(context, branch), (Ended(branch),)


def _cancel_pending(context: ResponseContext) -> Step:
    """Cancel the branches without an answer and try nothing more; what is no INVITE cannot be cancelled."""
    context = msgspec.structs.replace(context, waiting=())
    effects: list[Effect] = []
    if context.method == "INVITE":
        for branch in context.pending:
            branch, more = _cancel_branch(branch)
            context = _with_branch(context, branch)
            effects += more
    return context, tuple(effects)


def _cancel_branch(branch: Branch) -> tuple[Branch, list[Effect]]:
    """Cancel a branch once; if it does not answer that, its transaction ends by itself (RFC 3261 9.1)."""
    if branch.cancelled:
        return branch, []
    branch = msgspec.structs.replace(branch, cancelled=True, timer_c=inf, gives_up=inf)
    return branch, [] if branch.state == "Calling" else [Cancel(branch)]


def _expired(context: ResponseContext, now: float) -> Step:
    """Give up the branches whose time is over.

    Source: RFC 3261 16.8, 9.1.
    """
    effects: list[Effect] = []
    for branch in context.pending:
        if branch.due <= now:
            branch, more = _give_up(context, branch)
            context = _with_branch(context, branch)
            effects += more
    return context, tuple(effects)


def _give_up(context: ResponseContext, branch: Branch) -> tuple[Branch, list[Effect]]:
    """Cancel a branch that rings; one of which nothing was heard counts as timed out."""
    is_invite = context.method == "INVITE"
    if is_invite and branch.state == "Proceeding":
        return _cancel_branch(branch)
    is_silent = is_invite and branch.state == "Calling"
    branch = msgspec.structs.replace(branch, state="Completed", status=408, cancelled=is_silent)
    # What has heard nothing may still get an answer, and is cancelled then.
    return branch, [Ended(branch)] if is_silent else [Drop(branch), Ended(branch)]
