"""The publications of applications, in the state store: one call for each address of record (RFC 3903)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

import msgspec

from server.engine.call import Call, peek_section
from server.servlet.errors import InvalidStateError
from server.servlet.publications import Published
from server.sip.usage.publication import Publication, alive, published
from server.sip.usage.subscription import key_of, package_of

if TYPE_CHECKING:
    from server.container.container import Container
    from server.container.messages import InboundRequest

SECTION = "publications"


class Publications(msgspec.Struct, array_like=True):
    """The section ``publications``: by event package, then by entity tag."""

    events: dict[str, dict[str, Publication]] = {}


class ContainerPublications:
    """Keeps what was published."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def publish(self, request: InboundRequest) -> None:
        """Do what a PUBLISH asks and answer it."""
        if request.method != "PUBLISH":
            raise InvalidStateError(f"{request.method} is no PUBLISH")
        call, event = request.call, package_of(key_of(request.message) or "")
        if not event:
            request.create_response(489).send()
            return
        section = call.section(SECTION, Publications)
        etag = self._container.ids.call_id()
        outcome = published(request.message, section.events.get(event, {}), etag, call.engine.now())
        before, after = (
            [one.body for one in kept.values()] for kept in (section.events.get(event, {}), outcome.publications)
        )
        section.events[event] = dict(outcome.publications)
        if before != after:
            self._container.watchers.changed(call, event)
        response = request.create_response(outcome.status)
        response.extra += outcome.headers
        response.send()

    def lookup(self, uri: str, event: str) -> Sequence[Published]:
        """Return what is published for a URI, the oldest first."""
        engine = self._container.engine
        found = engine.store.peek(engine.dispatch.publication_key(uri))
        if found is None:
            return ()
        now = engine.now()
        section = peek_section(found[1], SECTION, Publications)
        kept = alive(section.events.get(event, {}), now).values()
        return [Published(one.body, one.content_type, one.expires - now) for one in kept]

    def expire(self, call: Call, now: float) -> list[str]:
        """Forget what has run out; return the packages of which something has."""
        if not call.holds(SECTION):
            return []
        section = call.section(SECTION, Publications)
        kept = {event: alive(published, now) for event, published in section.events.items()}
        changed = [event for event, published in section.events.items() if len(kept[event]) < len(published)]
        section.events = {event: published for event, published in kept.items() if published}
        return changed

    def next_due(self, call: Call) -> float:
        """Return when the next publication runs out."""
        if not call.holds(SECTION):
            return inf
        events = call.section(SECTION, Publications).events.values()
        return min((one.expires for kept in events for one in kept.values()), default=inf)
