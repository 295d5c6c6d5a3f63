import pytest

from weaver.dye_names import BITS, FLAGS, DyeNames, mask_of, names_of
from weaver.errors import InvalidAttributeError, UnknownNameError, WeaverError

ROOM = 64 - len(FLAGS)


def full() -> DyeNames:
    """Names of which none is left, each held by a rule of its own."""
    names = DyeNames()
    for number in range(ROOM):
        names.hold(f"rule {number}", [f"N{number}"])
    return names


def test_flags_keep_their_bits_and_leave_room_for_twenty_named_dyes() -> None:
    assert len(FLAGS) == len(set(FLAGS)) == 43
    assert (BITS["ADDR1"], BITS["THROTTLE"], BITS["SIP_ANY_HEADER"], BITS["QUERY1"]) == (0, 23, 36, 37)
    assert ROOM >= 20


def test_names_of_gives_back_what_mask_of_took() -> None:
    assert names_of(mask_of(["SIP_REQ", "ADDR1"])) == ("ADDR1", "SIP_REQ")
    assert names_of(0) == ()


def test_unknown_flag_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'SIP_REQ'"):
        mask_of(["SIP_REQQ"])


def test_named_dye_has_a_bit_behind_the_flags_and_a_name() -> None:
    names = DyeNames()

    names.hold("rule 1", ["ALICE"])

    assert names.bit("ALICE") == len(FLAGS)
    assert names.names_of(1 << len(FLAGS) | 1) == ("ADDR1", "ALICE")


def test_rules_share_a_named_dye() -> None:
    names = DyeNames()

    for number in range(100):
        names.hold(f"rule {number}", ["ALICE"])

    assert len(names.holders("ALICE")) == 100


def test_name_beyond_the_width_is_refused_and_all_holders_are_named() -> None:
    names = full()

    with pytest.raises(WeaverError, match=rf"all {ROOM} named dyes are held.*N0 \(rule 0\).*N20 \(rule 20\).*width"):
        names.hold("rule 99", ["ONE_MORE"])

    assert "ONE_MORE" not in names


def test_wider_vector_has_room_for_more() -> None:
    names = full()
    names.widen(128)

    names.hold("rule 99", ["ONE_MORE"])

    assert names.bit("ONE_MORE") == 64


def test_trial_leaves_the_names_as_they_were_and_tells_nobody() -> None:
    names, told = full(), []
    names.on_reuse.append(told.append)
    names.hold("rule 3", [])
    before = names.bits(), names.width, names.holders("N4")

    with names.trial():
        names.hold("rule 4", [])
        names.hold("rule 98", ["ONE_MORE", "AND_ANOTHER"])
        names.widen(70)
        with pytest.raises(WeaverError, match="all"):
            names.hold("rule 99", [f"M{number}" for number in range(7)])

    assert (names.bits(), names.width, names.holders("N4")) == before
    assert told == []
    names.hold("rule 99", ["ONE_MORE"])
    assert told == [before[0]["N3"]]


def test_bit_that_nobody_holds_goes_to_the_next_name_and_whoever_asked_is_told() -> None:
    names, told = full(), []
    names.on_reuse.append(told.append)
    bit = names.bit("N3")
    names.hold("rule 3", [])
    assert names.bit("N3") == bit

    names.hold("rule 99", ["ONE_MORE"])

    assert names.bit("ONE_MORE") == bit
    assert told == [bit]
    assert "N3" not in names


@pytest.mark.parametrize("name", ["alice", "A B", "9A", "AND", "", "A" * 33])
def test_what_cannot_be_a_name_is_refused_and_the_holder_keeps_what_it_had(name: str) -> None:
    names = DyeNames()
    names.hold("rule 1", ["ALICE"])

    with pytest.raises(InvalidAttributeError, match="no name of a dye"):
        names.hold("rule 1", [name])

    assert names.holders("ALICE") == ["rule 1"]


def test_flag_needs_no_holder() -> None:
    names = DyeNames()

    names.hold("monitor M", ["ADDR1"])

    assert names.holders("ADDR1") == []
