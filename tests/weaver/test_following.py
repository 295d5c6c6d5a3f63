"""The context of a message in the tasks that it starts, by every door that gevent has."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context

import gevent
import pytest
from gevent.pool import Group, Pool
from gevent.threadpool import ThreadPool
from gevent.threadpool import ThreadPoolExecutor as NativeExecutor

from weaver import context
from weaver.dye import mask_of
from weaver.gevent_support import follow_tasks

ADDR1 = mask_of(["ADDR1"])

Seen = tuple[str | None, int]


@pytest.fixture(autouse=True)
def followed() -> Iterator[None]:
    leave = follow_tasks()
    yield
    leave()


def seen(*ignored: object) -> Seen:
    del ignored
    return context.context_id(), context.dye_vector()


def in_thread() -> Seen:
    found: list[Seen] = []
    thread = threading.Thread(target=lambda: found.append(seen()))
    thread.start()
    thread.join(1)
    return found[0]


def in_timer() -> Seen:
    found: list[Seen] = []
    timer = threading.Timer(0, lambda: found.append(seen()))
    timer.start()
    timer.join(1)
    return found[0]


def in_executor(kind: type[ThreadPoolExecutor]) -> Seen:
    with kind(1) as executor:
        return executor.submit(seen).result(1)


def native() -> ThreadPool:
    return gevent.get_hub().threadpool


DOORS: dict[str, Callable[[], Seen]] = {
    "spawn": lambda: gevent.spawn(seen).get(timeout=1),
    "spawn_later": lambda: gevent.spawn_later(0, seen).get(timeout=1),
    "a tree": lambda: gevent.spawn(lambda: gevent.spawn(seen).get(timeout=1)).get(timeout=1),
    "pool": lambda: Pool(2).spawn(seen).get(timeout=1),
    "pool map": lambda: Pool(2).map(seen, [1])[0],
    "pool imap": lambda: next(iter(Pool(2).imap_unordered(seen, [1]))),
    "group": lambda: Group().apply(seen),
    "thread": in_thread,
    "thread timer": in_timer,
    "executor": lambda: in_executor(ThreadPoolExecutor),
    "native apply": lambda: native().apply(seen),
    "native spawn": lambda: native().spawn(seen).get(timeout=1),
    "native map": lambda: native().map(seen, [1])[0],
    "native apply_async": lambda: native().apply_async(seen).get(timeout=1),
    "native executor": lambda: in_executor(NativeExecutor),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_task_of_a_message_has_its_context(door: Callable[[], Seen]) -> None:
    def message() -> tuple[Seen, Seen]:
        tokens = context.begin(ADDR1, {})
        found = door(), seen()
        context.end(tokens)
        return found

    inside, own = Context().run(message)

    assert inside == own
    assert own[1] == ADDR1


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_task_that_is_started_behind_the_message_has_none(door: Callable[[], Seen]) -> None:
    def work() -> Seen:
        context.end(context.begin(ADDR1, {}))
        return door()

    assert Context().run(work) == (None, 0)


def test_task_outlives_the_message_with_its_context() -> None:
    def message() -> tuple[str | None, gevent.Greenlet]:
        tokens = context.begin(ADDR1, {})
        child = gevent.spawn(seen)
        identity = context.context_id()
        context.end(tokens)
        return identity, child

    identity, child = Context().run(message)

    assert child.get(timeout=1) == (identity, ADDR1)


def test_worker_that_a_message_started_is_clean_after_its_own_first_message() -> None:
    def worker() -> list[int]:
        found = [context.dye_vector()]
        context.end(context.begin(0, {}))
        return [*found, context.dye_vector()]

    def message() -> gevent.Greenlet:
        tokens = context.begin(ADDR1, {})
        child = gevent.spawn(worker)
        context.end(tokens)
        return child

    assert Context().run(message).get(timeout=1) == [ADDR1, 0]


def test_thread_of_the_pool_keeps_nothing_for_its_next_task() -> None:
    pool = ThreadPool(1)

    def message() -> Seen:
        tokens = context.begin(ADDR1, {})
        found: Seen = pool.apply(seen)
        context.end(tokens)
        return found

    try:
        assert Context().run(message)[1] == ADDR1
        assert Context().run(pool.apply, seen) == (None, 0)
    finally:
        pool.kill()


def test_greenlet_that_was_given_a_context_keeps_it() -> None:
    def message() -> Seen:
        tokens = context.begin(ADDR1, {})
        greenlet = gevent.Greenlet(seen)
        greenlet.gr_context = Context()
        greenlet.start()
        context.end(tokens)
        return greenlet.get(timeout=1)  # type: ignore[no-any-return]

    assert Context().run(message) == (None, 0)


def test_raw_greenlet_has_no_context() -> None:
    found: list[Seen] = []

    def message() -> None:
        tokens = context.begin(ADDR1, {})
        gevent.spawn_raw(lambda: found.append(seen()))
        context.end(tokens)

    Context().run(message)
    gevent.sleep(0)

    assert found == [(None, 0)]


def test_nothing_is_left_in_gevent_when_it_ends() -> None:
    before = ThreadPool.spawn
    leave = follow_tasks()
    assert ThreadPool.spawn is not before
    leave()

    assert ThreadPool.spawn is before
