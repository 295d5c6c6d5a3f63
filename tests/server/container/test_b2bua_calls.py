"""A call between Alice and Bob through one B2BUA, message by message."""

import pytest

from server.sip.build import make_ack, make_cancel
from server.sip.message import Request, Response
from tests.server.container.kit import BOB, House, lines, reply


def invited(house: House, **more: object) -> tuple[Request, Request]:
    """Send Alice's INVITE; return it and the one that Bob gets."""
    invite = house.request(**more)  # type: ignore[arg-type]
    sent = house.receive(invite)
    (second,) = [m for m in sent if isinstance(m, Request)]
    return invite, second


def answered(house: House) -> tuple[Request, Request, Response]:
    """Bring a call to its 200; return both INVITEs and what Alice gets."""
    invite, second = invited(house)
    (ok,) = house.receive(reply(second, 200), BOB)
    assert isinstance(ok, Response)
    return invite, second, ok


def joined(house: House) -> tuple[Request, Response]:
    """Bring a call to its ACK; return Bob's INVITE and Alice's 200."""
    _, second, ok = answered(house)
    assert lines(house.receive(house.in_dialog("ACK", 1, ok))) == ["ACK"]
    return second, ok


def test_invite_is_relayed_with_one_hop_less_and_answered_100(relay: House) -> None:
    sent = relay.receive(relay.request(hops=10, body=b"offer", extra=(("Subject", "lunch"),)))

    assert lines(sent) == ["INVITE", "100 INVITE"]
    second = sent[0]
    assert isinstance(second, Request)
    assert (second.max_forwards, second.body, second.headers.get("subject")) == (9, b"offer", "lunch")
    assert second.call_id != "c-1"


def test_ringing_answer_and_ack_pass_through(relay: House) -> None:
    _, second = invited(relay)

    assert lines(relay.receive(reply(second, 180), BOB)) == ["180 INVITE"]
    (ok,) = relay.receive(reply(second, 200, body=b"answer", content_type="text/plain"), BOB)
    assert (ok.body, ok.to.tag) != (b"", None)
    (ack,) = relay.receive(relay.in_dialog("ACK", 1, ok))
    assert (ack.method, ack.to.tag) == ("ACK", "b")


def test_repeated_ack_is_not_relayed_again(relay: House) -> None:
    _, ok = joined(relay)

    assert relay.receive(relay.in_dialog("ACK", 1, ok)) == []


def test_bye_of_either_side_ends_both_legs(relay: House) -> None:
    _, ok = joined(relay)

    sent = relay.receive(relay.in_dialog("BYE", 2, ok))
    assert sorted(lines(sent)) == ["200 BYE", "BYE"]
    (bye,) = [m for m in sent if isinstance(m, Request)]
    assert relay.receive(reply(bye, 200), BOB) == []
    assert lines(relay.receive(relay.in_dialog("INFO", 3, ok))) == ["481 INFO"]


@pytest.mark.parametrize("method", ["INFO", "UPDATE", "MESSAGE"])
def test_request_in_the_dialog_and_its_answer_are_relayed(relay: House, method: str) -> None:
    _, ok = joined(relay)

    (relayed,) = relay.receive(relay.in_dialog(method, 2, ok, body=b"x"))
    assert (relayed.method, relayed.body) == (method, b"x")
    assert lines(relay.receive(reply(relayed, 200), BOB)) == [f"200 {method}"]


def test_second_invite_is_relayed_and_a_third_is_refused_while_it_is_open(relay: House) -> None:
    _, ok = joined(relay)
    sent = relay.receive(relay.in_dialog("INVITE", 2, ok))
    (second,) = [m for m in sent if isinstance(m, Request)]

    assert lines(relay.receive(relay.in_dialog("INVITE", 3, ok))) == ["500 INVITE"]
    assert lines(relay.receive(reply(second, 200), BOB)) == ["200 INVITE"]


def test_invite_that_crosses_ours_is_refused_with_491(relay: House) -> None:
    bobs, ok = joined(relay)
    relay.receive(relay.in_dialog("INVITE", 2, ok))
    crossing = relay.request(
        "INVITE", 1, bobs.from_.tag or "", tag="b", call_id=bobs.call_id, call_to="<sip:alice@192.0.2.1>"
    )

    assert lines(relay.receive(crossing, BOB)) == ["491 INVITE"]


def test_bye_while_an_invite_is_open_answers_that_with_487(relay: House) -> None:
    _, ok = joined(relay)
    relay.receive(relay.in_dialog("INVITE", 2, ok))

    sent = lines(relay.receive(relay.in_dialog("BYE", 3, ok)))

    assert {"487 INVITE", "200 BYE"} <= set(sent)


@pytest.mark.parametrize(("cseq", "status"), [(1, 500), (2, 200)])
def test_number_in_a_dialog_must_rise(relay: House, cseq: int, status: int) -> None:
    _, ok = joined(relay)

    assert f"{status} BYE" in lines(relay.receive(relay.in_dialog("BYE", cseq, ok)))


def test_refusal_goes_back_and_is_acknowledged(relay: House) -> None:
    invite, second = invited(relay)

    sent = relay.receive(reply(second, 486), BOB)

    assert sorted(lines(sent)) == ["486 INVITE", "ACK"]
    busy = next(m for m in sent if isinstance(m, Response))
    assert relay.receive(make_ack(invite, busy)) == []


def test_cancel_before_ringing_waits_for_the_first_provisional(relay: House) -> None:
    invite, second = invited(relay)

    assert sorted(lines(relay.receive(make_cancel(invite)))) == ["200 CANCEL", "487 INVITE"]
    sent = relay.receive(reply(second, 180), BOB)
    assert lines(sent) == ["CANCEL"]
    assert relay.receive(reply(sent[0], 200), BOB) == []
    assert lines(relay.receive(reply(second, 487), BOB)) == ["ACK"]


