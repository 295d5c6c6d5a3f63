"""A registrar, an answer to OPTIONS, and a relay of everything else to where its Request-URI leads."""

from server.servlet import B2buaServlet, SipRequest


class RelayServlet(B2buaServlet):
    def do_register(self, request: SipRequest) -> None:
        self.context.registrar.register(request)

    def do_options(self, request: SipRequest) -> None:
        request.create_response(200).send()
