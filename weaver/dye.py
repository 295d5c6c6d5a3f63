"""Dyes: the names of the flags and their bits, masks, and the objects that a guard reads.

A guard must not do arithmetic on 64-bit integers: for every mask in use one boolean slot (``m0`` ... ``m63``) is set on
each ``Dyes`` object when its vector is interned. A mask's gate is open while any live ``Dyes`` matches it, so that code
that nobody's message can trigger pays one attribute. Several masks at one joinpoint share a slot that says whether any
of them matches, the empty mask matches always. A slot whose masks nobody holds any more is used again when all are
taken.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from weakref import WeakValueDictionary, finalize

from weaver.errors import UnknownNameError, WeaverError
from weaver.weaving import Gate

SLOTS = 64

FLAGS = (
    *(f"{group}{number}" for group in ("ADDR", "USER", "COOKIE", "CONNECTOR") for number in (1, 2, 3, 4)),
    *(f"PROTOCOL_{name}" for name in ("HTTP", "IIOP", "JRMP", "RMI", "SOAP", "SSL", "T3")),
    "THROTTLE",
    *(f"DYE_{number}" for number in range(8)),
    "PROTOCOL_SIP", "SIP_REQ", "SIP_RES", "SIP_REQURI", "SIP_ANY_HEADER",
)  # fmt: skip
"""Flag names; a flag's bit is its place here."""

BITS = {name: bit for bit, name in enumerate(FLAGS)}


SLOT_NAMES = tuple(f"m{n}" for n in range(SLOTS))


class Dyes:
    """An interned dye vector with one boolean for each mask in use.

    Shape: while advice runs, the current object is the ``muted`` twin of what was current: no slot of it is ever set,
    so that every guard keeps advice from triggering advice.
    """

    __slots__ = ("__weakref__", "_muted", "is_muted", "vector", *SLOT_NAMES)

    vector: int
    is_muted: bool

    def __init__(self, vector: int, *, is_muted: bool = False) -> None:
        self.vector = vector
        self.is_muted = is_muted
        self._muted: Dyes | None = None
        for name in SLOT_NAMES:
            setattr(self, name, False)

    @property
    def muted(self) -> Dyes:
        """The twin that matches no mask; itself if it is one."""
        if self.is_muted:
            return self
        if self._muted is None:
            self._muted = Dyes(self.vector, is_muted=True)
        return self._muted


def mask_of(names: Iterable[str]) -> int:
    """Return the mask of flag names.

    Errors: UnknownNameError, with the nearest name.
    """
    mask = 0
    for name in names:
        if name not in BITS:
            near = difflib.get_close_matches(name, FLAGS, 1)
            raise UnknownNameError(f"{name!r} is no dye flag" + (f"; did you mean {near[0]!r}?" if near else ""))
        mask |= 1 << BITS[name]
    return mask


def names_of(vector: int) -> tuple[str, ...]:
    """Return the names of the flags that are set."""
    return tuple(name for name, bit in BITS.items() if vector >> bit & 1)


class _Slot:
    """One boolean of every ``Dyes``: the masks it stands for, who needs it, how many live objects have it set."""

    __slots__ = ("gate", "holders", "masks", "matching", "name")

    def __init__(self, name: str, masks: frozenset[int]) -> None:
        self.name = name
        self.masks = masks
        self.gate = Gate(on=0 in masks)
        self.holders = 0
        self.matching = 0


class DyeSpace:
    """The masks in use and the live ``Dyes``.

    Shape: ``wanted`` has the flags that the mask of some enabled monitor names, ``always_wanted`` those that something
    else looks at.
    """

    def __init__(self) -> None:
        self.wanted = 0
        self.always_wanted = 0
        self._slots: dict[frozenset[int], _Slot] = {}
        self._live: WeakValueDictionary[int, Dyes] = WeakValueDictionary()
        self._indifferent: dict[int, Dyes] = {}

    def slot_of(self, *masks: int) -> tuple[str, Gate]:
        """Return slot and gate of a mask, or of several of which any may match; a new slot is set on all live objects.

        Errors: WeaverError when all slots are held.
        """
        key = frozenset(masks)
        slot = self._slots.get(key) or self._allot(key)
        return slot.name, slot.gate

    def hold(self, *masks: int) -> None:
        """Keep the slot of these masks for as long as woven code reads it.

        Errors: WeaverError when all slots are held.
        """
        self.slot_of(*masks)
        self._slots[frozenset(masks)].holders += 1

    def release(self, *masks: int) -> None:
        """Give back what ``hold`` took; the slot stays until another needs its place."""
        self._slots[frozenset(masks)].holders -= 1

    def _allot(self, masks: frozenset[int]) -> _Slot:
        if len(self._slots) < SLOTS:
            slot = _Slot(SLOT_NAMES[len(self._slots)], masks)
        else:
            unused = next((old for old in self._slots.values() if not old.holders), None)
            if unused is None:
                raise WeaverError(f"more than {SLOTS} different dye masks are in use")
            del self._slots[unused.masks]
            unused.gate.on = False
            slot = _Slot(unused.name, masks)
        self._indifferent.clear()
        self._slots[masks] = slot
        for dyes in list(self._live.values()):
            self._set(dyes, slot)
        return slot

    def intern(self, vector: int) -> Dyes:
        """Return the one ``Dyes`` object of a vector."""
        dyes = self._indifferent.get(vector) or self._live.get(vector)
        if dyes is None:
            dyes = Dyes(vector)
            matched = [self._set(dyes, slot) for slot in self._slots.values()]
            self._live[vector] = dyes
            if not any(matched) and len(self._indifferent) < 256:
                self._indifferent[vector] = dyes
        return dyes

    @staticmethod
    def _set(dyes: Dyes, slot: _Slot) -> bool:
        matches = any(dyes.vector & mask == mask for mask in slot.masks)
        setattr(dyes, slot.name, matches)
        if not matches or 0 in slot.masks:
            return False
        slot.matching += 1
        slot.gate.on = True
        finalize(dyes, _gone, slot).atexit = False
        return True


def _gone(slot: _Slot) -> None:
    slot.matching -= 1
    if not slot.matching:
        slot.gate.on = False


SPACE = DyeSpace()
"""The space of this process."""
