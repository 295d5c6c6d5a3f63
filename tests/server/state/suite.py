"""What every state store must do; a store's test module makes a subclass with the fixture ``store``."""

import pytest

from server.clock import Deadline
from server.errors import CallStateLockedError, CallStateLostError, CallStateTooLargeError, StaleTokenError
from server.state.store import StateStore


class StoreSuite:
    def test_state_comes_back_as_it_was_checked_in(self, store: StateStore) -> None:
        version = store.check_in(store.check_out("k", create=True), b"one", next_due=None, expires=None)

        checkout = store.check_out("k")

        assert (checkout.version, checkout.state) == (version, b"one")

    def test_cached_version_spares_the_state(self, store: StateStore) -> None:
        version = store.check_in(store.check_out("k", create=True), b"one", next_due=None, expires=None)

        assert store.check_out("k", cached=version).state is None

    def test_call_is_lent_to_one_at_a_time(self, store: StateStore) -> None:
        store.check_out("k", create=True)

        with pytest.raises(CallStateLockedError):
            store.check_out("k")

    def test_unknown_call_is_lost(self, store: StateStore) -> None:
        with pytest.raises(CallStateLostError):
            store.check_out("k")

    def test_old_token_writes_nothing(self, store: StateStore) -> None:
        old = store.check_out("k", create=True)
        store.check_in(old, b"one", next_due=None, expires=None)

        with pytest.raises(StaleTokenError):
            store.check_in(old, b"two", next_due=None, expires=None)
        assert store.peek("k") == (1, b"one")

    def test_unlock_of_a_new_call_leaves_nothing(self, store: StateStore) -> None:
        store.unlock(store.check_out("k", create=True))

        assert store.peek("k") is None

    def test_removed_call_is_lost(self, store: StateStore) -> None:
        store.check_in(store.check_out("k", create=True), b"one", next_due=None, expires=None)

        store.remove(store.check_out("k"))

        with pytest.raises(CallStateLostError):
            store.check_out("k")

    def test_poll_hands_due_calls_out_once_and_locked(self, store: StateStore) -> None:
        due = Deadline(store.now() - 1)
        store.check_in(store.check_out("k", create=True), b"one", next_due=due, expires=None)

        first, second = store.poll(), store.poll()

        assert [checkout.key for checkout in first.due] == ["k"]
        assert first.due[0].due
        assert second.due == []
        with pytest.raises(CallStateLockedError):
            store.check_out("k")

    def test_poll_passes_over_a_timer_that_was_moved(self, store: StateStore) -> None:
        store.check_in(store.check_out("k", create=True), b"1", next_due=Deadline(store.now() - 1), expires=None)
        later = Deadline(store.now() + 60)
        store.check_in(store.check_out("k"), b"2", next_due=later, expires=None)

        polled = store.poll()

        assert (polled.due, polled.next_due) == ([], later)

    def test_too_large_a_state_is_refused(self, store: StateStore) -> None:
        with pytest.raises(CallStateTooLargeError):
            store.check_in(store.check_out("k", create=True), b"x" * 70_000, next_due=None, expires=None)

    def test_alias_is_resolved_until_it_ends(self, store: StateStore) -> None:
        store.alias("name", "k", 60)
        store.alias("gone", "k", -1)

        assert (store.resolve("name"), store.resolve("gone"), store.resolve("none")) == ("k", None, None)
