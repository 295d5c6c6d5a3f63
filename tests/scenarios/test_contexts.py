"""No dye ever leaks: messages of one call and of many, over one greenlet and over those that they start."""

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, cast

import gevent
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.greenlets import Workers
from server.http.listener import HttpListener
from server.http.session_key import SessionKeys
from server.http.wsgi import WsgiApplication
from server.servlet import (
    HttpRequest,
    HttpResponse,
    HttpServlet,
    ProxyOptions,
    ServletTimer,
    SipRequest,
    SipServlet,
    json_response,
)
from server.transport.flow import Flow
from tests.scenarios.woven import weaving
from tests.server.container.kit import House, Wire, lines
from weaver import context
from weaver.dye import names_of
from weaver.run import Weaver

MONITORS = """
[monitors.DyeInjection]
enabled = true
properties = { ADDR1 = "192.0.2.1", ADDR2 = "192.0.2.2", ADDR3 = "192.0.2.3", SIP_REQ = "MESSAGE", QUERY1 = "dyed=1" }
"""

PEERS = tuple(f"192.0.2.{number}" for number in range(1, 6))
DYE_OF = {"192.0.2.1": {"ADDR1"}, "192.0.2.2": {"ADDR2"}, "192.0.2.3": {"ADDR3"}}
OWN_CALL = "the-call"

Seen = tuple[set[str], str | None]

_examples = count()


class Sent(NamedTuple):
    """A message of a schedule: who sends it, in which call, what its servlet does, how long before the next."""

    peer: str
    method: str
    call_id: str
    steps: list[str]
    pause: int


def seen() -> Seen:
    return set(names_of(context.dye_vector())), context.context_id()


@pytest.fixture
def weaver(tmp_path: Path) -> Iterator[Weaver]:
    with weaving(tmp_path, MONITORS) as running:
        yield running


class Busy(SipServlet):
    """Does what the body of a request says, and notes wherever the dyes are not those of the request."""

    leaks: list[object] = []
    started: list[Any] = []
    identities: dict[str | None, str | None] = {}

    def do_message(self, request: SipRequest) -> None:
        dyes, identity = seen()
        self.identities[request.header("From")] = identity
        wanted = DYE_OF.get(request.remote_address[0], set()) | {"PROTOCOL_SIP"}
        self.check((dyes - {"SIP_REQ"}, identity), (wanted, identity))
        self.work(request.body.decode().split(), (dyes, identity))
        request.create_response(200).send()
        self.check(seen(), (dyes, identity))

    do_options = do_message

    def work(self, steps: list[str], mine: Seen) -> None:
        for place, step in enumerate(steps):
            if step == "switch":
                gevent.sleep(0)
            elif step == "thread":
                self.check(gevent.get_hub().threadpool.apply(seen), mine)
            elif step == "spawn":
                self.started.append(gevent.spawn(self.child, steps[place + 1 :], (set(mine[0]), mine[1])))  # noqa: TID251 - as somebody's servlet may
            elif step == "other":
                session = self.context.factory.create_application_session()
                self.check(session.run(lambda _: seen()), mine)
            elif step == "dye":
                context.set_application_dye("DYE_0")
                mine[0].add("DYE_0")
            self.check(seen(), mine)

    def child(self, steps: list[str], mine: Seen) -> None:
        self.check(seen(), mine)
        gevent.sleep(0)
        self.work(steps, mine)

    def check(self, found: Seen, wanted: Seen) -> None:
        if found != wanted:
            self.leaks.append((found, wanted))


class WatchedWire(Wire):
    """Looks at the dyes with which each message leaves: those of where it goes, and those that travel."""

    def send(self, data: bytes, flow: Flow) -> None:
        super().send(data, flow)
        wanted = DYE_OF.get(flow.remote_host, set()) | {"PROTOCOL_SIP"}
        dyes, identity = seen()
        known = Busy.identities[self.sent[-1].headers.get("from")]
        if (dyes - {"DYE_0"}, identity) != (wanted, known):
            Busy.leaks.append(((dyes, identity), (wanted, known)))


@pytest.fixture
def house(weaver: Weaver, build: Callable[..., House]) -> Iterator[House]:
    made = build(Busy, at_once=False)
    made.wire = WatchedWire(made.wire._transport)
    made.engine.transports["UDP"] = made.wire  # type: ignore[index]
    yield made
    Busy.started.clear()  # a greenlet holds its context, and that the gates of its dyes


