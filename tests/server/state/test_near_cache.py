from server.state.near_cache import NearCache, NearCacheStatistics


def cache_of(*keys: str, max_bytes: int = 10) -> NearCache[str]:
    cache: NearCache[str] = NearCache(max_bytes)
    for key in keys:
        cache.put(key, 1, key, 4)
    return cache


def test_object_comes_back_with_its_version() -> None:
    cache = cache_of("a")

    assert (cache.get("a"), cache.get("b")) == ((1, "a"), None)


def test_what_was_put_longest_ago_makes_room() -> None:
    cache = cache_of("a", "b", "c")

    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, (1, "b"), (1, "c"))
    assert cache.statistics() == NearCacheStatistics(entries=2, state_bytes=8, evicted=1)


def test_what_was_asked_for_lately_stays() -> None:
    cache = cache_of("a", "b")

    cache.get("a")
    cache.put("c", 1, "c", 4)

    assert (cache.get("a"), cache.get("b")) == ((1, "a"), None)


def test_new_version_takes_the_place_of_the_old_one() -> None:
    cache = cache_of("a")

    cache.put("a", 2, "new", 6)

    assert cache.get("a") == (2, "new")
    assert cache.statistics().state_bytes == 6


def test_object_larger_than_the_cache_does_not_drive_out_the_others() -> None:
    cache = cache_of("a", "b")

    cache.put("huge", 1, "huge", 11)
    cache.put("a", 2, "huge too", 11)

    assert (cache.get("huge"), cache.get("a"), cache.get("b")) == (None, None, (1, "b"))


def test_dropped_object_is_forgotten_and_dropping_an_unknown_one_is_nothing() -> None:
    cache = cache_of("a", "b")

    cache.drop("a")
    cache.drop("unknown")

    assert (cache.get("a"), len(cache)) == (None, 1)
