import pytest

from server.state.memory import MemoryStore
from server.state.near_cache import NearCache
from server.testing.clock import ManualClock
from tests.server.state.suite import StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore(ManualClock(), 1_700_000_000.0)

    def test_clock_goes_on_from_the_epoch(self) -> None:
        clock = ManualClock()
        store = MemoryStore(clock, 5000.0)

        clock.advance(2.5)

        assert store.now() == 5002.5

    def test_heap_does_not_grow_with_moved_timers(self, store: MemoryStore) -> None:
        checkout = store.check_out("k", create=True)
        for second in range(1000):
            due = type(store.now())(store.now() + second)
            store.check_in(checkout, b"x", next_due=due, expires=None)
            checkout = store.check_out("k")

        assert len(store._heap) < 100


def test_near_cache_forgets_what_was_used_longest_ago() -> None:
    cache: NearCache[str] = NearCache(10)
    for key in ("a", "b", "c"):
        cache.put(key, 1, key, 4)

    assert (cache.get("a"), cache.get("c"), len(cache)) == (None, (1, "c"), 2)
    cache.drop("c")
    assert cache.get("c") is None
