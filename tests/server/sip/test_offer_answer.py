import pytest

from server.errors import IllegalTransitionError
from server.sip.offer_answer import REFUSALS, TABLE, Negotiation, is_allowed, refusal_of, step

STATES = ("Stable", "LocalOffer", "RemoteOffer")
EVENTS = ("send-offer", "receive-offer", "send-answer", "receive-answer", "fail")


def reach(state: str) -> Negotiation:
    agreed = step(step(Negotiation(), "send-offer", b"first"), "receive-answer", b"second")
    event = {"Stable": None, "LocalOffer": "send-offer", "RemoteOffer": "receive-offer"}[state]
    return agreed if event is None else step(agreed, event, b"open")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_D11_every_pair_is_a_step_or_an_error(state: str, event: str) -> None:
    negotiation = reach(state)

    assert is_allowed(negotiation, event) is ((state, event) in TABLE)
    if (state, event) in TABLE:
        assert step(negotiation, event, b"x").state == TABLE[state, event]
    else:
        with pytest.raises(IllegalTransitionError):
            step(negotiation, event, b"x")
    assert refusal_of(negotiation, event) == REFUSALS.get((state, event))


def test_D11_our_offer_and_its_answer_are_in_force_together() -> None:
    assert reach("Stable") == Negotiation("Stable", b"first", b"second", b"")
    assert step(reach("LocalOffer"), "receive-answer", b"new") == Negotiation("Stable", b"open", b"new", b"")


def test_D11_offer_of_the_peer_and_our_answer_are_in_force_together() -> None:
    assert step(reach("RemoteOffer"), "send-answer", b"new") == Negotiation("Stable", b"new", b"open", b"")


@pytest.mark.parametrize("state", ["LocalOffer", "RemoteOffer"])
def test_D11_offer_that_fails_leaves_all_as_it_was(state: str) -> None:
    assert step(reach(state), "fail") == reach("Stable")


def test_D11_glare_is_491_and_a_second_offer_of_the_peer_500() -> None:
    assert refusal_of(reach("LocalOffer"), "receive-offer") == 491
    assert refusal_of(reach("RemoteOffer"), "receive-offer") == 500
