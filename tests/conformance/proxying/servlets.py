"""A proxy that does what the request tells it.

``X-Targets`` says where to, ``X-Proxy`` how, ``X-Then`` where to when all that has failed, ``X-Answer`` with what to
answer when one target has failed.
"""

from itertools import count

from server.servlet import ProxyOptions, Registration, SipRequest, SipResponse, SipServlet


class ProxyingServlet(SipServlet):
    """Remembers what it has seen in ``seen``: ``(what, status or method)``.

    With ``ring`` it sends everything on to all proxies there but itself, to a new user each time.
    """

    seen: list[tuple[str, int | str]] = []
    ring: tuple[str, ...] = ()
    users = count()

    def do_other(self, request: SipRequest) -> None:
        words = (request.header("X-Proxy") or "").split()
        options = ProxyOptions(
            record_route="record-route" in words,
            parallel="sequential" not in words,
            recurse="no-recursion" not in words,
            timeout=next((float(word.partition("=")[2]) for word in words if word.startswith("timeout=")), 0.0),
        )
        proxy = request.create_proxy(options)
        proxy.proxy_to(*self.targets(request))

    do_invite = do_bye = do_options = do_register = do_info = do_message = do_update = do_other

    def do_cancel(self, request: SipRequest) -> None:
        self.seen.append(("cancel", request.method))

    def do_proxied_request(self, request: SipRequest) -> None:
        self.seen.append(("proxied", request.method))

    def do_branch_response(self, response: SipResponse) -> None:
        self.seen.append(("branch", response.status))
        final = response.request.header("X-Answer")
        if final:
            assert response.proxy is not None
            response.proxy.original_request.create_response(int(final)).send()

    def do_response(self, response: SipResponse) -> None:
        self.seen.append(("response", response.status))
        again = response.request.header("X-Then")
        if again and response.status >= 300:
            assert response.proxy is not None
            response.proxy.proxy_to(again)

    def targets(self, request: SipRequest) -> list[str | Registration]:
        if self.ring:
            self.seen.append(("received", request.method))
            others = [address for address in self.ring if address != self.context.server["sip_address"]]
            return [f"sip:x{next(self.users)}@{address}" for address in others]
        found: list[str | Registration] = []
        for text in (request.header("X-Targets") or request.uri).split():
            uri, _, q = text.partition("|")
            found.append(Registration(uri, 60.0, float(q)) if q else uri)
        return found
