"""Subscriptions and publications as values."""

import pytest

from server.sip.message import Request
from server.sip.usage.publication import Publication, published
from server.sip.usage.subscription import Told, key_of, subscribes, told
from tests.server.sip.samples import request


def notify(state: str | None) -> Request:
    message = request("NOTIFY")
    return message if state is None else message.with_header("Subscription-State", state)


@pytest.mark.parametrize(
    ("event", "key"), [("presence", "presence"), ("presence;id=7;x=y", "presence;id=7"), (";", None), (None, None)]
)
def test_d20_subscription_is_named_by_its_event_and_id(event: str | None, key: str | None) -> None:
    message = request("SUBSCRIBE")

    assert key_of(message if event is None else message.with_header("Event", event)) == key


def test_d18_referral_is_named_by_its_number() -> None:
    assert key_of(request("REFER")) == "refer;id=1"


@pytest.mark.parametrize(("value", "asks"), [(None, True), ("true", True), ("False", False)])
def test_d18_referral_asks_to_be_told_unless_it_says_no(value: str | None, asks: bool) -> None:
    message = request("REFER")

    assert subscribes(message if value is None else message.with_header("Refer-Sub", value)) == asks


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("active;expires=60", Told("active", 60)),
        ("Terminated;reason=NoResource;retry-after=9", Told("terminated", 3600, "noresource", 9)),
        ("pending;expires=99999999999", Told("pending", 3600)),
        (";", None),
        (None, None),
    ],
)
def test_d20_state_is_read_as_far_as_it_can_be(state: str | None, says: Told | None) -> None:
    assert told(notify(state)) == says


def test_d22_publication_that_has_run_out_cannot_be_refreshed() -> None:
    before = {"e1": Publication(b"x", "text/plain", 10.0)}
    refresh = request("PUBLISH").with_header("SIP-If-Match", "e1")

    assert published(refresh, before, "e2", 9.0).status == 200
    assert published(refresh, before, "e2", 10.0).status == 412


def test_d22_publication_without_a_body_is_nothing() -> None:
    assert published(request("PUBLISH"), {}, "e1", 0.0).status == 400


def test_d22_publication_for_too_short_a_time_is_refused_with_the_shortest() -> None:
    brief = request("PUBLISH").with_header("Expires", "59").with_body(b"x", "text/plain")

    assert published(brief, {}, "e1", 0.0) == (423, {}, (("Min-Expires", "60"),))
