"""What an HTTP servlet does to a call: one at a time, stored before it goes on, and never in the way for long."""

from collections.abc import Callable
from typing import cast

import gevent
import pytest
from gevent.event import Event

from server.container.factory import ContainerFactory
from server.container.sessions import ContainerApplicationSession
from server.greenlets import spawn
from server.node import Node
from server.servlet import BusyError, InvalidSessionError, InvalidStateError

pytestmark = pytest.mark.slow


@pytest.fixture
def session(node: Node) -> ContainerApplicationSession:
    opened = ContainerFactory(node.container, "click2call").open_http_session(None, create=True)
    assert opened is not None
    return opened.application_session


def hold(session: ContainerApplicationSession, do: Callable[[ContainerApplicationSession], object]) -> None:
    with session.lock() as own:
        do(own)


def test_block_sees_and_changes_the_session_and_it_is_stored_at_its_end(session: ContainerApplicationSession) -> None:
    with session.lock() as own:
        own.set_attribute("count", 1)
        before = dict(session.snapshot())

    assert "count" not in before
    assert session.snapshot()["count"] == 1


def test_blocks_of_one_call_never_run_at_once(session: ContainerApplicationSession) -> None:
    def step(own: ContainerApplicationSession) -> None:
        count = cast("int", own.get_attribute("count") or 0)
        gevent.sleep(0)
        own.set_attribute("count", count + 1)

    gevent.joinall([spawn("step", hold, session, step) for _ in range(20)], timeout=10, raise_error=True)

    assert session.snapshot()["count"] == 20


def test_lock_and_run_inside_a_block_go_on_at_once(session: ContainerApplicationSession) -> None:
    with session.lock() as own, own.lock() as inner:
        inner.set_attribute("x", 1)
        own.run(lambda again: again.set_attribute("y", 2))

    assert (session.snapshot()["x"], session.snapshot()["y"]) == (1, 2)


def test_error_in_a_block_comes_out_and_the_call_goes_on(session: ContainerApplicationSession) -> None:
    def fail(own: ContainerApplicationSession) -> None:
        own.set_attribute("x", 1)
        raise KeyError("the servlet's own")

    with pytest.raises(KeyError, match="the servlet's own"):
        hold(session, fail)

    with session.lock() as own:
        assert own.get_attribute("x") == 1


def test_call_that_is_held_is_busy_and_comes_free(node: Node, session: ContainerApplicationSession) -> None:
    entered, leave = Event(), Event()

    def wait(own: ContainerApplicationSession) -> None:
        entered.set()
        own.set_attribute("left", leave.wait(5))

    holder = spawn("holder", hold, session, wait)
    assert entered.wait(5)
    node.engine.lock_timeout = 0.02
    with pytest.raises(BusyError, match=r"busy for more than"):
        hold(session, lambda _: pytest.fail("two blocks ran at once"))
    node.engine.lock_timeout = 5.0
    leave.set()
    holder.get(timeout=5)

    assert session.snapshot()["left"] is True


def test_block_that_takes_too_long_loses_the_call_and_says_so(node: Node, session: ContainerApplicationSession) -> None:
    node.engine.lock_timeout = 0.05

    def dawdle(own: ContainerApplicationSession) -> None:
        own.set_attribute("early", 1)
        gevent.sleep(0.15)
        own.set_attribute("late", 1)

    with pytest.raises(BusyError, match="held for more than"):
        hold(session, dawdle)
    node.engine.lock_timeout = 5.0

    with session.lock() as own:
        assert (own.get_attribute("early"), own.get_attribute("late")) == (1, None)


def test_session_that_has_ended_cannot_be_locked(session: ContainerApplicationSession) -> None:
    with session.lock() as own:
        own.invalidate()

    with pytest.raises(InvalidSessionError, match="has ended"):
        hold(session, lambda _: pytest.fail("a session that has ended was locked"))


def test_session_is_not_changed_without_its_lock(session: ContainerApplicationSession) -> None:
    with pytest.raises(InvalidStateError, match=r"use application_session\.lock\(\)"):
        session.set_attribute("x", 1)
