"""Who watches whom: watchers are calls of their own, and what they watch (publications, registrations) are others.

What is watched knows the calls of its watchers, and has each tell its peer once a change is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

import msgspec

from server.container import subscriptions
from server.container.records import Sessions, SipRecord
from server.engine.call import Call, CallKey, Item
from server.sip.usage.packages import REG
from server.sip.usage.subscription import package_of

if TYPE_CHECKING:
    from server.container.container import Container

SECTION = "watchers"

MAX_WATCHERS = 200
"""Of one address and all its packages; the call state has to hold them."""

log = logging.getLogger(__name__)


class Watcher(msgspec.Struct, frozen=True, array_like=True):
    """One watcher: its call, its session, what it watches and until when, which is a deadline."""

    key: str
    session: str
    event: str
    expires: float


class Watchers(msgspec.Struct, array_like=True):
    """The section ``watchers``, by session and event."""

    watchers: dict[str, Watcher] = {}


class ContainerWatchers:
    """Joins watchers with what they watch."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def watch(self, call: Call, record: SipRecord, key: str) -> None:
        """Have a session be told of changes while its subscription lasts; ``key`` is that of the subscription."""
        held = record.subscriptions.get(key)
        event, expires = package_of(key), 0.0 if held is None else held.expires
        watcher = Watcher(call.key, record.id, event, expires)

        def add(watched: Call) -> None:
            watchers, name = watched.section(SECTION, Watchers).watchers, f"{watcher.session} {event}"
            if len(watchers) < MAX_WATCHERS or name in watchers:
                watchers[name] = watcher
            else:
                log.info("call %s: one watcher too many is not told of changes", watched.key)

        self._then(call, self._key_of(event, record.watched), add)

    def changed(self, call: Call, event: str) -> None:
        """Have the watchers of a call be told that what it holds has changed, once that is stored."""
        if not call.holds(SECTION):
            return
        now = call.engine.now()
        for watcher in call.section(SECTION, Watchers).watchers.values():
            if watcher.event == event and watcher.expires > now:
                self._then(call, CallKey(watcher.key), self._telling(watcher))

    def expire(self, call: Call, now: float) -> None:
        """Forget the watchers whose time is over."""
        if call.holds(SECTION):
            section = call.section(SECTION, Watchers)
            section.watchers = {name: one for name, one in section.watchers.items() if one.expires > now}

    def next_due(self, call: Call) -> float:
        """Return when the next watcher is forgotten."""
        if not call.holds(SECTION):
            return inf
        return min((one.expires for one in call.section(SECTION, Watchers).watchers.values()), default=inf)

    def _telling(self, watcher: Watcher) -> Callable[[Call], None]:
        def tell(call: Call) -> None:
            record = call.section("sessions", Sessions).sips.get(watcher.session)
            if record is None or record.state == "TERMINATED":
                return
            for key, held in list(record.subscriptions.items()):
                if held.is_notifier and package_of(key) == watcher.event:
                    subscriptions.tell(self._container, call, record, key)

        return tell

    def _key_of(self, event: str, resource: str) -> CallKey:
        dispatch = self._container.engine.dispatch
        if event != REG:
            return dispatch.publication_key(resource)
        return dispatch.registration_key(self._container.routing.canonical(resource))

    @staticmethod
    def _then(call: Call, key: CallKey, action: Callable[[Call], None]) -> None:
        """Have another call do something once this one is stored."""

        def go_on(error: Exception | None) -> None:
            if error is None:
                call.engine.queues.enqueue(key, Item("action", action=action))

        call.stored.append(go_on)