def test_cancel_while_it_rings_goes_on_at_once(relay: House) -> None:
    invite, second = invited(relay)
    relay.receive(reply(second, 180), BOB)

    assert sorted(lines(relay.receive(make_cancel(invite)))) == ["200 CANCEL", "487 INVITE", "CANCEL"]


def test_answer_that_crosses_the_cancel_is_acknowledged_and_ended(relay: House) -> None:
    invite, second = invited(relay)
    relay.receive(make_cancel(invite))

    assert lines(relay.receive(reply(second, 200), BOB)) == ["ACK", "BYE"]


def test_cancel_after_the_answer_changes_nothing(relay: House) -> None:
    invite, _, ok = answered(relay)

    assert lines(relay.receive(make_cancel(invite))) in (["200 CANCEL"], ["481 CANCEL"])
    assert lines(relay.receive(relay.in_dialog("ACK", 1, ok))) == ["ACK"]


def test_cancel_of_another_transaction_of_the_call_is_refused(relay: House) -> None:
    invited(relay)

    assert lines(relay.receive(make_cancel(relay.request()))) == ["481 CANCEL"]


def test_answer_of_a_second_callee_is_acknowledged_and_ended(relay: House) -> None:
    _, second, ok = answered(relay)
    relay.receive(relay.in_dialog("ACK", 1, ok))

    sent = relay.receive(reply(second, 200, tag="c"), BOB)

    assert lines(sent) == ["ACK", "BYE"]
    assert {m.to.tag for m in sent} == {"c"}
    assert "200 BYE" in lines(relay.receive(relay.in_dialog("BYE", 2, ok)))


def test_repeated_answer_waits_for_the_ack_and_then_gets_it_again(relay: House) -> None:
    _, second, ok = answered(relay)

    assert relay.receive(reply(second, 200), BOB) == []
    (ack,) = relay.receive(relay.in_dialog("ACK", 1, ok))
    assert [m.wire() for m in relay.receive(reply(second, 200), BOB)] == [ack.wire()]


def test_invite_that_nobody_answers_is_408(relay: House) -> None:
    invited(relay)

    found = [line for _ in range(70) for line in lines(relay.pass_time(0.5))]

    assert found.count("INVITE") == 6
    assert found.count("408 INVITE") >= 1


def test_invite_that_cannot_be_sent_is_503(relay: House) -> None:
    relay.wire.broken.add(BOB[0])

    assert "503 INVITE" in lines(relay.receive(relay.request()))


def test_bye_that_nobody_answers_is_given_up_in_silence(relay: House) -> None:
    _, ok = joined(relay)
    relay.receive(relay.in_dialog("BYE", 2, ok))

    found = [line for _ in range(80) for line in lines(relay.pass_time(0.5))]

    assert set(found) == {"BYE"}
    assert relay.engine.failed_items == 0


def test_answer_that_is_never_acknowledged_ends_both_legs(relay: House) -> None:
    answered(relay)

    found = [line for _ in range(70) for line in lines(relay.pass_time(0.5))]

    assert found.count("200 INVITE") >= 8
    assert "BYE" in found


def test_call_without_hops_left_is_refused(relay: House) -> None:
    assert lines(relay.receive(relay.request(hops=0))) == ["483 INVITE"]


def test_request_that_requires_an_extension_is_refused_by_its_name(relay: House) -> None:
    (refused,) = relay.receive(relay.request(extra=(("Require", "foo, bar"),)))

    assert (lines([refused]), refused.headers.get("unsupported")) == (["420 INVITE"], "foo, bar")


def test_message_outside_a_call_is_relayed_and_its_session_ends(relay: House) -> None:
    (relayed,) = relay.receive(relay.request("MESSAGE", body=b"hello"))

    assert (relayed.method, relayed.body) == ("MESSAGE", b"hello")
    assert lines(relay.receive(reply(relayed, 202), BOB)) == ["202 MESSAGE"]


def test_callee_that_ends_the_dialog_by_481_ends_the_session(relay: House) -> None:
    _, ok = joined(relay)
    (relayed,) = relay.receive(relay.in_dialog("INFO", 2, ok))

    assert lines(relay.receive(reply(relayed, 481), BOB)) == ["481 INFO"]
    assert lines(relay.receive(relay.in_dialog("INFO", 3, ok)))[0] in {"481 INFO", "500 INFO"}


def test_caller_whose_call_ended_on_the_other_side_gets_481(relay: House) -> None:
    bobs, ok = joined(relay)
    bye = relay.request("BYE", 1, bobs.from_.tag or "", tag="b", call_id=bobs.call_id, call_to="<sip:alice@192.0.2.1>")

    sent = relay.receive(bye, BOB)

    assert sorted(lines(sent)) == ["200 BYE", "BYE"]
    assert lines(relay.receive(relay.in_dialog("UPDATE", 2, ok))) == ["481 UPDATE"]


def test_G12_name_in_other_bytes_than_utf8_hurts_no_call(relay: House) -> None:
    name = b"Ren\xe9".decode("utf-8", "surrogateescape")
    invite = relay.request().with_header("From", f'"{name}" <sip:alice@192.0.2.1>;tag=a')

    second = next(m for m in relay.receive(invite) if isinstance(m, Request))
    (ok,) = relay.receive(reply(second, 200), BOB)
    relay.receive(relay.in_dialog("ACK", 1, ok))
    bye = next(m for m in relay.receive(relay.in_dialog("BYE", 2, ok)) if isinstance(m, Request))

    assert second.from_.display == bye.from_.display == "René"
    assert 'Ren\udce9" <sip:alice' in (ok.headers.get("from") or "")
