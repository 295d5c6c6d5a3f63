"""Session timers, reliable responses and glare as values."""

from itertools import pairwise

import msgspec
import pytest

from server.sip.build import make_response
from server.sip.effects import Deliver, Send
from server.sip.headers.plain import RAck
from server.sip.message import Request
from server.sip.timers import TimerSettings
from server.sip.usage import glare, reliable, session_timer
from server.sip.usage.reliable import Reliable
from server.sip.usage.session_timer import SessionTimer
from tests.server.sip.samples import request

SETTINGS = TimerSettings()
RINGING = make_response(request(), 180, to_tag="b")


def asking(value: str, supported: str = "timer") -> Request:
    return request().with_header("Session-Expires", value).with_header("Supported", supported)


@pytest.mark.parametrize(
    ("interval", "refreshes", "due"),
    [(300, True, 150.0), (300, False, 268.0), (90, False, 60.0), (1800, False, 1768.0)],
)
def test_d14_refresh_is_at_half_and_the_end_a_third_or_32_seconds_early(
    interval: int, refreshes: bool, due: float
) -> None:
    assert session_timer.start(interval, 1000.0, refreshes=refreshes) == SessionTimer(interval, refreshes, 1000.0 + due)


@pytest.mark.parametrize(
    ("message", "is_short"),
    [(asking("89"), True), (asking("90"), False), (asking("89", "x"), False), (asking("x"), False), (request(), False)],
)
def test_d14_interval_is_too_short_for_who_knows_timers(message: Request, is_short: bool) -> None:
    assert session_timer.is_too_short(message) == is_short


def test_d14_value_that_cannot_be_read_asks_for_nothing() -> None:
    assert session_timer.agree(asking("soon"), 0.0) == (None, ())


def test_late_engine_sends_one_copy_of_a_reliable_response_and_keeps_to_the_times() -> None:
    waiting = reliable.begin(RINGING, 7, 0.0, SETTINGS)

    later, effects = reliable.expire(waiting, 4.0, SETTINGS)

    assert effects == (Send(RINGING.wire()),)
    assert later is not None
    assert later.next_due == 7.5
    assert reliable.expire(waiting, 0.4, SETTINGS) == (waiting, ())
    assert reliable.expire(waiting, 32.0, SETTINGS) == (None, (Deliver("no-prack"),))


def test_prack_is_for_the_response_with_its_numbers() -> None:
    waiting = reliable.begin(RINGING, 7, 0.0, SETTINGS)

    assert reliable.is_acknowledged(waiting, RAck(7, 1, "INVITE"))
    assert not reliable.is_acknowledged(waiting, RAck(8, 1, "INVITE"))
    assert not reliable.is_acknowledged(None, RAck(7, 1, "INVITE"))


def test_waiting_response_is_the_same_after_it_was_stored() -> None:
    waiting = reliable.begin(RINGING, 7, 0.0, SETTINGS)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(waiting), type=Reliable) == waiting


@pytest.mark.parametrize(("is_owner", "low", "high"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_d5_waits_after_glare_are_those_of_the_rfc(is_owner: bool, low: float, high: float) -> None:
    waits = [glare.wait(choice, is_owner=is_owner) for choice in range(glare.choices(is_owner=is_owner))]

    assert (waits[0], waits[-1]) == (pytest.approx(low), pytest.approx(high))
    assert all(later - earlier == pytest.approx(0.01) for earlier, later in pairwise(waits))
