"""What every state store must do; a store's test module makes a subclass with the fixture ``store``.

A store whose clock can be moved also has the fixture ``advance``, a function that moves it.
"""

from collections.abc import Callable

import pytest

from server.clock import Deadline
from server.errors import CallStateLockedError, CallStateLostError, CallStateTooLargeError, StaleTokenError
from server.state.store import MAX_STATE, TOMBSTONE, Checkout, StateStore

Advance = Callable[[float], None]


def put(
    store: StateStore, key: str, state: bytes = b"one", *, due: float | None = None, expires: float | None = None
) -> int:
    """Begin or change a call; ``due`` and ``expires`` are seconds from now."""
    return put_back(store, store.check_out(key, create=True), state, due=due, expires=expires)


def put_back(
    store: StateStore, checkout: Checkout, state: bytes, *, due: float | None = None, expires: float | None = None
) -> int:
    now = store.now()
    return store.check_in(
        checkout,
        state,
        next_due=None if due is None else Deadline(now + due),
        expires=None if expires is None else Deadline(now + expires),
    )


class StoreSuite:
    # Reading and writing

    def test_state_comes_back_as_it_was_checked_in(self, store: StateStore) -> None:
        version = put(store, "k", b"one")

        checkout = store.check_out("k")

        assert (checkout.key, checkout.version, checkout.state) == ("k", version, b"one")
        assert not checkout.new
        assert not checkout.due

    def test_new_call_has_no_state_and_version_0(self, store: StateStore) -> None:
        checkout = store.check_out("k", create=True)

        assert (checkout.new, checkout.version, checkout.state) == (True, 0, None)

    def test_version_grows_with_each_check_in(self, store: StateStore) -> None:
        first = put(store, "k")

        assert put(store, "k") > first > 0

    def test_cached_version_spares_the_state(self, store: StateStore) -> None:
        version = put(store, "k")

        assert store.check_out("k", cached=version).state is None

    def test_old_cached_version_brings_the_state(self, store: StateStore) -> None:
        version = put(store, "k", b"one")
        put(store, "k", b"two")

        assert store.check_out("k", cached=version).state == b"two"

    def test_empty_state_is_a_state(self, store: StateStore) -> None:
        put(store, "k", b"")

        assert store.check_out("k").state == b""

    def test_peek_reads_without_a_lock_what_was_checked_in_last(self, store: StateStore) -> None:
        version = put(store, "k", b"one")
        store.check_out("k")

        assert store.peek("k") == (version, b"one")
        assert store.peek("unknown") is None

    def test_peek_does_not_see_a_call_that_was_never_checked_in(self, store: StateStore) -> None:
        store.check_out("k", create=True)

        assert store.peek("k") is None

    def test_unknown_call_is_lost(self, store: StateStore) -> None:
        with pytest.raises(CallStateLostError):
            store.check_out("k")

    def test_too_large_a_state_is_refused_and_the_call_stays_on_loan(self, store: StateStore) -> None:
        put(store, "k", b"one")
        checkout = store.check_out("k")

        with pytest.raises(CallStateTooLargeError):
            put_back(store, checkout, b"x" * (MAX_STATE + 1))

        assert store.peek("k") == (checkout.version, b"one")
        put_back(store, checkout, b"x" * MAX_STATE)

    # The lock and its token

    def test_call_is_lent_to_one_at_a_time(self, store: StateStore) -> None:
        store.check_out("k", create=True)

        with pytest.raises(CallStateLockedError):
            store.check_out("k", create=True)

    def test_calls_do_not_hinder_each_other(self, store: StateStore) -> None:
        store.check_out("k", create=True)

        store.check_out("other", create=True)

    def test_no_two_loans_have_one_token(self, store: StateStore) -> None:
        tokens = []
        for key in ("k", "k", "other"):
            checkout = store.check_out(key, create=True)
            tokens.append(checkout.token)
            store.remove(checkout)

        assert len(set(tokens)) == 3

    def test_stale_token_writes_nothing_after_a_check_in(self, store: StateStore) -> None:
        stale = store.check_out("k", create=True)
        version = put_back(store, stale, b"one")

        with pytest.raises(StaleTokenError):
            put_back(store, stale, b"two")

        assert store.peek("k") == (version, b"one")

    def test_stale_token_neither_writes_nor_frees_what_somebody_else_has(self, store: StateStore) -> None:
        stale = store.check_out("k", create=True)
        put_back(store, stale, b"one")
        other = store.check_out("k")

        with pytest.raises(StaleTokenError):
            put_back(store, stale, b"two")
        with pytest.raises(StaleTokenError):
            store.remove(stale)
        store.unlock(stale)

        with pytest.raises(CallStateLockedError):
            store.check_out("k")
        put_back(store, other, b"three")

    def test_stale_token_of_a_removed_call_does_not_touch_its_successor(self, store: StateStore) -> None:
        stale = store.check_out("k", create=True)
        store.remove(stale)
        successor = store.check_out("k", create=True)

        with pytest.raises(StaleTokenError):
            put_back(store, stale, b"old")

        put_back(store, successor, b"new")
        assert store.check_out("k").state == b"new"

    def test_unlock_changes_nothing_and_frees_the_call(self, store: StateStore) -> None:
        version = put(store, "k", b"one")

        store.unlock(store.check_out("k"))

        assert store.peek("k") == (version, b"one")
        store.check_out("k")

    def test_unlock_of_a_new_call_leaves_nothing(self, store: StateStore) -> None:
        store.unlock(store.check_out("k", create=True))

        with pytest.raises(CallStateLostError):
            store.check_out("k")

    # Removal

    def test_removed_call_is_lost(self, store: StateStore) -> None:
        put(store, "k")

        store.remove(store.check_out("k"))

        assert store.peek("k") is None
        with pytest.raises(CallStateLostError):
            store.check_out("k")

    def test_removed_key_may_begin_anew_without_a_tombstone(self, store: StateStore) -> None:
        store.remove(store.check_out("k", create=True))

        assert store.check_out("k", create=True).new

    def test_tombstone_keeps_a_key_from_beginning_anew(self, store: StateStore) -> None:
        store.remove(store.check_out("k", create=True), tombstone=TOMBSTONE)

        with pytest.raises(CallStateLostError):
            store.check_out("k", create=True)
        store.check_out("other", create=True)

    def test_tombstone_ends(self, store: StateStore, advance: Advance) -> None:
        store.remove(store.check_out("k", create=True), tombstone=TOMBSTONE)

        advance(TOMBSTONE)

        assert store.check_out("k", create=True).new

    def test_removed_call_has_no_timer(self, store: StateStore) -> None:
        put(store, "k", due=-1)

        store.remove(store.check_out("k"))

        assert store.poll() == type(store.poll())([], None)

    # Timers

    def test_poll_hands_due_calls_out_once_and_locked(self, store: StateStore) -> None:
        put(store, "k", b"one", due=-1)

        first, second = store.poll(), store.poll()

        assert [(checkout.key, checkout.state, checkout.due) for checkout in first.due] == [("k", b"one", True)]
        assert second.due == []
        with pytest.raises(CallStateLockedError):
            store.check_out("k")

    def test_poll_leaves_what_is_not_due_and_says_when_it_will_be(self, store: StateStore) -> None:
        put(store, "later", due=60)
        put(store, "sooner", due=30)
        put(store, "never")

        polled = store.poll()

        assert (polled.due, polled.next_due) == ([], Deadline(store.now() + 30))

    def test_call_becomes_due(self, store: StateStore, advance: Advance) -> None:
        put(store, "k", due=30)

        advance(29.9)
        early = store.poll().due
        advance(0.2)

        assert early == []
        assert [checkout.key for checkout in store.poll().due] == ["k"]

    def test_poll_hands_out_the_longest_due_first_and_no_more_than_the_limit(self, store: StateStore) -> None:
        for seconds in (2, 3, 1):
            put(store, f"k{seconds}", due=-seconds)

        first = store.poll(limit=2)
        second = store.poll(limit=2)

        assert [checkout.key for checkout in first.due] == ["k3", "k2"]
        assert first.next_due is not None
        assert first.next_due <= store.now()
        assert [checkout.key for checkout in second.due] == ["k1"]
        assert second.next_due is None

    def test_poll_passes_over_a_timer_that_was_moved(self, store: StateStore) -> None:
        put(store, "k", due=-1)
        put(store, "k", due=60)

        polled = store.poll()

        assert (polled.due, polled.next_due) == ([], Deadline(store.now() + 60))

    def test_poll_passes_over_a_timer_that_was_cancelled(self, store: StateStore) -> None:
        put(store, "k", due=-1)
        put(store, "k")

        polled = store.poll()

        assert (polled.due, polled.next_due) == ([], None)

    def test_poll_passes_over_a_call_on_loan_and_looks_again(self, store: StateStore) -> None:
        put(store, "k", due=-1)
        checkout = store.check_out("k")

        polled = store.poll()
        store.unlock(checkout)

        assert polled.due == []
        assert polled.next_due is not None
        assert store.now() < polled.next_due < store.now() + 1
        assert [checkout.key for checkout in store.poll().due] == ["k"]

    def test_unlock_without_a_check_in_leaves_a_due_call_due(self, store: StateStore) -> None:
        put(store, "k", due=-1)

        store.unlock(store.poll().due[0])

        assert [checkout.key for checkout in store.poll().due] == ["k"]

    def test_check_in_decides_whether_a_due_call_stays_due(self, store: StateStore) -> None:
        put(store, "k", due=-1)

        put_back(store, store.poll().due[0], b"again", due=-1)
        put_back(store, store.poll().due[0], b"done")

        assert store.poll().due == []

    # Expiry

    def test_call_is_gone_when_it_has_expired(self, store: StateStore, advance: Advance) -> None:
        put(store, "k", expires=10)

        advance(10)

        assert store.peek("k") is None
        with pytest.raises(CallStateLostError):
            store.check_out("k")
        assert store.check_out("k", create=True).new

    def test_expired_call_fires_no_timer(self, store: StateStore, advance: Advance) -> None:
        put(store, "k", due=5, expires=10)

        advance(10)
        polled = store.poll()

        assert (polled.due, polled.next_due) == ([], None)

    def test_call_on_loan_does_not_expire_and_its_check_in_decides(self, store: StateStore, advance: Advance) -> None:
        put(store, "k", b"one", expires=10)
        checkout = store.check_out("k")

        advance(20)
        store.poll()
        put_back(store, checkout, b"two", expires=10)

        assert store.check_out("k").state == b"two"

    def test_call_that_expired_on_loan_is_gone_once_it_is_unlocked(self, store: StateStore, advance: Advance) -> None:
        put(store, "k", expires=10)
        checkout = store.check_out("k")

        advance(20)
        store.poll()
        store.unlock(checkout)
        store.poll()

        assert store.peek("k") is None
        assert store.statistics().calls == 0

    # Aliases

    def test_alias_is_resolved_until_it_ends(self, store: StateStore, advance: Advance) -> None:
        store.alias("name", "k", 60)

        before = store.resolve("name")
        advance(60)

        assert (before, store.resolve("name"), store.resolve("none")) == ("k", None, None)

    def test_alias_is_given_anew(self, store: StateStore, advance: Advance) -> None:
        store.alias("name", "k", 60)
        store.alias("name", "other", 120)

        advance(60)
        store.poll()

        assert store.resolve("name") == "other"

    # What it is and holds

    def test_statistics_say_what_the_store_holds(self, store: StateStore) -> None:
        put(store, "k", b"12345")
        put(store, "other", b"123")
        store.check_out("k")
        store.alias("name", "k", 60)

        held = store.statistics()

        assert (held.calls, held.locked, held.state_bytes, held.aliases) == (2, 1, 8, 1)

    def test_user_of_a_store_has_a_name(self, store: StateStore) -> None:
        assert store.incarnation
