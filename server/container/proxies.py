"""The response contexts of a container's calls: what comes for a response context, and what it asks for.

A session whose record says ``proxies`` belongs to an application that passes on: its responses come here, and so do the
requests inside the dialog that it stays in the way of. What is forwarded goes the way of all that is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from server.container import parties, proxied_timers
from server.container.best_response import best_of, status_to_send, with_challenges
from server.container.edge import by_flow, with_path
from server.container.forking import answered, branch_of, step, with_key
from server.container.forwarding import breadth_of, check, routed, stripped
from server.container.history import with_history
from server.container.messages import InboundRequest, InboundResponse
from server.container.onward import onward
from server.container.proxy import ContainerProxy
from server.container.records import Sessions, SipRecord
from server.container.response_context import (
    SECTION,
    Add,
    Best,
    Branch,
    Cancel,
    CancelAll,
    Contexts,
    Drop,
    Ended,
    Event,
    Expire,
    Forward,
    Gone,
    Received,
    ResponseContext,
    Start,
    Target,
)
from server.engine import transactions
from server.engine.call import Call
from server.engine.transactions import LOCAL, Delivery
from server.servlet.errors import InvalidStateError, NotRoutableError
from server.servlet.proxy import ProxyOptions
from server.sip.build import make_cancel, make_response
from server.sip.codec import parse_message
from server.sip.identity import asserted
from server.sip.message import Request, Response
from server.sip.status import reason_phrase
from server.sip.uri import SipUri

if TYPE_CHECKING:
    from server.container.container import Container

log = logging.getLogger(__name__)

TIMEOUT, UNREACHABLE, UNUSABLE = 408, 503, 502
"""What stands for a branch that does not answer, one that cannot be reached, and one whose answer cannot be passed on
(RFC 3261 16.8, 16.9, 16.7 step 3)."""


class Proxies:
    """The response contexts of one container's calls."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._effects: dict[type, Callable[[Call, str, Any], None]] = {
            Start: self._start,
            Cancel: self._cancel,
            Drop: self._drop,
            Forward: self._forward,
            Ended: self._ended,
            Best: self._best,
        }

    def begin(self, request: InboundRequest, options: ProxyOptions) -> ContainerProxy:
        """Make the response context of an initial request, unless it has one.

        Errors: InvalidStateError, NotRoutableError.
        """
        call, key, record = request.call, request.key, request.record
        if not request.is_initial or key not in call.transactions.servers:
            raise InvalidStateError(f"the {request.method} is inside a dialog or was answered already")
        contexts = call.section(SECTION, Contexts)
        if key not in contexts.contexts:
            check(request.message, record.app, self._is_own)
            contexts.contexts[key] = ResponseContext(
                key,
                record.id,
                request.method,
                breadth_of(request.message),
                secure=request.uri[:5].lower() == "sips:",
                parallel=options.parallel,
                recurse=options.recurse,
                record_route=options.record_route and request.method == "INVITE",
                supervised=options.supervised,
                patience=options.timeout,
                session_expires=options.session_expires,
                path=options.path and request.method == "REGISTER",
            )
        return ContainerProxy(self, call, key)

    def add(self, call: Call, key: str, targets: tuple[Target, ...]) -> None:
        """Try targets.

        Errors: InvalidStateError when the request was answered.
        """
        contexts = call.section(SECTION, Contexts)
        context = contexts.contexts.get(key)
        server = call.transactions.servers.get(key)
        if context is None or server is None or context.status or context.cancelled:
            raise InvalidStateError("the request was answered or cancelled already")
        record = call.section("sessions", Sessions).sips.get(context.session)
        if record is not None:
            record.proxies = True
            record.invite_in = ""
            if context.record_route:
                caller = transactions.request_of(call, key).from_.tag or ""
                parties.remember_caller(call, record.id, caller, server.flow)
        self._step(call, key, Add(targets))

    def original_request(self, call: Call, key: str) -> InboundRequest:
        """Return the request of a context.

        Errors: InvalidStateError when its transaction or its session has ended.
        """
        server = call.transactions.servers.get(key)
        record = None if server is None else call.section("sessions", Sessions).sips.get(server.session)
        if server is None or record is None:
            raise InvalidStateError("the request was answered and has ended")
        request, _ = routed(transactions.request_of(call, key), self._is_own, server.flow)
        address = server.flow.remote_host, server.flow.remote_port
        return InboundRequest(self._container, call, record, request, key, address)

    def assert_identity(self, call: Call, key: str, identity: str) -> None:
        """Remember who the sender of a request has proved to be."""
        contexts = call.section(SECTION, Contexts).contexts
        if key in contexts:
            contexts[key] = msgspec.structs.replace(contexts[key], identity=identity)

    def cancel(self, call: Call, key: str, reasons: tuple[str, ...] = ()) -> bool:
        """Cancel what is tried for a request; False when nothing is known of it."""
        if not call.holds(SECTION) or key not in call.section(SECTION, Contexts).contexts:
            return False
        if reasons:
            contexts = call.section(SECTION, Contexts).contexts
            contexts[key] = msgspec.structs.replace(contexts[key], reasons=reasons)
        self._step(call, key, CancelAll())
        return True

    def withdraw(self, call: Call, key: str, status: int) -> None:
        """Take notice that the application answers a request by itself."""
        if call.holds(SECTION):
            contexts = call.section(SECTION, Contexts).contexts
            if key in contexts and not contexts[key].status:
                contexts[key] = answered(contexts[key], status)
                self._step(call, key, CancelAll())

    def take(self, call: Call, delivery: Delivery) -> bool:
        """Take a response, or the end of a client transaction; False when it belongs to no branch."""
        found = self._found(call, delivery.key)
        if found is None:
            return False
        context, branch = found
        self._step(call, context.key, self._event(call, context, branch, delivery))
        return True

    def _event(self, call: Call, context: ResponseContext, branch: Branch, delivery: Delivery) -> Event:
        """Return what a delivery is to a branch."""
        if not isinstance(delivery.message, Response):
            return Gone(branch.number, TIMEOUT if delivery.event == "timeout" else UNREACHABLE)
        response = stripped(delivery.message)
        if "via" not in response.headers:
            if response.status >= 200:
                return Gone(branch.number, UNUSABLE)
            return Received(branch.number, Response(100, reason_phrase(100), response.headers))
        parties.remember_answer(call, context.session, response, delivery.flow)
        return Received(branch.number, response)

    def subsequent(self, call: Call, record: SipRecord, request: Request, delivery: Delivery) -> None:
        """Pass on a request inside a dialog that the application is in the way of."""
        container = self._container
        try:
            check(request, record.app, self._is_own)
        except NotRoutableError as error:
            container.answer(call, delivery.key, request, error.status, extra=error.headers)
            return
        flow = delivery.flow
        facade = InboundRequest(container, call, record, request, delivery.key, (flow.remote_host, flow.remote_port))
        container.invoke(container.servlet_of(record), facade)
        if request.method == "ACK":
            self._pass_ack(call, record, request)
            return
        key = delivery.key
        contexts = call.section(SECTION, Contexts).contexts
        contexts[key] = ResponseContext(key, record.id, request.method, breadth_of(request), recurse=False)
        self._step(call, key, Add((Target(request.uri),)))

    def expire(self, call: Call, now: float) -> None:
        """Give up what has not answered in time, and forget what is over."""
        if not call.holds(SECTION):
            return
        section = call.section(SECTION, Contexts)
        for key, context in list(section.contexts.items()):
            if context.due <= now:
                self._step(call, key, Expire())

    def next_due(self, call: Call) -> float:
        """Return the earliest deadline of any branch; contexts whose transactions have ended are forgotten."""
        if not call.holds(SECTION):
            return inf
        section = call.section(SECTION, Contexts)
        sips = call.section("sessions", Sessions).sips
        known = call.transactions
        for key, context in list(section.contexts.items()):
            if key not in known.servers and not any(branch.key in known.clients for branch in context.branches):
                del section.contexts[key]
        busy = {context.session for context in section.contexts.values()}
        for record in sips.values():
            if record.proxies and record.state != "CONFIRMED" and record.id not in busy:
                record.state = "TERMINATED"
        for session in [session for session in section.parties if session not in sips]:
            del section.parties[session]
        return min((context.due for context in section.contexts.values()), default=inf)

    def _is_own(self, uri: SipUri) -> bool:
        return self._container.routing.addresses.is_own(uri)

    def _found(self, call: Call, client: str) -> tuple[ResponseContext, Branch] | None:
        if call.holds(SECTION):
            for context in call.section(SECTION, Contexts).contexts.values():
                branch = branch_of(context, client)
                if branch is not None:
                    return context, branch
        return None

    def _step(self, call: Call, key: str, event: Event) -> None:
        contexts = call.section(SECTION, Contexts).contexts
        contexts[key], effects = step(contexts[key], event, call.engine.now())
        for effect in effects:
            self._effects[type(effect)](call, key, effect)

    def _start(self, call: Call, key: str, effect: Start) -> None:
        contexts = call.section(SECTION, Contexts).contexts
        context, number = contexts[key], effect.branch.number
        branch = context.branches[number]
        server = call.transactions.servers.get(key)
        record = call.section("sessions", Sessions).sips.get(context.session)
        if branch.cancelled or branch.state == "Completed" or server is None or record is None:
            self._step(call, key, Gone(number, 487))
            return
        received = transactions.request_of(call, key)
        request, _ = routed(received, self._is_own, server.flow)
        if context.session_expires:
            request = proxied_timers.asked(request, context.session_expires)
        request = asserted(request, context.identity)
        token = record.id if context.record_route else ""
        try:
            target = by_flow(self._container, received, branch.target)
            found = onward(self._container, call, record, request, target, server.flow, token, branch.breadth)
        except NotRoutableError as error:
            self._step(call, key, Gone(number, error.status))
            return
        sent = with_history(found.request, request.uri, target, number, _failed(context))
        found = found._replace(request=sent)
        if context.path:
            found = with_path(self._container, found, server.flow)
        now = call.engine.now()
        client = transactions.send_request(
            call, found.request, found.flow, context.session, now, found.position, found.others
        )
        contexts[key] = with_key(contexts[key], number, client)

    def _cancel(self, call: Call, of: str, effect: Cancel) -> None:
        reasons = _reasons(call.section(SECTION, Contexts).contexts[of])
        key = effect.branch.key
        client = call.transactions.clients.get(key)
        if client is not None:
            cancel, now = make_cancel(transactions.request_of(call, key), reasons), call.engine.now()
            transactions.send_request(call, cancel, client.flow, client.session, now)
            transactions.cancelled(call, key, now)

    def _drop(self, call: Call, _: str, effect: Drop) -> None:
        call.transactions.clients.pop(effect.branch.key, None)
        call.parsed.pop(effect.branch.key, None)

    def _forward(self, call: Call, key: str, effect: Forward) -> None:
        context, response = call.section(SECTION, Contexts).contexts[key], effect.response
        record = call.section("sessions", Sessions).sips.get(context.session)
        if record is not None and record.state in {"INITIAL", "EARLY"} and context.method == "INVITE":
            is_kept = context.record_route and response.status >= 200
            record.state = "CONFIRMED" if is_kept else "EARLY"
        if response.status >= 200 and record is not None:
            response = self._timed(call, record, context, effect.branch, response)
        self._tell(call, context, effect.branch, response)
        self._pass_back(call, context, response)

    def _timed(
        self, call: Call, record: SipRecord, context: ResponseContext, branch: Branch, response: Response
    ) -> Response:
        """Return a 2xx as it goes back, and take up the session timer that it tells of if we stay in the way."""
        if context.session_expires and branch.key in call.transactions.clients:
            request, sent = (transactions.request_of(call, key) for key in (context.key, branch.key))
            response = proxied_timers.told(response, request, sent)
        if record.state == "CONFIRMED":
            proxied_timers.watch(call, record, response)
        return response

    def _ended(self, call: Call, key: str, effect: Ended) -> None:
        context = call.section(SECTION, Contexts).contexts[key]
        if not context.is_over and not context.status and effect.branch.status:
            response = self._final(call, context, effect.branch)
            self._tell(call, context, effect.branch, response, is_branch_response=True)

    def _best(self, call: Call, key: str, _: Best) -> None:
        """Pass the best final response back, unless the application has named further targets meanwhile."""
        contexts = call.section(SECTION, Contexts).contexts
        context = contexts[key]
        if context.status or not context.is_over or key not in call.transactions.servers:
            return
        branch = best_of(context.branches, cancelled=context.cancelled)
        others = [other for other in context.branches if other is not branch]
        response = with_challenges(self._final(call, context, branch), others)
        self._tell(call, context, branch, response)
        context = contexts[key]
        if context.status or not context.is_over:
            return
        contexts[key] = answered(context, response.status)
        self._pass_back(call, context, response)

    def _final(self, call: Call, context: ResponseContext, branch: Branch) -> Response:
        """Return the final response of a branch as it is passed on, one made here if nobody sent it."""
        status = status_to_send(branch.status)
        if not branch.response:
            return make_response(transactions.request_of(call, context.key), status, to_tag=context.session)
        response = parse_message(branch.response)
        assert isinstance(response, Response)
        if status != response.status:
            response = Response(status, reason_phrase(status), response.headers, response.body)
        return response

    def _pass_back(self, call: Call, context: ResponseContext, response: Response) -> None:
        """Send a response to whoever asked, but for a 408 to what is no INVITE: it would only come too late.

        Source: RFC 4320 4.2.
        """
        record = call.section("sessions", Sessions).sips.get(context.session)
        if record is not None and response.status >= 200 and parties.is_last(call, record.id, response):
            record.state = "TERMINATED"
        if response.status != TIMEOUT or context.method == "INVITE":
            now = call.engine.now()
            self._container.defer(call, transactions.send_response(call, context.key, response, now))

    def _tell(
        self,
        call: Call,
        context: ResponseContext,
        branch: Branch,
        response: Response,
        *,
        is_branch_response: bool = False,
    ) -> None:
        """Tell the servlet of a response, if it wants to know."""
        record = call.section("sessions", Sessions).sips.get(context.session)
        if record is None or not context.supervised:
            return
        client = call.transactions.clients.get(branch.key)
        sent = transactions.request_of(call, branch.key if client is not None else context.key)
        address = ("", 0) if client is None else (client.flow.remote_host, client.flow.remote_port)
        proxy = ContainerProxy(self, call, context.key)
        facade = InboundResponse(
            self._container, call, record, response, sent, address, proxy, is_branch_response=is_branch_response
        )
        self._container.invoke(self._container.servlet_of(record), facade)

    def _pass_ack(self, call: Call, record: SipRecord, ack: Request) -> None:
        """Pass the ACK to a 2xx on; it belongs to no transaction, and who gets none repeats the 2xx."""
        try:
            found = onward(self._container, call, record, ack, Target(ack.uri), LOCAL, "", None)
        except NotRoutableError as error:
            log.info("call %s: an ACK is not passed on: %s", call.key, error)
            return
        transactions.send_directly(call, found.request, found.flow)


def _failed(context: ResponseContext) -> list[Branch]:
    return [branch for branch in context.branches if branch.state == "Completed"]


def _reasons(context: ResponseContext) -> tuple[str, ...]:
    """Return why the branches that are left are given up.

    Source: RFC 3326 2, 3.1.
    """
    if 200 <= context.status < 300:
        return ('SIP;cause=200;text="Call completed elsewhere"',)
    refused = next((branch.status for branch in context.branches if branch.status >= 600), 0)
    return (f"SIP;cause={refused}",) if refused else context.reasons
