from collections.abc import Callable

import gevent
import pytest

from server.clock import SystemClock
from server.errors import CallStateLockedError, CallStateTooLargeError
from server.greenlets import spawn
from server.state.memory import MemoryStore
from server.testing.clock import ManualClock
from tests.server.state.suite import StoreSuite, put, put_back


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryStore:
        return MemoryStore(clock, 1_700_000_000.0)

    @pytest.fixture
    def advance(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance

    def test_clock_goes_on_from_the_epoch(self) -> None:
        clock = ManualClock()
        store = MemoryStore(clock, 5000.0)

        clock.advance(2.5)

        assert store.now() == 5002.5

    def test_limit_of_a_state_can_be_set(self) -> None:
        store = MemoryStore(ManualClock(), 0.0, max_state_bytes=3)

        with pytest.raises(CallStateTooLargeError):
            put(store, "k", b"four")

    def test_heap_does_not_grow_with_moved_timers(self, store: MemoryStore) -> None:
        for second in range(1000):
            put(store, "k", due=second)

        assert len(store._due._heap) < 100
        assert store.poll().next_due == store.now() + 999

    def test_what_is_over_does_not_stay_in_memory(self, store: MemoryStore, clock: ManualClock) -> None:
        for number in range(100):
            key = f"k{number}"
            put(store, key, expires=10)
            store.alias(key, key, 10)
            store.remove(store.check_out(f"t{number}", create=True), tombstone=10)

        clock.advance(10)
        store.poll()
        held = store.statistics()

        assert (held.calls, held.aliases, held.tombstones, held.expired) == (0, 0, 0, 100)

    def test_two_users_have_two_names(self, store: MemoryStore, clock: ManualClock) -> None:
        assert store.incarnation != MemoryStore(clock, 0.0).incarnation


class TestWaiting:
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore(SystemClock(), 0.0)

    def test_waiter_gets_the_call_when_it_is_given_back(self, store: MemoryStore) -> None:
        checkout = store.check_out("k", create=True)
        waiter = spawn("waiter", store.check_out, "k", wait=5.0)
        gevent.idle()

        put_back(store, checkout, b"one")

        assert waiter.get(timeout=1).state == b"one"

    def test_waiters_get_the_call_one_after_another(self, store: MemoryStore) -> None:
        checkout = store.check_out("k", create=True)
        order = []

        def use(name: str) -> None:
            mine = store.check_out("k", wait=5.0)
            order.append(name)
            gevent.sleep(0)
            put_back(store, mine, name.encode())

        users = [spawn(name, use, name) for name in ("first", "second", "third")]
        gevent.idle()
        put_back(store, checkout, b"")
        gevent.joinall(users, timeout=1)

        assert order == ["first", "second", "third"]

    def test_waiter_gives_up_when_its_time_is_over(self, store: MemoryStore) -> None:
        store.check_out("k", create=True)

        with pytest.raises(CallStateLockedError):
            store.check_out("k", wait=0.005)
        assert store.statistics().refused == 1

    def test_waiter_for_a_call_that_is_removed_begins_it_anew_if_it_may(self, store: MemoryStore) -> None:
        checkout = store.check_out("k", create=True)
        waiter = spawn("waiter", store.check_out, "k", create=True, wait=5.0)
        gevent.idle()

        store.remove(checkout)

        assert waiter.get(timeout=1).new

    def test_waiter_that_is_killed_leaves_the_call_free(self, store: MemoryStore) -> None:
        checkout = store.check_out("k", create=True)
        waiter = spawn("waiter", store.check_out, "k", wait=5.0)
        gevent.idle()

        waiter.kill()
        put_back(store, checkout, b"one")

        assert store.check_out("k").state == b"one"
