"""A client: sends a MESSAGE or REGISTER of its own, follows redirections and Service-Routes."""

from server.servlet import SipRequest, SipResponse, SipServlet


class FollowingServlet(SipServlet):
    def do_message(self, request: SipRequest) -> None:
        self.send(request, "MESSAGE")

    def do_options(self, request: SipRequest) -> None:
        self.send(request, "REGISTER")

    def send(self, request: SipRequest, method: str) -> None:
        request.create_response(200).send()
        target = request.header("X-Targets") or ""
        self.context.factory.create_request(request.application_session, method, "sip:client@127.0.0.1", target).send()

    def do_success_response(self, response: SipResponse) -> None:
        if response.method == "REGISTER":
            message = self.context.factory.create_request(
                response.application_session, "MESSAGE", "sip:client@127.0.0.1", "sip:bob@192.0.2.2"
            )
            routes = [route.strip() for line in response.headers("Service-Route") for route in line.split(",")]
            for route in reversed(routes):
                message.push_route(route[1:-1])
            message.send()

    def do_error_response(self, response: SipResponse) -> None:
        again = response.create_redirected()
        if again is not None:
            again.send()
