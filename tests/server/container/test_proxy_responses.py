"""The response context: a property over whole courses of events against a model, and the cases that RFC 3261 names."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.container.best_response import status_to_send
from server.container.forking import MAX_TARGETS, answered, step, with_key
from server.container.response_context import (
    TIMER_C,
    Add,
    Best,
    Branch,
    Cancel,
    CancelAll,
    Drop,
    Effect,
    Ended,
    Event,
    Expire,
    Forward,
    Gone,
    Received,
    ResponseContext,
    Start,
    Target,
)
from server.sip.build import make_response
from server.sip.codec import parse_message
from server.sip.message import Request, Response

REQUEST = parse_message(
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
    b"Content-Length: 0\r\n\r\n"
)
assert isinstance(REQUEST, Request)


def response(status: int, *contacts: str) -> Response:
    assert isinstance(REQUEST, Request)
    extra = [("Contact", ", ".join(f"<{contact}>" for contact in contacts))] if contacts else []
    return make_response(REQUEST, status, to_tag="x", extra=extra)


def target(name: str, q: float = 1.0) -> Target:
    return Target(f"sip:{name}@example.com", q)


@dataclass
class Course:
    """A context and all that came of it; the final response is passed on as the shell does."""

    context: ResponseContext = field(default_factory=lambda: ResponseContext("key", "session", "INVITE", 60))
    now: float = 0.0
    effects: list[Effect] = field(default_factory=list)

    def take(self, event: Event) -> list[Effect]:
        self.context, effects = step(self.context, event, self.now)
        for effect in effects:
            if isinstance(effect, Start):
                number = effect.branch.number
                self.context = with_key(self.context, number, f"client{number}")
            if isinstance(effect, Best):
                self.context = answered(self.context, effect.branch.status)
        self.effects += effects
        return list(effects)

    def receive(self, number: int, status: int, *contacts: str) -> list[Effect]:
        return self.take(Received(number, response(status, *contacts)))

    def of(self, kind: type) -> list[int]:
        """Return the numbers of the branches that effects of a kind are about."""
        return [effect.branch.number for effect in self.effects if isinstance(effect, kind)]

    @property
    def best(self) -> list[Branch]:
        return [effect.branch for effect in self.effects if isinstance(effect, Best)]


def course(*names: str, **options: object) -> Course:
    found = Course(ResponseContext("key", "session", **{"method": "INVITE", "breadth": 60, **options}))  # type: ignore[arg-type]
    found.take(Add(tuple(target(name) for name in names)))
    return found


def expected_best(finals: Sequence[int]) -> int:
    """Say by RFC 3261 16.7 step 6 which status is passed on, given those of the branches in order."""
    global_failures = [status for status in finals if status >= 600]
    lowest = min(status // 100 for status in finals)
    of_class = [status for status in finals if status // 100 == lowest]
    informative = [status for status in of_class if status in {401, 407, 415, 420, 484}]
    telling = [status for status in of_class if status not in {408, 487}]
    return (global_failures or informative or telling or of_class)[0]


FINALS = st.sampled_from([301, 400, 401, 403, 404, 407, 408, 415, 420, 480, 484, 486, 487, 500, 503, 600, 603])


@given(st.lists(FINALS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_p4_best_final_response_is_chosen_in_whatever_order_they_come(finals: list[int], random: object) -> None:
    order = list(range(len(finals)))
    random.shuffle(order)  # type: ignore[attr-defined]
    found = course(*[f"u{at}" for at in range(len(finals))], recurse=False)

    for number in order:
        found.receive(number, finals[number])

    assert len(found.best) == 1
    assert found.best[0].status == expected_best(finals)
    assert found.of(Forward) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([100, 180, 183, 200, 302, 404, 486, 503, 603, -1, -2])),
        max_size=30,
    ),
    st.booleans(),
    st.booleans(),
)
def test_p4_any_course_ends_in_one_final_response_and_loses_no_branch(
    events: list[tuple[int, int]], parallel: bool, recurse: bool
) -> None:
    found = course("a", "b", "c", parallel=parallel, recurse=recurse)

    for number, status in events:
        if status == -1:
            found.take(CancelAll())
        elif status == -2:
            found.now += 100
            found.take(Expire())
        elif number < len(found.context.branches) and found.context.branches[number].state != "Completed":
            found.receive(number, status, *([f"sip:c{number}@example.net"] if status == 302 else []))
        check_invariants(found)
    for _ in range(50):
        for branch in found.context.pending:
            found.receive(branch.number, 487)

    successes = [e for e in found.effects if isinstance(e, Forward) and e.response.status >= 200]
    assert found.context.is_over
    assert len(found.best) == (0 if successes else 1)
    assert sorted(found.of(Start)) == list(range(len([b for b in found.context.branches if b.breadth])))


def check_invariants(found: Course) -> None:
    context = found.context
    assert sum(branch.breadth for branch in context.pending) <= context.breadth
    assert len({branch.target.uri for branch in context.branches}) == len(context.branches) <= MAX_TARGETS
    assert len(found.of(Cancel)) == len(set(found.of(Cancel)))
    assert len(found.best) <= 1
    if context.status or context.cancelled:
        assert context.waiting == ()


def test_p4_provisional_responses_pass_and_100_does_not() -> None:
    found = course("a")

    found.receive(0, 100)
    found.receive(0, 180)
    found.receive(0, 183)

    passed = [effect.response.status for effect in found.effects if isinstance(effect, Forward)]
    assert passed == [180, 183]


def test_p4_every_2xx_of_an_invite_passes_and_only_the_first_of_another_request() -> None:
    passed = {}
    for method in ("INVITE", "MESSAGE"):
        found = course("a", "b", method=method)
        for number in (0, 1, 0):
            found.receive(number, 200)
        passed[method] = found.of(Forward)

    assert passed == {"INVITE": [0, 1, 0], "MESSAGE": [0]}


def test_p4_503_alone_becomes_500_and_nothing_at_all_408() -> None:
    assert [status_to_send(status) for status in (503, 0, 486, 603)] == [500, 408, 486, 603]


def test_p5_2xx_and_6xx_cancel_what_is_pending_once_it_is_proceeding() -> None:
    for status in (200, 603):
        found = course("a", "b", "c")
        found.receive(1, 180)

        found.receive(0, status)
        found.receive(2, 180)

        assert found.of(Cancel) == [1, 2]


def test_p5_6xx_stops_targets_that_wait_and_is_passed_on_when_the_rest_has_ended() -> None:
    found = course("a", "b")
    found.take(Add((target("c"),)))
    found.receive(0, 180)

    found.receive(1, 603)
    before = len(found.best)
    found.receive(0, 487)

    assert before == 0
    assert [branch.status for branch in found.best] == [603]
    assert found.of(Start) == [0, 1]


def test_p5_cancel_of_the_caller_cancels_all_and_487_is_passed_on() -> None:
    found = course("a", "b")
    for number in (0, 1):
        found.receive(number, 180)

    found.take(CancelAll())
    found.receive(0, 404)
    found.receive(1, 487)

    assert found.of(Cancel) == [0, 1]
    assert [branch.status for branch in found.best] == [487]


def test_p5_branch_that_never_answers_its_cancel_ends_with_its_transaction() -> None:
    found = course("a", patience=5.0)
    found.receive(0, 180)
    found.take(CancelAll())

    no_deadline = found.context.due
    found.take(Gone(0, 408))

    assert no_deadline == float("inf")
    assert [branch.status for branch in found.best] == [408]


def test_p4_request_that_cannot_be_cancelled_is_dropped_when_its_time_is_over() -> None:
    found = course("a", "b", parallel=False, patience=5.0, method="MESSAGE")

    found.now = 5.0
    found.take(Expire())

    assert found.of(Drop) == [0]
    assert found.of(Start) == [0, 1]


def test_p3_timer_c_cancels_a_branch_and_each_provisional_response_sets_it_anew() -> None:
    found = course("a")
    for found.now in (100.0, 200.0):
        found.receive(0, 180)
    found.receive(0, 100)

    found.now = 200.0 + TIMER_C - 1
    found.take(Expire())
    too_early = found.of(Cancel)
    found.now = 200.0 + TIMER_C
    found.take(Expire())

    assert too_early == []
    assert found.of(Cancel) == [0]


def test_p3_requests_other_than_invite_have_no_timer_c() -> None:
    assert course("a", method="MESSAGE").context.due == float("inf")


def test_p9_timeout_moves_a_sequential_search_on_and_a_late_ringing_is_cancelled() -> None:
    found = course("a", "b", parallel=False, patience=5.0)

    found.now = 5.0
    found.take(Expire())
    found.receive(0, 180)
    found.receive(0, 180)

    assert found.of(Start) == [0, 1]
    assert found.of(Cancel) == [0]


def test_p9_targets_are_tried_by_preference_and_at_once_where_it_is_equal() -> None:
    found = Course()
    found.take(Add((target("low", 0.1), target("high", 0.9), target("also", 0.9), target("mid", 0.5))))

    names = []
    while found.context.pending:
        names.append([branch.uri[4:].partition("@")[0] for branch in found.context.pending])
        for branch in found.context.pending:
            found.receive(branch.number, 486)

    assert names == [["high", "also"], ["mid"], ["low"]]


def test_p9_no_target_is_tried_twice_however_it_is_written() -> None:
    found = Course()
    found.take(Add((Target("sip:bob@example.com"), Target("sip:bob@EXAMPLE.com"), Target("sip:b%6Fb@example.com"))))

    assert found.of(Start) == [0]


def test_p9_redirection_is_followed_at_once_and_replaces_its_branch() -> None:
    found = course("a", "b")

    found.receive(0, 302, "sip:new@example.net", "sip:a@example.com")
    found.receive(1, 486)
    found.receive(2, 404)

    assert [branch.uri for branch in found.context.branches][2] == "sip:new@example.net"
    assert [branch.status for branch in found.best] == [302]
    kept = parse_message(found.best[0].response)
    assert [contact.uri for contact in kept.contacts] == ["sip:a@example.com"]


def test_p9_redirections_in_a_circle_end() -> None:
    found = course("a")

    for number in range(100):
        if number < len(found.context.branches):
            found.receive(number, 302, f"sip:{'ba'[number % 2]}@example.com")

    assert found.of(Start) == [0, 1]
    assert [branch.status for branch in found.best] == [302]


def test_p9_redirections_without_end_are_bounded() -> None:
    found = course("a")

    for number in range(100):
        if number < len(found.context.branches):
            found.receive(number, 302, f"sip:u{number}@example.com")

    assert len(found.of(Start)) == MAX_TARGETS
    assert len(found.best) == 1


def test_p9_redirection_with_more_contacts_than_may_be_tried_is_bounded_while_another_rings() -> None:
    found = course("a", "b")
    found.receive(1, 180)

    found.receive(0, 302, *[f"sip:u{number}@example.com" for number in range(50)])
    found.receive(2, 302, "sip:one-more@example.com")

    assert len(found.of(Start)) == MAX_TARGETS
    assert len(found.context.pending) == MAX_TARGETS - 2


def test_p9_redirection_after_a_6xx_is_not_followed() -> None:
    found = course("a", "b")
    found.receive(0, 180)
    found.receive(1, 603)

    found.receive(0, 302, "sip:new@example.net")

    assert found.of(Start) == [0, 1]
    assert [branch.status for branch in found.best] == [603]


def test_p9_star_as_contact_of_a_redirection_is_passed_on() -> None:
    found = course("a")

    found.take(Received(0, response(302).with_header("Contact", "*")))

    assert [branch.status for branch in found.best] == [302]


def test_p9_sips_request_is_not_redirected_to_sip() -> None:
    found = course("a", secure=True)

    found.receive(0, 302, "sip:new@example.net")

    assert found.of(Start) == [0]


def test_p6_breadth_is_split_over_branches_and_440_where_it_runs_out() -> None:
    split = [branch.breadth for branch in course("a", "b", "c", breadth=7).context.branches]
    out = course("a", "b", "c", breadth=2)

    assert split == [3, 2, 2]
    assert out.of(Start) == []
    assert [branch.status for branch in out.best] == [440]


def test_p6_breadth_comes_back_when_a_branch_ends() -> None:
    found = course("a", "b", parallel=False, breadth=1)

    found.receive(0, 486)

    assert [branch.breadth for branch in found.context.branches] == [1, 1]


def test_p4_application_sees_each_branch_end() -> None:
    found = course("a", "b")

    found.receive(0, 486)
    found.take(Gone(1, 503))

    assert found.of(Ended) == [0, 1]


def test_p4_late_failure_of_a_branch_that_has_ended_is_nothing() -> None:
    found = course("a")
    found.receive(0, 200)

    assert found.receive(0, 500) == []
    assert found.take(Gone(0, 408)) == []


@pytest.mark.parametrize("status", [305, 380])
def test_p9_redirections_for_the_caller_are_passed_on(status: int) -> None:
    found = course("a")

    found.receive(0, status, "sip:new@example.net")

    assert [branch.status for branch in found.best] == [status]
