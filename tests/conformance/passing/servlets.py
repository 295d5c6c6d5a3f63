"""A second proxy of the chain: passes everything on to where it leads, and stays in the way."""

from server.servlet import ProxyOptions, SipRequest
from tests.conformance.proxying.servlets import ProxyingServlet


class PassingServlet(ProxyingServlet):
    seen: list[tuple[str, int | str]] = []

    def do_other(self, request: SipRequest) -> None:
        request.create_proxy(ProxyOptions(record_route=True)).proxy_to(request.uri)

    do_invite = do_bye = do_options = do_register = do_info = do_message = do_update = do_other
