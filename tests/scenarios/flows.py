"""Parties of the basic flows: proxies of the house, and phones that are written down message by message."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from server.servlet import ProxyOptions, SipRequest, SipServlet
from server.sip.auth_client import Account, answer
from server.sip.build import make_request, make_response
from server.sip.message import Request, Response
from tests.server.container.kit import House, lines

Message = Request | Response
Address = tuple[str, int]

OFFER = b"v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace(b"192.0.2.1", b"192.0.2.2")
SDP = "application/sdp"
BRANCHES = count(1)


class Proxying(SipServlet):
    """Registers, and passes on with Record-Route; with the setting ``asks`` it wants to know who sends an INVITE."""

    def do_register(self, request: SipRequest) -> None:
        self.context.registrar.register(request)

    def do_invite(self, request: SipRequest) -> None:
        registrar = self.context.registrar
        if self.context.settings.get("asks") and registrar.authenticate(request, proxy=True) is None:
            return
        targets = registrar.lookup(request.uri)
        if not targets and registrar.serves(request.uri):
            request.create_response(480).send()
            return
        request.create_proxy(ProxyOptions(record_route=True)).proxy_to(*(targets or [request.uri]))


class Redirecting(SipServlet):
    def do_invite(self, request: SipRequest) -> None:
        response = request.create_response(302)
        response.set_header("Contact", f"<{self.context.settings['elsewhere']}>")
        response.send()


@dataclass
class Phone:
    """A phone that says what the test makes it say."""

    user: str
    address: Address
    domain: str
    tag: str = ""
    number: int = 0
    remote: str = ""
    routes: Sequence[str] = ()
    target: str = ""
    call_id: str = ""
    asked: list[tuple[Response, Account]] = field(default_factory=list)

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.address[0]}:{self.address[1]}>"

    def request(
        self, method: str, body: bytes = b"", *extra: tuple[str, str], number: int = 0, contact: str = ""
    ) -> Request:
        """Make a request: with a target in the dialog, else to ``remote``."""
        self.number = number or self.number + 1
        host, port = self.address
        uri = self.target or self.remote.partition("<")[2].partition(">")[0]
        return make_request(
            method, uri, via=f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK-f{next(BRANCHES)}",
            from_=f"<sip:{self.user}@{self.domain}>;tag={self.tag or self.user}", to=self.remote,
            call_id=self.call_id or f"{self.user}-call", cseq=self.number, contact=contact or self.contact,
            routes=self.routes, extra=extra, body=body, content_type=SDP,
        )  # fmt: skip

    def reply(self, request: Request, status: int, body: bytes = b"") -> Response:
        """Answer a request, and remember the dialog that this makes."""
        if status < 300 and request.method == "INVITE":
            self.remote, self.call_id = request.headers.get("from") or "", request.call_id
            self.routes = [str(route) for route in request.record_routes]
            self.target = request.contacts[0].uri
        return make_response(
            request, status, to_tag=self.tag or self.user, contact=self.contact, body=body, content_type=SDP
        )

    def take(self, ok: Message) -> None:
        """Remember the dialog that a 2xx makes."""
        assert isinstance(ok, Response)
        self.remote, self.target = ok.headers.get("to") or "", ok.contacts[0].uri
        self.routes = [str(route) for route in reversed(ok.record_routes)]

    def again(self, request: Request, challenge: Message, account: Account) -> Request:
        """Make a refused request with credentials for this challenge and those before; each use of one is counted."""
        assert isinstance(challenge, Response)
        self.asked.append((challenge, account))
        bare = request.without("Authorization").without("Proxy-Authorization")
        credentials = [
            line
            for count, (asked, known) in zip(range(len(self.asked), 0, -1), self.asked, strict=True)
            for line in answer(asked, bare, frozenset({"proxy"}), (known,), 0, "cnonce", count)
        ]
        return self.request(request.method, request.body, *credentials)


def address_of(house: House) -> Address:
    host, port = house.node.udp.local
    return str(host), int(port)


def domain_of(house: House) -> str:
    host, port = address_of(house)
    return f"{host}:{port}"


def only(messages: Sequence[Message], line: str) -> Message:
    """Return the one message there is, which reads so in short."""
    assert lines(messages) == [line]
    return messages[0]


def named(messages: Sequence[Message], line: str) -> Message:
    """Return the one message that reads so in short."""
    (found,) = [message for message in messages if lines([message]) == [line]]
    return found


def along(message: Message, came_from: Address, *way: House) -> Message:
    """Have a message pass one proxy after another; return it as the last one sends it, 100 and the like left out."""
    line = lines([message])[0]
    for house in way:
        message = named(house.receive(message, came_from), line)
        came_from = address_of(house)
    return message
