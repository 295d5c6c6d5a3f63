import msgspec
import pytest

from server.sip.build import make_response
from server.sip.effects import Deliver, Effect, Send
from server.sip.timers import TimerSettings
from server.sip.usage.invite import AcceptedInvite, accept, expire
from tests.server.sip.samples import request

SETTINGS = TimerSettings()
OK = make_response(request(), 200)


def test_accepted_invite_keeps_the_bytes_of_its_2xx_and_two_deadlines() -> None:
    accepted = accept(OK, 1, 10.0, SETTINGS)

    assert accepted == AcceptedInvite(OK.wire(), 0.5, 10.5, 42.0, 1)
    assert accepted.next_due == 10.5


def test_X9_2xx_is_repeated_up_to_t2_and_given_up_after_64_t1() -> None:
    accepted: AcceptedInvite | None = accept(OK, 1, 0.0, SETTINGS)
    sends: list[float] = []
    effects: tuple[Effect, ...] = ()
    now = 0.0
    while accepted is not None:
        now = accepted.next_due
        accepted, effects = expire(accepted, now, SETTINGS)
        sends += [now for effect in effects if effect == Send(OK.wire())]

    assert sends == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert (now, effects) == (32.0, (Deliver("no-ack"),))


def test_nothing_is_repeated_before_its_time() -> None:
    accepted = accept(OK, 1, 0.0, SETTINGS)

    assert expire(accepted, 0.4, SETTINGS) == (accepted, ())


@pytest.mark.parametrize(("now", "next_due"), [(0.6, 1.5), (5.0, 7.5), (8.0, 11.5)])
def test_X15_late_engine_sends_one_copy_and_keeps_to_the_original_times(now: float, next_due: float) -> None:
    accepted, effects = expire(accept(OK, 1, 0.0, SETTINGS), now, SETTINGS)

    assert effects == (Send(OK.wire()),)
    assert accepted is not None
    assert accepted.next_due == next_due


def test_accepted_invite_is_the_same_after_it_was_stored() -> None:
    accepted = accept(OK, 1, 0.0, SETTINGS)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(accepted), type=AcceptedInvite) == accepted