steps = st.lists(st.sampled_from(["switch", "spawn", "spawn", "thread", "other", "dye"]), max_size=5)
others = st.builds(
    Sent,
    st.sampled_from(PEERS),
    st.sampled_from(["MESSAGE", "OPTIONS"]),
    st.integers(1, 50).map(str),
    steps,
    st.integers(0, 2),
)
pairs = st.tuples(
    *(
        st.builds(Sent, st.sampled_from(PEERS), st.just("MESSAGE"), st.just(OWN_CALL), steps, st.integers(0, 1))
        for _ in range(2)
    )
)


@st.composite
def schedules(draw: st.DrawFn) -> list[Sent]:
    """Two messages of one call, among messages of fifty others."""
    plan = draw(st.lists(others, min_size=1, max_size=12))
    for message in draw(pairs):
        plan.insert(draw(st.integers(0, len(plan))), message)
    return plan


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(plan=schedules())
def test_no_dye_ever_leaks(house: House, plan: list[Sent]) -> None:
    Busy.leaks.clear()
    Busy.started.clear()
    Busy.identities.clear()
    house.wire.sent.clear()
    host, port = house.node.udp.local
    example = next(_examples)

    for number, message in enumerate(plan):
        request = house.request(
            message.method,
            call_id=f"{example}-{message.call_id}",
            tag=f"t{number}",
            body=" ".join(message.steps).encode(),
        )
        request = request.with_first("Via", f"SIP/2.0/UDP {message.peer};branch=z9hG4bK-{example}-{number}")
        house.engine.on_datagram(request.wire(), Flow("UDP", host, port, message.peer, 5060))
        for _ in range(message.pause):
            gevent.sleep(0)
    house._settle()
    gevent.joinall(Busy.started, timeout=5)

    assert Busy.leaks == []
    assert len(house.wire.sent) == len(plan)
    assert [greenlet.exception for greenlet in Busy.started] == [None] * len(Busy.started)
    assert seen() == (set(), None)
    assert idle_workers(house) == [(set(), None)] * house.engine.workers.statistics().greenlets


def idle_workers(house: House) -> list[Seen]:
    """What a job sees in each worker that has nothing to do."""
    found: list[Seen] = []
    for _ in range(house.engine.workers.statistics().greenlets):
        house.engine.workers.run(lambda: found.append(seen()))
    gevent.sleep(0)
    gevent.sleep(0)
    return found


class Later(SipServlet):
    """Sets a timer, and notes what its request and its timer are worked on with."""

    noted: list[Seen] = []

    def do_message(self, request: SipRequest) -> None:
        self.noted.append(seen())
        self.context.timers.create_timer(request.application_session, 5.0)
        request.create_response(200).send()

    def timeout(self, timer: ServletTimer) -> None:
        self.noted.append(seen())


@pytest.mark.usefixtures("weaver")
def test_timer_begins_afresh(build: Callable[..., House]) -> None:
    Later.noted.clear()
    house = build(Later)
    house.receive(house.request("MESSAGE"))
    house.pass_time(6.0)

    (dyes, identity), (later, other) = Later.noted
    assert dyes == {"ADDR1", "SIP_REQ", "PROTOCOL_SIP"}
    assert later == set()
    assert other not in {identity, None}


class Proxying(SipServlet):
    def do_options(self, request: SipRequest) -> None:
        Later.noted.append(seen())
        request.create_proxy(ProxyOptions()).proxy_to("sip:bob@192.0.2.9")


@pytest.mark.usefixtures("weaver")
def test_what_becomes_of_a_message_that_cannot_be_sent_has_its_context(build: Callable[..., House]) -> None:
    Later.noted.clear()
    house = build(Proxying)
    house.wire.broken.add("192.0.2.9")
    sent: list[Seen] = []
    send = house.wire.send
    house.wire.send = lambda data, flow: (sent.append(seen()), send(data, flow))[1]  # type: ignore[method-assign]

    answers = house.receive(house.request("OPTIONS"))

    assert lines(answers) == ["500 OPTIONS"]
    ((_, identity),) = Later.noted
    assert [found for _, found in sent] == [identity, identity]


