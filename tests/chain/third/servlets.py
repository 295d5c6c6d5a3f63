from server.servlet import B2buaServlet, SipRequest, SipResponse


class ThirdServlet(B2buaServlet):
    def service(self, message: SipRequest | SipResponse) -> None:
        super().service(message)
