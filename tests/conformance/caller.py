"""A scripted caller of proxies, and what its callees do."""

from server.node import Node
from tests.conformance.peer import Call, Message, UdpPeer, answer

APPLICATION, SECOND = "tests.conformance.proxying", "tests.conformance.passing"
FAST = {"t1": 0.01, "t2": 0.04, "t4": 0.05}

Seen = list[tuple[str, int | str]]


class Caller:
    """A scripted caller: one call, its requests inside the dialog made from the answer."""

    def __init__(self, peer: UdpPeer, node: Node, uri: str) -> None:
        self.peer, self.node = peer, node
        self.call = Call(uri, peer.sent_by)
        self.invite = b""

    def send(self, method: str, *lines: str, body: str = "", to: str = "") -> bytes:
        sent = self.call.request(method, *lines, body=body, to=to)
        self.peer.send(sent, self.node.udp.local)
        return sent

    def start(self, *lines: str, body: str = "") -> None:
        self.invite = self.send("INVITE", *lines, body=body)

    def cancel(self) -> None:
        self.peer.send(self.invite.replace(b"INVITE", b"CANCEL"), self.node.udp.local)

    def again(self, method: str, answered: Message) -> None:
        """Send a request inside the dialog that an answer made, by its Contact and Record-Route."""
        self.call.uri = answered["Contact"].partition("<")[2].partition(">")[0]
        routes = [f"Route: {value}" for value in reversed(record_routes(answered))]
        self.send(method, *routes, to=answered["To"])

    def receive(self, *, until: int = 100) -> Message:
        """Return the first response of at least that status."""
        while True:
            message = self.peer.receive()
            if message.start.startswith("SIP/2.0") and message.status >= until:
                return message


def record_routes(message: Message) -> list[str]:
    """Return the values of Record-Route, over all lines."""
    return [value for line in message.all("Record-Route") for value in line.split(", ")]


def targets(*peers: UdpPeer | str) -> str:
    return "X-Targets: " + " ".join(peer if isinstance(peer, str) else f"sip:bob@{peer.sent_by}" for peer in peers)


def reply(peer: UdpPeer, node: Node, request: Message, status: str, *lines: str, tag: str = "callee") -> None:
    peer.send(answer(request, status, *lines, tag=tag), node.udp.local)


def contact(peer: UdpPeer) -> str:
    return f"Contact: <sip:bob@{peer.sent_by}>"


def is_quiet(peer: UdpPeer) -> bool:
    """Say whether nothing has come by the time that another message has gone all the way round."""
    peer.socket.settimeout(0.05)
    try:
        peer.receive()
    except TimeoutError:
        return True
    finally:
        peer.socket.settimeout(3.0)
    return False


def next_request(peer: UdpPeer) -> Message:
    while True:
        message = peer.receive()
        if not message.start.startswith(("SIP/2.0", "INVITE ")):
            return message


def established(alice: Caller, node: Node, callee: UdpPeer, *lines: str) -> tuple[Message, Message]:
    """Return the INVITE as it came to the callee and the 200 as it came to the caller."""
    alice.start(targets(callee), "X-Proxy: record-route", *lines)
    invite = callee.receive()
    reply(callee, node, invite, "200 OK", contact(callee))
    return invite, alice.receive(until=200)
