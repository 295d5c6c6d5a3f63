"""The locator's cache and its look-ups, with a resolver that a test gives."""

import gevent
import pytest
from gevent.event import Event
from gevent.queue import Queue

from server.errors import TransportError
from server.sip.uri import SipUri, parse_uri
from server.transport import locator as module
from server.transport.flow import Flow
from server.transport.locate import Served, Target
from server.transport.locator import Answer, Locator

SERVED = Served(frozenset({"UDP"}), ("A",))


class Resolver:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open = Event()
        self.open.set()
        self.ttl = 60.0

    def query(self, name: str, kind: str) -> Answer:
        self.asked.append(name)
        self.open.wait(2)
        if name.startswith("broken"):
            raise RuntimeError("broken resolver")
        return Answer(("192.0.2.1",), self.ttl)


class Rig:
    def __init__(self, entries: int = 10) -> None:
        self.now = 0.0
        self.resolver = Resolver()
        self.found: Queue[tuple[Flow, ...]] = Queue()
        self.locator = Locator(self.resolver, SERVED, self.flow_to, lambda: self.now, lambda: 0.0, entries)

    def flow_to(self, target: Target) -> Flow:
        if target.port == 1:
            raise TransportError("somewhere", "no way there")
        return Flow(target.transport, "127.0.0.1", 5060, target.host, target.port)

    def look_up(self, host: str = "a.example") -> tuple[Flow, ...]:
        self.locator.look_up(uri(host), self.found.put)
        return self.found.get(timeout=2)

    def known(self, host: str = "a.example") -> tuple[Flow, ...] | None:
        return self.locator.known(uri(host))


def uri(host: str) -> SipUri:
    parsed = parse_uri(f"sip:{host}:5060")
    assert isinstance(parsed, SipUri)
    return parsed


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_name_is_unknown_until_it_was_looked_up(rig: Rig) -> None:
    assert rig.known() is None

    found = rig.look_up()

    assert [flow.remote_host for flow in found] == ["192.0.2.1"]
    assert rig.known() == found
    assert rig.resolver.asked == ["a.example"]


def test_answer_lives_for_its_time(rig: Rig) -> None:
    rig.look_up()

    rig.now = 59.9
    before = rig.known()
    rig.now = 60.0

    assert before is not None
    assert rig.known() is None


def test_time_to_live_is_bounded(rig: Rig) -> None:
    rig.resolver.ttl = 1e9
    rig.look_up()

    rig.now = module.MAX_TTL

    assert rig.known() is None


def test_cache_is_bounded_and_drops_the_oldest() -> None:
    rig = Rig(entries=2)

    for host in ("a.example", "b.example", "c.example"):
        rig.look_up(host)

    assert rig.locator.statistics().cached == 2
    assert [rig.known(host) is None for host in ("a.example", "b.example", "c.example")] == [True, False, False]


def test_those_who_ask_for_the_same_name_share_one_question(rig: Rig) -> None:
    rig.resolver.open.clear()
    for _ in range(3):
        rig.locator.look_up(uri("a.example"), rig.found.put)
    gevent.idle()
    pending = rig.locator.statistics().pending
    rig.resolver.open.set()

    assert len({rig.found.get(timeout=2) for _ in range(3)}) == 1
    assert pending == 1
    assert rig.resolver.asked == ["a.example"]


def test_too_many_questions_at_once_are_refused(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PENDING", 1)
    rig.resolver.open.clear()
    rig.locator.look_up(uri("a.example"), rig.found.put)

    rig.locator.look_up(uri("b.example"), rig.found.put)

    assert rig.found.get(timeout=2) == ()
    assert rig.locator.statistics().refused == 1
    rig.resolver.open.set()
    assert rig.found.get(timeout=2)


def test_resolver_that_raises_gives_no_targets(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    assert rig.look_up("broken.example") == ()
    assert "could not be looked up" in caplog.text


def test_target_without_a_way_is_passed_over(rig: Rig) -> None:
    parsed = parse_uri("sip:a.example:1")
    assert isinstance(parsed, SipUri)

    rig.locator.look_up(parsed, rig.found.put)

    assert rig.found.get(timeout=2) == ()
