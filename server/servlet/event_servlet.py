"""A servlet that tells of presence, calls, waiting messages and registrations: an event server.

What phones publish is kept and told as it is, the newest where there are several; registrations are those of this
server. A watcher is told at once, and whenever what it watches changes.

Source: RFC 3856, RFC 4235, RFC 3842, RFC 3680; RFC 3903.
"""

from __future__ import annotations

from server.servlet.messages import SipRequest
from server.servlet.sessions import SipSession
from server.servlet.sip_servlet import SipServlet
from server.sip.uri import SipUri, parse_uri, unescape
from server.sip.usage.packages import PACKAGES, REG, Contact, nothing_known, reginfo

RESOURCE, VERSION = "resource", "version"
"""Attributes of the session of a watcher: what it watches, and how often it was told."""


class EventServlet(SipServlet):
    """Serves SUBSCRIBE and PUBLISH of the packages in ``events``; who has a password is asked for it."""

    events = tuple(PACKAGES)
    watches = True

    def do_subscribe(self, request: SipRequest) -> None:
        """Accept a watcher, of what is private its owner only."""
        package = PACKAGES[event_of(request)]
        if not self._is_accepted(request, package.media_type):
            request.create_response(406).send()
            return
        if request.is_initial:
            if not self._may(request, owner=package.is_private):
                return
            request.session.set_attribute(RESOURCE, request.uri)
        request.create_response(200).send()

    def do_publish(self, request: SipRequest) -> None:
        """Keep what the owner of an address publishes."""
        package = PACKAGES[event_of(request)]
        if request.body and (request.content_type or "").partition(";")[0].strip().lower() != package.media_type:
            response = request.create_response(415)
            response.set_header("Accept", package.media_type)
            response.send()
        elif self._may(request, owner=True):
            self.context.publications.publish(request)

    def notification(self, session: SipSession, event: str) -> tuple[bytes, str | None]:
        """Return what there is to tell now."""
        package, resource = PACKAGES[event], str(session.get_attribute(RESOURCE) or "")
        told = session.get_attribute(VERSION)
        version = told if isinstance(told, int) else 0
        session.set_attribute(VERSION, version + 1)
        if event == REG:
            found = [Contact(one.contact, one.expires_in) for one in self.context.registrar.lookup(resource)]
            return reginfo(resource, found, version), package.media_type
        published = self.context.publications.lookup(resource, event)
        if published:
            return published[-1].body, published[-1].content_type
        return nothing_known(package, resource, version), package.media_type

    def _may(self, request: SipRequest, *, owner: bool) -> bool:
        """Say whether the sender may do what he asks for; if not, the request was answered."""
        registrar = self.context.registrar
        if not registrar.asks:
            return True
        user = registrar.authenticate(request)
        if user is None:
            return False
        if owner and user != _user_of(request.uri):
            request.create_response(403).send()
            return False
        return True

    @staticmethod
    def _is_accepted(request: SipRequest, media_type: str) -> bool:
        lines = request.headers("Accept")
        accepted = {one.partition(";")[0].strip().lower() for line in lines for one in line.split(",")}
        kind = media_type.partition("/")[0]
        return not lines or not accepted.isdisjoint({media_type, f"{kind}/*", "*/*"})


def event_of(request: SipRequest) -> str:
    """Return the package of a request; the container has refused those that are not in ``events``."""
    return (request.header("Event") or "").partition(";")[0].strip()


def _user_of(text: str) -> str:
    uri = parse_uri(text)
    return unescape(uri.user or "") if isinstance(uri, SipUri) else ""
