"""The engine: brings messages, timers and actions to the turns of their calls."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import gevent
from gevent.event import AsyncResult, Event

from server.clock import Clock
from server.config import EngineConfig
from server.engine.call import Call, CallKey, Item
from server.engine.call_queue import CallQueues
from server.engine.dispatch import Dispatch
from server.engine.outbound import Sender, send_outbound
from server.engine.overload import Overload
from server.engine.refusal import Refusals
from server.engine.targets import Addressing
from server.engine.timers import NearTimers
from server.engine.transactions import Delivery
from server.engine.trying import WAIT, WaitingInvites
from server.engine.turn import run_turn
from server.engine.work_classes import NO_LIMITS, WorkClasses, WorkClassStatistics
from server.errors import CallStateLockedError, TransportError
from server.greenlets import Greenlet, Workers, spawn
from server.sip.codec import parse_message
from server.sip.errors import MalformedMessageError
from server.sip.identity import ASSERTED, believed
from server.sip.ids import key_of_token
from server.sip.message import Request, Response
from server.sip.timers import TimerSettings
from server.state.near_cache import NearCache
from server.state.store import StateStore
from server.transport.answer import answer_flow
from server.transport.flow import Flow
from server.transport.trust import NOBODY, Trust

log = logging.getLogger(__name__)
R = TypeVar("R")

POLL = 0.5
"""Seconds between two polls of the state tier: the heartbeat, and what finds timers that no engine here knows."""


class TransactionUser(Protocol):
    """Who gets what the transactions deliver: the container."""

    def allowed(self, method: str) -> str:
        """Return the methods that are served where this one is not, empty where it is."""
        ...

    def stray(self, request: Request, flow: Flow) -> tuple[Request, Flow] | None:
        """Return how an ACK goes on, and where to, that belongs to no call; None when it does not."""
        ...

    def deliver(self, call: Call, delivery: Delivery) -> None:
        """Take one delivery."""
        ...

    def expire(self, call: Call, now: float) -> None:
        """Do what is due in the user's own sections."""
        ...

    def next_due(self, call: Call) -> float:
        """Return the user's next deadline, infinity for none."""
        ...

    def is_alive(self, call: Call) -> bool:
        """Say whether the call must be kept although nothing is due."""
        ...


@dataclass(frozen=True, slots=True)
class EngineStatistics:
    """Counts since the start, and how much is going on now."""

    messages: int
    malformed: int
    refused: int
    dropped: int
    failed_items: int
    busy_calls: int
    waiting_timers: int
    greenlets: int
    work_classes: Mapping[str, WorkClassStatistics]


