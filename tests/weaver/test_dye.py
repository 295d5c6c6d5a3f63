import gc

import pytest

from weaver.dye import BITS, FLAGS, SLOTS, Dyes, DyeSpace, mask_of, names_of
from weaver.errors import UnknownNameError, WeaverError

ADDR1, SIP_REQ = mask_of(["ADDR1"]), mask_of(["SIP_REQ"])


def test_flags_fit_the_vector_and_keep_their_bits() -> None:
    assert len(FLAGS) == len(set(FLAGS)) == 37
    assert (BITS["ADDR1"], BITS["THROTTLE"], BITS["SIP_ANY_HEADER"]) == (0, 23, 36)


def test_names_of_gives_back_what_mask_of_took() -> None:
    assert names_of(mask_of(["SIP_REQ", "ADDR1"])) == ("ADDR1", "SIP_REQ")


def test_unknown_flag_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'SIP_REQ'"):
        mask_of(["SIP_REQQ"])


def test_slot_is_true_only_when_all_flags_of_the_mask_are_set() -> None:
    space = DyeSpace()
    slot, _ = space.slot_of(ADDR1 | SIP_REQ)

    both, more, one = space.intern(ADDR1 | SIP_REQ), space.intern(ADDR1 | SIP_REQ | 1 << 40), space.intern(ADDR1)

    assert (getattr(both, slot), getattr(more, slot), getattr(one, slot)) == (True, True, False)


def test_slot_of_several_masks_is_true_when_one_matches() -> None:
    space = DyeSpace()
    slot, _ = space.slot_of(ADDR1, SIP_REQ)

    assert [getattr(space.intern(vector), slot) for vector in (ADDR1, SIP_REQ, 0)] == [True, True, False]


def test_new_mask_is_set_on_dyes_that_live_already() -> None:
    space = DyeSpace()
    dyes = space.intern(ADDR1)

    slot, gate = space.slot_of(ADDR1)

    assert getattr(dyes, slot) is True
    assert gate.on


def test_vector_has_one_object_while_it_lives() -> None:
    space = DyeSpace()

    assert space.intern(ADDR1) is space.intern(ADDR1)


def test_gate_is_open_only_while_a_matching_object_lives() -> None:
    space = DyeSpace()
    _, gate = space.slot_of(ADDR1)
    space.intern(SIP_REQ)
    assert not gate.on

    dyes = [space.intern(ADDR1), space.intern(ADDR1 | SIP_REQ)]
    assert gate.on
    dyes.pop()
    gc.collect()
    assert gate.on

    dyes.clear()
    gc.collect()
    assert not gate.on


def test_every_slot_is_a_bool_from_the_start() -> None:
    assert {type(getattr(Dyes(0), f"m{n}")) for n in range(SLOTS)} == {bool}
    assert {getattr(Dyes(1).muted, f"m{n}") for n in range(SLOTS)} == {False}


def test_slot_that_nobody_holds_is_used_again() -> None:
    space = DyeSpace()
    held = [1 << n for n in range(SLOTS - 1)]
    for mask in held:
        space.hold(mask)
    slot, old = space.slot_of(1 << 63)
    dyes = space.intern(1 << 63)
    assert old.on

    again, gate = space.slot_of(1 << 63 | 1)

    assert again == slot
    assert getattr(dyes, again) is False
    assert not gate.on
    assert not old.on


def test_object_of_a_slot_before_does_not_close_the_gate_of_its_heir() -> None:
    space = DyeSpace()
    for n in range(SLOTS - 1):
        space.hold(1 << n)
    space.slot_of(1 << 63)
    first = space.intern(1 << 63)
    _, gate = space.slot_of(1 << 63 | 1)
    second = space.intern(1 << 63 | 1)

    del first
    gc.collect()

    assert gate.on
    assert second.vector == 1 << 63 | 1


def test_mask_is_refused_when_all_slots_are_held() -> None:
    space = DyeSpace()
    for n in range(SLOTS):
        space.hold(1 << n)

    with pytest.raises(WeaverError, match="more than 64"):
        space.slot_of(3)

    space.release(1)
    space.slot_of(3)
