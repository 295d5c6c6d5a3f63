from collections.abc import Iterator
from contextvars import Context
from typing import Any

import gevent
import pytest

from weaver import context
from weaver.dye import mask_of
from weaver.errors import UnknownNameError
from weaver.gevent_support import carry, find_inherited

ADDR1 = mask_of(["ADDR1"])


@pytest.fixture
def inheriting() -> Iterator[None]:
    context.inherit_through(carry, find_inherited)
    yield
    context.inherit_through(None, None)


def test_context_is_there_until_it_ends() -> None:
    def message() -> None:
        tokens = context.begin(ADDR1, {"method": "INVITE"}, "text")
        assert (context.dye_vector(), context.is_dyed_with("ADDR1"), context.payload()) == (ADDR1, True, "text")
        assert not context.is_dyed_with("SIP_REQ")
        context.end(tokens)
        assert context.current_dyes.get() is context.UNRESOLVED
        assert (context.context_id(), context.payload(), context.dye_vector()) == (None, None, 0)

    Context().run(message)


def test_inner_context_gives_way_to_the_outer_one() -> None:
    def message() -> None:
        outer = context.begin(ADDR1, {})
        first = context.context_id()
        context.end(context.begin(0, {}))
        assert (context.context_id(), context.dye_vector()) == (first, ADDR1)
        context.end(outer)

    Context().run(message)


def test_id_is_unique_and_stays() -> None:
    one, other = context.DiagnosticContext(0, {}), context.DiagnosticContext(0, {})

    assert one.id == one.id != other.id


def test_unknown_flag_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        context.is_dyed_with("ADDR9")


def test_undyed_task_resolves_to_the_empty_vector() -> None:
    def task() -> None:
        assert context.current_dyes.get() is context.UNRESOLVED
        assert context.resolve().vector == 0
        assert context.current_dyes.get() is not context.UNRESOLVED

    Context().run(task)


@pytest.mark.usefixtures("inheriting")
def test_greenlet_that_a_message_spawns_inherits_its_context() -> None:
    def message() -> tuple[str | None, Any]:
        tokens = context.begin(ADDR1, {})
        child = gevent.spawn(lambda: (context.resolve().vector, context.context_id()))
        identity = context.context_id()
        context.end(tokens)
        return identity, child

    identity, child = gevent.spawn(message).get(timeout=1)

    assert child.get(timeout=1) == (ADDR1, identity)


@pytest.mark.usefixtures("inheriting")
def test_greenlet_that_is_spawned_after_the_message_inherits_nothing() -> None:
    def work() -> Any:
        context.end(context.begin(ADDR1, {}))
        return gevent.spawn(context.dye_vector)

    assert gevent.spawn(work).get(timeout=1).get(timeout=1) == 0


@pytest.mark.usefixtures("inheriting")
def test_worker_that_a_message_started_is_clean_after_its_own_first_message() -> None:
    def worker() -> int:
        context.end(context.begin(0, {}))
        return context.resolve().vector

    def message() -> Any:
        tokens = context.begin(ADDR1, {})
        child = gevent.spawn(worker)
        context.end(tokens)
        return child

    assert gevent.spawn(message).get(timeout=1).get(timeout=1) == 0
