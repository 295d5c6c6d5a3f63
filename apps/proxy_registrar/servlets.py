"""A registrar and proxy: requests for a registered address go to its phones, all others out into the world."""

from server.servlet import (
    ProxyOptions,
    Registration,
    ServletContext,
    SipRequest,
    SipServlet,
    SipUri,
    parse_uri,
    unescape,
    uris_equal,
)


class ProxyRegistrarServlet(SipServlet):
    """Registers phones and passes on to them whatever is for their address of record."""

    def __init__(self, context: ServletContext) -> None:
        super().__init__(context)
        settings = context.settings
        self._redirects = bool(settings["redirect"])
        self._options = ProxyOptions(
            record_route=settings["record_route"],
            parallel=settings["parallel"],
            recurse=settings["recurse"],
            supervised=False,
            path=settings["path"],
            session_expires=int(settings["session_expires"]),
            timeout=float(settings["ring_time"]),
        )

    def do_register(self, request: SipRequest) -> None:
        """Register a phone of this server, or pass the request on to the registrar that it is for."""
        if self.context.registrar.serves(request.uri):
            self.context.registrar.register(request)
        else:
            self.do_other(request)

    def do_options(self, request: SipRequest) -> None:
        """Answer a question about this server itself, pass on one about a phone."""
        if "@" in request.uri:
            self.do_other(request)
        else:
            super().do_options(request)

    def do_other(self, request: SipRequest) -> None:
        """Pass a request on, or say where to send it."""
        proxy = None if self._redirects else request.create_proxy(self._options)
        sender = self._sender(request)
        if sender is None:
            return
        if proxy is not None and sender:
            proxy.assert_identity(sender)
        targets = self._targets(request)
        if not targets:
            request.create_response(480).send()
        elif proxy is None:
            self._redirect(request, targets)
        else:
            proxy.proxy_to(*targets)

    do_invite = do_info = do_message = do_update = do_bye = do_prack = do_notify = do_other

    def _targets(self, request: SipRequest) -> list[str | Registration]:
        """Return the phones of an address, or the address itself if it is not for this server to know them."""
        registrar = self.context.registrar
        found: list[str | Registration] = [*registrar.lookup(request.uri)]
        return found if found or registrar.serves(request.uri) else [request.uri]

    def _sender(self, request: SipRequest) -> str | None:
        """Return the address that the sender has proved to be his, empty for none; None after he was refused.

        Who claims to be one of this server's users, and who wants to reach the world through it, must prove it; nobody
        is vouched for by an address of another server.
        """
        registrar = self.context.registrar
        if not registrar.serves(request.from_uri) and registrar.serves(request.uri):
            return ""
        user = registrar.authenticate(request, proxy=not self._redirects)
        if user is None:
            return None
        sender = parse_uri(request.from_uri)
        is_known = registrar.serves(request.from_uri) or not registrar.asks
        if not isinstance(sender, SipUri) or user != unescape(sender.user or "") or not is_known:
            request.create_response(403).send()
            return None
        return request.from_uri if registrar.asks else ""

    def _redirect(self, request: SipRequest, targets: list[str | Registration]) -> None:
        """Answer with the contacts, but for one that is where the request has been sent already."""
        asked = parse_uri(request.uri)
        contacts = [target for target in targets if not uris_equal(parse_uri(_uri(target)), asked)]
        if not contacts:
            request.create_response(480).send()
            return
        response = request.create_response(302)
        response.set_header("Contact", ", ".join(f"<{_uri(target)}>{_preference(target)}" for target in contacts))
        response.send()


def _uri(target: str | Registration) -> str:
    return target if isinstance(target, str) else target.contact


def _preference(target: str | Registration) -> str:
    return "" if isinstance(target, str) else f";q={target.q:.3g};expires={round(target.expires_in)}"