class Engine:
    """One engine of the engine tier.

    Shape: ``transports`` maps the names of ``Flow.transport`` to senders; ``limits`` maps work classes to how much of
    each is done at the same time.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        config: EngineConfig,
        timers: TimerSettings,
        dispatch: Dispatch,
        transports: Mapping[str, Sender],
        limits: Mapping[str, float] = NO_LIMITS,
        trust: Trust = NOBODY,
    ) -> None:
        self.store = store
        self.timers = timers
        self.dispatch = dispatch
        self.transports = transports
        self.trust = trust
        self.user: TransactionUser
        self.addressing: Addressing
        self.now = store.now
        self.monotonic = clock.monotonic
        self.turn_items = config.turn_items
        self.turn_budget = config.turn_budget_ms / 1000
        self.lock_timeout = config.lock_timeout
        self.inactivity = config.inactivity
        self.session_expires = config.session_expires
        self.near_cache: NearCache[Call] = NearCache(config.near_cache_bytes)
        self.workers = Workers("call")
        self.work_classes = WorkClasses(self.workers, limits)
        self.queues = CallQueues(self.workers, self._work, self.work_classes)
        self.near_timers = NearTimers(self.now, self.wake)
        self.refusals = Refusals(transports, trust)
        self._overload = Overload(
            self.work_classes.of("sip"), self.refusals, lambda key: key in self.queues, self.near_timers.__contains__
        )
        self.waiting_invites = WaitingInvites(transports)
        self.failed_items = 0
        self._messages = 0
        self._malformed = 0
        self._watchers: list[Greenlet] = []

    def start(self) -> None:
        """Begin to poll the state tier, and to look after INVITEs that wait."""
        self._watchers = [spawn("state-tier-poll", self._poll), spawn("trying", self._watch_invites)]

    def stop(self, timeout: float) -> None:
        """Stop polling and end the workers when their calls are done, at the latest after ``timeout`` seconds.

        Switches: yes.
        """
        for watcher in self._watchers:
            watcher.kill(timeout=timeout)
        with gevent.Timeout(timeout, False):
            while len(self.queues):
                gevent.sleep(0.01)
        self.near_timers.stop()
        self.workers.stop()

    def statistics(self) -> EngineStatistics:
        """Return the present counts."""
        return EngineStatistics(
            self._messages,
            self._malformed,
            self.refusals.sent,
            self.queues.dropped,
            self.failed_items,
            len(self.queues),
            len(self.near_timers),
            self.workers.statistics().greenlets,
            self.work_classes.statistics(),
        )

    def on_datagram(self, data: bytes, flow: Flow) -> None:
        """Take the bytes of one message from a transport; never raises."""
        self._messages += 1
        try:
            message = parse_message(data)
        except MalformedMessageError as error:
            self.on_malformed(error, flow)
            return
        try:
            self._dispatch(message, flow)
        except Exception:
            log.exception("a message from %s could not be dispatched", flow)

    def on_malformed(self, error: MalformedMessageError, flow: Flow) -> None:
        """Answer what could not be parsed, if enough of it could be read; never raises."""
        self._malformed += 1
        log.info("malformed message from %s: %s", flow, error)
        if error.request is not None:
            self.refusals.refuse(error.request, flow, error.status_hint, str(error.reason))

    def on_failure(self, flow: Flow, reason: str, branch: str) -> None:
        """Take notice of what a transport could not deliver; the call of a request, which its branch names, is told."""
        log.info("%s failed: %s", flow, reason)
        key = key_of_token(branch)
        if key is not None:
            self.queues.enqueue(CallKey(key), Item("failure", flow=flow, reason=reason, branch=branch))

    def wake(self, key: CallKey) -> None:
        """Have the call look at its deadlines."""
        self.queues.enqueue(key, Item("timer"))

    def run(self, key: CallKey, action: Callable[[Call], R]) -> R:
        """Run an action as an item of the call's queue and return its result once the call state is stored.

        Errors: CallStateLockedError after ``lock_timeout`` seconds, or at once when too much waits; whatever the action
        raises.
        Switches: yes.
        """
        done: AsyncResult[R] = AsyncResult()
        context = copy_context()

        def act(call: Call) -> None:
            try:
                result = context.run(action, call)
            except Exception as error:  # noqa: BLE001 - it is raised again where the action was asked for
                done.set_exception(error)
                return
            call.stored.append(lambda error: done.set(result) if error is None else done.set_exception(error))

        self._enqueue_action(key, act)
        result: R = self._wait(done, key)
        return result

    @contextmanager
    def hold(self, key: CallKey) -> Iterator[Call]:
        """Check a call out for the length of a block in the caller's greenlet, as an item of the call's queue.

        Errors: CallStateLockedError when the call does not come free within ``lock_timeout`` seconds, when too much
        waits, or the block takes longer than that: then the call went on without it, and what it did late is lost.
        Switches: yes, before the block and behind it.
        """
        begun: AsyncResult[Call] = AsyncResult()
        ended = Event()
        stored: AsyncResult[None] = AsyncResult()

        def act(call: Call) -> None:
            if ended.is_set():
                return
            begun.set(call)
            if ended.wait(self.lock_timeout):
                call.stored.append(lambda error: stored.set() if error is None else stored.set_exception(error))
            else:
                call.stored.append(lambda _: self.near_cache.drop(key))
                stored.set_exception(CallStateLockedError(key, f"held for more than {self.lock_timeout:g} s"))

        self._enqueue_action(key, act)
        try:
            yield self._wait(begun, key)
        finally:
            ended.set()
            if begun.ready():
                self._wait(stored, key)

    def _enqueue_action(self, key: CallKey, act: Callable[[Call], None]) -> None:
        """Queue what an HTTP servlet wants done.

        Errors: CallStateLockedError when too much waits, for the call or for a turn.
        """
        work_class = self.work_classes.of("http")
        if work_class.is_full and key not in self.queues:
            work_class.refuse()
            raise CallStateLockedError(key, "too many others wait for a turn")
        if not self.queues.enqueue(key, Item("action", action=act)):
            raise CallStateLockedError(key, "too much waits for it")

    def _wait(self, result: AsyncResult[Any], key: CallKey) -> Any:
        """Return what comes of an item.

        Errors: CallStateLockedError after ``lock_timeout`` seconds; the error that came of it.
        """
        try:
            return result.get(timeout=self.lock_timeout)
        except gevent.Timeout:
            raise CallStateLockedError(key, f"busy for more than {self.lock_timeout:g} s") from None

    def deliver(self, call: Call, deliveries: list[Delivery]) -> None:
        """Hand deliveries to the transaction user, in order."""
        for delivery in deliveries:
            self.user.deliver(call, delivery)

    def lost(self, key: CallKey, item: Item) -> None:
        """Take an item whose call is not known: refuse it, unless it is a CANCEL whose INVITE was taken to another."""
        message = item.message
        if isinstance(message, Request) and message.method == "CANCEL":
            other = self.store.resolve(self.dispatch.cancel_name(message))
            if other is not None and other != key:
                self.queues.enqueue(CallKey(other), item)
                return
        self.refuse(item, 481)

    def refuse(self, item: Item, status: int) -> None:
        """Answer an item without a call; only requests are answered, and an ACK goes on if it was only passing."""
        if isinstance(item.message, Request) and item.flow is not None:
            self._without_call(item.message, item.flow, status)

    def _dispatch(self, message: Request | Response, flow: Flow) -> None:
        if ASSERTED.lower() in message.headers.first and flow.remote_host not in self.trust:
            message = believed(message)
        key, begins = self.dispatch.call_key_of(message)
        if isinstance(message, Request):
            checked = self.refusals.checked(message, flow, self.user.allowed(message.method))
            if checked is None:
                return
            if key is None:
                self._without_call(checked, flow, 481)
                return
            if begins and self._overload.refused(key, checked, flow):
                return
            message = checked
            flow = answer_flow(message.via, flow, self.trust)
            if message.method == "INVITE":
                self.waiting_invites.add(self.monotonic(), key, message, flow)
        if key is not None:
            self.queues.enqueue(key, Item("message", message, flow, begins=begins))

    def _watch_invites(self) -> None:
        while True:
            gevent.sleep(WAIT)
            try:
                self.waiting_invites.answer(self.monotonic(), self.queues)
            except Exception:
                log.exception("looking after INVITEs that wait failed")

    def _without_call(self, request: Request, flow: Flow, status: int) -> None:
        if request.method != "ACK":
            self.refusals.refuse(request, flow, status)
            return
        onward = self.user.stray(request, flow)
        if onward is None:
            return
        try:
            send_outbound(*onward, self.transports)
        except TransportError as error:
            log.info("an ACK could not be passed on: %s", error)

    def _work(self, key: CallKey, queue: deque[Item]) -> None:
        run_turn(key, queue, self)

    def _poll(self) -> None:
        while True:
            gevent.sleep(POLL)
            with self.work_classes.of("admin").admitted() as admitted:
                if admitted:
                    self._wake_due()

    def _wake_due(self) -> None:
        try:
            for checkout in self.store.poll().due:
                self.store.unlock(checkout)
                self.wake(CallKey(checkout.key))
        except Exception:
            log.exception("the state tier could not be polled")