@pytest.mark.usefixtures("weaver")
def test_worker_takes_nothing_of_the_message_that_needed_it_first() -> None:
    workers, found = Workers("test"), list[Seen]()
    tokens = context.begin(1, {})
    workers.run(lambda: found.append(seen()))
    context.end(tokens)
    gevent.sleep(0)
    workers.stop()

    assert found == [(set(), None)]


class Showing(HttpServlet):
    """Answers with the dyes of a request, and the id of its context."""

    def do_get(self, request: HttpRequest) -> HttpResponse:
        del request
        dyes, identity = seen()
        return json_response(200, {"dyes": sorted(dyes), "id": identity})


class Streaming(HttpServlet):
    """Answers piece by piece, each with the dyes and the id as they are when it is made; notes those at the end."""

    PIECE = 1 << 16
    ended: list[Seen] = []

    def do_get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(self.pieces(request.args.get("pieces", 3, int)), mimetype="text/plain")

    def pieces(self, count: int) -> Iterator[str]:
        try:
            for _ in range(count):
                yield self.line()
                gevent.sleep(0)
        finally:
            self.ended.append(seen())

    def line(self) -> str:
        dyes, identity = seen()
        return f"{','.join(sorted(dyes))} {identity}".ljust(self.PIECE) + "\n"


@pytest.fixture
def connection(weaver: Weaver) -> Iterator[HTTPConnection]:
    Streaming.ended.clear()
    servlets = {"/": Showing(cast("Any", None)), "/stream": Streaming(cast("Any", None))}
    application = WsgiApplication(
        {path: (servlet, cast("Any", None)) for path, servlet in servlets.items()}, SessionKeys(b"secret")
    )
    listener = HttpListener("127.0.0.1", 0, application)
    listener.start()
    client = HTTPConnection(*listener.local, timeout=5)
    yield client
    client.close()
    listener.stop(1.0)


def test_requests_of_one_connection_have_each_their_own_dyes(connection: HTTPConnection) -> None:
    shown = []
    for path in ("/?dyed=1", "/", "/?dyed=1"):
        connection.request("GET", path)
        shown.append(json.loads(connection.getresponse().read()))

    assert [one["dyes"] for one in shown] == [
        ["PROTOCOL_HTTP", "QUERY1"],
        ["PROTOCOL_HTTP"],
        ["PROTOCOL_HTTP", "QUERY1"],
    ]
    assert len({one["id"] for one in shown}) == 3


def test_stream_has_the_context_of_its_request_to_the_last_piece_and_the_next_request_has_none_of_it(
    connection: HTTPConnection,
) -> None:
    shown = []
    for path in ("/stream?dyed=1", "/stream", "/"):
        connection.request("GET", path)
        shown.append(connection.getresponse().read().decode().split())

    (dyed, identity), (plain, other) = ((set(words[::2]), set(words[1::2])) for words in shown[:2])
    assert (dyed, plain) == ({"PROTOCOL_HTTP,QUERY1"}, {"PROTOCOL_HTTP"})
    assert (len(identity), len(other), identity & other) == (1, 1, set())
    assert Streaming.ended == [
        ({"PROTOCOL_HTTP", "QUERY1"}, identity.pop()), ({"PROTOCOL_HTTP"}, other.pop()),
    ]  # fmt: skip
    assert '"dyes": ["PROTOCOL_HTTP"]' in " ".join(shown[2])


def test_stream_ends_in_the_context_of_its_request_when_the_client_goes_away(connection: HTTPConnection) -> None:
    connection.request("GET", "/stream?dyed=1&pieces=100000")
    response = connection.getresponse()
    line = response.read(Streaming.PIECE).decode().split()

    response.close()
    connection.close()
    while not Streaming.ended:
        gevent.sleep(0)

    ((dyes, identity),) = Streaming.ended
    assert (",".join(sorted(dyes)), identity) == tuple(line)


def test_work_class_dyes_what_is_worked_on_in_it(weaver: Weaver, build: Callable[..., House]) -> None:
    Later.noted.clear()
    weaver.registry.set("DyeInjection", properties={"EXECQ": "timer", "THREADGROUP": "sip"})
    house = build(Later)
    house.receive(house.request("MESSAGE"))
    house.pass_time(6.0)

    assert [dyes for dyes, _ in Later.noted] == [{"PROTOCOL_SIP", "THREADGROUP"}, {"EXECQ"}]
