from server.servlet import B2buaServlet, SipRequest, SipResponse


class SecondServlet(B2buaServlet):
    def service(self, message: SipRequest | SipResponse) -> None:
        super().service(message)
