import gc

import pytest

from weaver.dye import SLOTS, Dyes, DyeSpace, mask_of
from weaver.dye_mask import ALWAYS, Mask, any_of
from weaver.errors import WeaverError

ADDR1, SIP_REQ = mask_of(["ADDR1"]), mask_of(["SIP_REQ"])


def mask(vector: int) -> Mask:
    """The mask that asks for all bits of a vector."""
    return Mask(frozenset({(vector, 0)}))


def test_slot_is_true_only_when_all_flags_of_the_mask_are_set() -> None:
    space = DyeSpace()
    slot, _ = space.slot_of(mask(ADDR1 | SIP_REQ))

    both, more, one = space.intern(ADDR1 | SIP_REQ), space.intern(ADDR1 | SIP_REQ | 1 << 40), space.intern(ADDR1)

    assert (getattr(both, slot), getattr(more, slot), getattr(one, slot)) == (True, True, False)


def test_slot_of_several_masks_is_true_when_one_matches() -> None:
    space = DyeSpace()
    slot, _ = space.slot_of(any_of([mask(ADDR1), mask(SIP_REQ)]))

    assert [getattr(space.intern(vector), slot) for vector in (ADDR1, SIP_REQ, 0)] == [True, True, False]


def test_new_mask_is_set_on_dyes_that_live_already() -> None:
    space = DyeSpace()
    dyes = space.intern(ADDR1)

    slot, gate = space.slot_of(mask(ADDR1))

    assert getattr(dyes, slot) is True
    assert gate.on


def test_vector_has_one_object_while_it_lives() -> None:
    space = DyeSpace()

    assert space.intern(ADDR1) is space.intern(ADDR1)


def test_gate_is_open_only_while_a_matching_object_lives() -> None:
    space = DyeSpace()
    _, gate = space.slot_of(mask(ADDR1))
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
    for vector in held:
        space.hold(mask(vector))
    slot, old = space.slot_of(mask(1 << 63))
    dyes = space.intern(1 << 63)
    assert old.on

    again, gate = space.slot_of(mask(1 << 63 | 1))

    assert again == slot
    assert getattr(dyes, again) is False
    assert not gate.on
    assert not old.on


def test_object_of_a_slot_before_does_not_close_the_gate_of_its_heir() -> None:
    space = DyeSpace()
    for n in range(SLOTS - 1):
        space.hold(mask(1 << n))
    space.slot_of(mask(1 << 63))
    first = space.intern(1 << 63)
    _, gate = space.slot_of(mask(1 << 63 | 1))
    second = space.intern(1 << 63 | 1)

    del first
    gc.collect()

    assert gate.on
    assert second.vector == 1 << 63 | 1


def test_mask_is_refused_when_all_slots_are_held() -> None:
    space = DyeSpace()
    for n in range(SLOTS):
        space.hold(mask(1 << n))

    with pytest.raises(WeaverError, match="more than 64"):
        space.slot_of(mask(3))

    space.release(mask(1))
    space.slot_of(mask(3))


def test_object_is_plain_while_no_mask_but_the_empty_one_matches_it() -> None:
    space = DyeSpace()
    space.slot_of(ALWAYS)
    dyes = space.intern(ADDR1)
    assert dyes.is_plain
    assert space.plain == {ADDR1: dyes}

    space.slot_of(mask(ADDR1))

    assert not dyes.is_plain
    assert space.plain == {}
    assert not space.intern(SIP_REQ).muted.is_plain


def test_slot_of_a_mask_with_not_is_true_without_the_dye() -> None:
    space = DyeSpace()
    slot, gate = space.slot_of(Mask(frozenset({(0, ADDR1)})))

    without, having = space.intern(0), space.intern(ADDR1)

    assert (getattr(without, slot), getattr(having, slot), gate.on) == (True, False, True)


def test_vector_wider_than_a_machine_word_has_its_slots() -> None:
    space = DyeSpace()
    slot, _ = space.slot_of(mask(1 << 300 | 1))

    assert getattr(space.intern(1 << 300 | 3), slot)
    assert not getattr(space.intern(1 << 300), slot)
