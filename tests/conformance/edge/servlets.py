"""A registrar and proxy: phones register, and are found over the flows that they keep."""

from server.servlet import NotRoutableError, ProxyOptions, SipRequest, SipServlet


class EdgeServlet(SipServlet):
    def do_register(self, request: SipRequest) -> None:
        self.context.registrar.register(request)

    def do_invite(self, request: SipRequest) -> None:
        found = self.context.registrar.lookup(request.uri)
        if not found:
            raise NotRoutableError(404, "nobody of that name")
        request.create_proxy(ProxyOptions(record_route=True)).proxy_to(*found)
