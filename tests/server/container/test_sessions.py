"""Application, SIP and HTTP sessions: attributes, children, timers, the end."""

from collections.abc import Callable
from typing import Any

import pytest

from server.container.factory import HTTP_IDLE, IDLE
from server.container.sessions import ContainerApplicationSession, ContainerHttpSession
from server.servlet import InvalidSessionError, InvalidStateError, SipServlet
from tests.server.container.kit import House, lines


class Clockwork(SipServlet):
    """Remembers the timers that fired; fails on those whose info is ``fail``."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.fired: list[object] = []

    def timeout(self, timer: Any) -> None:
        self.fired.append((timer.info, timer.application_session.get_attribute("x")))
        if timer.info == "fail":
            raise KeyError("the servlet's own")


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build(Clockwork)


@pytest.fixture
def session(house: House) -> ContainerApplicationSession:
    return house.factory().create_application_session()


@pytest.fixture
def browser(house: House) -> ContainerHttpSession:
    opened = house.factory().open_http_session(None, create=True)
    assert opened is not None
    return opened


def test_attributes_are_kept_between_turns(session: ContainerApplicationSession) -> None:
    def change(own: ContainerApplicationSession) -> None:
        own.set_attribute("a", {"b": [1, 2.5, None, True, "x", b"y"]})
        own.set_attribute("c", 1)
        own.remove_attribute("c")
        own.remove_attribute("never there")

    session.run(change)

    assert session.run(lambda own: own.attribute_names) == ("a",)
    assert session.run(lambda own: own.get_attribute("a")) == {"b": [1, 2.5, None, True, "x", b"y"]}
    assert session.snapshot() == {"a": {"b": [1, 2.5, None, True, "x", b"y"]}}


@pytest.mark.parametrize(
    "do",
    [
        lambda s: s.sessions(),
        lambda s: s.sip_session("x"),
        lambda s: s.set_attribute("x", 1),
        lambda s: s.remove_attribute("x"),
        lambda s: s.invalidate(),
    ],
)
def test_session_is_changed_with_the_call_checked_out_only(
    session: ContainerApplicationSession, do: Callable[[Any], object]
) -> None:
    with pytest.raises(InvalidStateError, match="not checked out"):
        do(session)


def test_session_is_found_by_its_id(house: House, session: ContainerApplicationSession) -> None:
    found = house.factory().application_session(session.id)

    assert found is not None
    assert (found.id, found.is_valid, found.application_name) == (session.id, True, "app0")


@pytest.mark.parametrize("name", ["", "nonsense", "a1.00000000000000000000"])
def test_session_that_is_not_there_is_none(house: House, name: str) -> None:
    assert house.factory().application_session(name) is None


def test_session_that_was_ended_is_gone_with_its_children(browser: ContainerHttpSession) -> None:
    session = browser.application_session

    def end(own: ContainerApplicationSession) -> None:
        own.invalidate()
        assert not own.is_valid

    session.run(end)

    assert not session.is_valid
    for use in (session.snapshot, lambda: session.application_name, lambda: session.run(lambda own: own.id)):
        with pytest.raises(InvalidSessionError, match="has ended"):
            use()


def test_children_are_listed_by_protocol(house: House, browser: ContainerHttpSession) -> None:
    def begin(own: ContainerApplicationSession) -> None:
        house.factory().create_request(own, "INVITE", "sip:a@192.0.2.9", "sip:bob@192.0.2.2").send()

    def look(own: ContainerApplicationSession) -> None:
        (sip,) = own.sessions("SIP")
        (http,) = own.sessions("HTTP")
        assert {child.id for child in own.sessions()} == {sip.id, http.id}
        assert own.sessions("IMAP") == []
        assert own.sip_session(sip.id) == sip
        assert hash(own.sip_session(sip.id)) == hash(sip)
        assert own.sip_session("other") is None
        assert sip.application_session.id == http.application_session.id == own.id
        assert sip.linked is None  # type: ignore[union-attr]
        sip.invalidate()  # type: ignore[union-attr]

    session = browser.application_session
    session.run(begin)
    session.run(look)

    assert session.run(lambda own: own.sessions("SIP")) == []


def test_browser_session_is_found_by_its_id(house: House, browser: ContainerHttpSession) -> None:
    factory = house.factory()

    again = factory.open_http_session(browser.id, create=False)

    assert again is not None
    assert (again.id, again.application_session.id) == (browser.id, browser.application_session.id)
    assert factory.open_http_session("x.00000000000000000000", create=False) is None
    assert factory.open_http_session(None, create=False) is None


def test_browser_session_ends_so_long_after_its_last_use(house: House, browser: ContainerHttpSession) -> None:
    factory = house.factory()
    for _ in range(3):
        house.pass_time(HTTP_IDLE - 1)
        assert factory.open_http_session(browser.id, create=False) is not None

    house.pass_time(HTTP_IDLE + 1)

    assert factory.open_http_session(browser.id, create=False) is None


def test_attributes_of_a_browser_session_are_set_in_its_call(browser: ContainerHttpSession) -> None:
    with pytest.raises(InvalidStateError, match=r"application_session\.lock"):
        browser.set_attribute("x", 1)

    session = browser.application_session
    session.run(lambda own: own.sessions("HTTP")[0].set_attribute("x", 1))

    assert session.run(lambda own: own.sessions("HTTP")[0].get_attribute("x")) == 1


def test_url_carries_the_session(browser: ContainerHttpSession) -> None:
    assert browser.encode_url("/calls?a=1") != "/calls?a=1"


@pytest.mark.parametrize(("seconds", "valid"), [(HTTP_IDLE - 1, True), (HTTP_IDLE + 1, False)])
def test_browser_session_ends_when_it_is_idle(
    house: House, browser: ContainerHttpSession, seconds: float, valid: bool
) -> None:
    house.pass_time(seconds)

    assert browser.application_session.is_valid is valid


@pytest.mark.parametrize(("seconds", "valid"), [(IDLE - 1, True), (IDLE + 1, False)])
def test_session_without_children_ends_after_its_time(
    house: House, session: ContainerApplicationSession, seconds: float, valid: bool
) -> None:
    house.pass_time(seconds)

    assert session.is_valid is valid


def set_timer(house: House, session: ContainerApplicationSession, delay: float, info: Any) -> str:
    timers = house.container.timers
    return session.run(lambda own: timers.create_timer(own, delay, info).id)  # type: ignore[arg-type]


def test_timer_fires_once_with_its_info_in_its_session(house: House, session: ContainerApplicationSession) -> None:
    (servlet,) = house.servlets
    assert isinstance(servlet, Clockwork)
    session.run(lambda own: own.set_attribute("x", 7))
    set_timer(house, session, 5.0, {"n": 1})

    house.pass_time(4.9)
    early = list(servlet.fired)
    house.pass_time(0.2)
    house.pass_time(10)

    assert (early, servlet.fired) == ([], [({"n": 1}, 7)])


def test_timer_that_was_cancelled_does_not_fire(house: House, session: ContainerApplicationSession) -> None:
    (servlet,) = house.servlets
    assert isinstance(servlet, Clockwork)
    timer = set_timer(house, session, 5.0, None)

    for _ in range(2):
        session.run(lambda own: house.container.timers.cancel_timer(own, timer))  # type: ignore[arg-type]
    house.pass_time(6)

    assert servlet.fired == []


def test_error_in_a_timer_is_counted_and_the_others_fire(
    house: House, session: ContainerApplicationSession, caplog: pytest.LogCaptureFixture
) -> None:
    (servlet,) = house.servlets
    assert isinstance(servlet, Clockwork)
    for info in ("fail", "next"):
        set_timer(house, session, 5.0, info)

    house.pass_time(6)

    assert [info for info, _ in servlet.fired] == ["fail", "next"]  # type: ignore[misc]
    assert house.container.servlet_errors == 1
    assert "the servlet's own" in caplog.text


def test_timer_is_set_with_the_call_checked_out(house: House, session: ContainerApplicationSession) -> None:
    with pytest.raises(InvalidStateError, match="not checked out"):
        house.container.timers.create_timer(session, 1.0)  # type: ignore[arg-type]


def test_legs_are_linked_and_parted(house: House, session: ContainerApplicationSession) -> None:
    factory, helper = house.factory(), house.container.b2bua

    def legs(own: ContainerApplicationSession) -> None:
        one, two = (
            factory.create_request(own, "INVITE", "sip:a@192.0.2.9", f"sip:{name}@192.0.2.2").session for name in "bc"
        )
        helper.link(one, two)  # type: ignore[arg-type]
        assert (one.linked, two.linked) == (two, one)
        assert helper.pending_request(one) is None  # type: ignore[arg-type]
        assert helper.sent_invite(one) is None  # type: ignore[arg-type]
        assert helper.ack_of(one) is None  # type: ignore[arg-type]
        helper.unlink(one)  # type: ignore[arg-type]
        assert (one.linked, two.linked) == (None, None)
        helper.unlink(one)  # type: ignore[arg-type]

    session.run(legs)


def test_call_without_sessions_leaves_the_store(house: House) -> None:
    assert lines(house.receive(house.request("OPTIONS"))) == ["200 OPTIONS"]

    for _ in range(40):
        house.pass_time(1.0)

    assert len(house.engine.near_timers) == 0
    assert house.engine.store.poll().due == []
