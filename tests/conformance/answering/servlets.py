from server.servlet import SipRequest, SipServlet

SDP = "application/sdp"


class AnsweringServlet(SipServlet):
    """Is always busy, takes every message, binds every contact."""

    def do_invite(self, request: SipRequest) -> None:
        if request.content_type != SDP:
            response = request.create_response(415)
            response.set_header("Accept", SDP)
        elif SDP not in (request.header("Accept") or SDP):
            response = request.create_response(406)
        else:
            response = request.create_response(486)
        response.send()

    def do_message(self, request: SipRequest) -> None:
        response = request.create_response(200)
        response.set_header("X-Body-Length", str(len(request.body)))
        response.send()

    def do_register(self, request: SipRequest) -> None:
        self.context.registrar.register(request)
