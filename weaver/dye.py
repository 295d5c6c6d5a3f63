"""The objects that a guard reads: interned dye vectors, with one boolean for each mask in use.

A guard must not do arithmetic on 64-bit integers: for every mask in use one boolean slot (``m0`` ... ``m63``) is set on
each ``Dyes`` object when its vector is interned. A mask's gate is open while any live ``Dyes`` matches it, so that code
that nobody's message can trigger pays one attribute. The empty mask matches always. A slot whose mask nobody holds any
more is used again when all are taken. How wide a vector is, and what a mask has in it, costs nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakMethod, WeakValueDictionary, finalize

from weaver.dye_mask import Mask
from weaver.dye_names import BITS, FLAGS, NAMES, mask_of, names_of
from weaver.errors import WeaverError
from weaver.weaving import Gate

__all__ = ["BITS", "FLAGS", "NAMES", "SLOTS", "SLOT_NAMES", "SPACE", "DyeSpace", "Dyes", "mask_of", "names_of"]

SLOTS = 64

PLAIN = 256
"""How many plain objects are kept while nobody uses them."""

SLOT_NAMES = tuple(f"m{n}" for n in range(SLOTS))


class Dyes:
    """An interned dye vector with one boolean for each mask in use.

    Shape: while advice runs, the current object is the ``muted`` twin of what was current: no slot of it is ever set,
    so that every guard keeps advice from triggering advice. ``is_plain`` says of any other that it matches no mask in
    use but the empty one: all plain objects mean the same to a guard.
    """

    __slots__ = ("__weakref__", "_muted", "is_muted", "is_plain", "vector", *SLOT_NAMES)

    vector: int
    is_muted: bool
    is_plain: bool

    def __init__(self, vector: int, *, is_muted: bool = False) -> None:
        self.vector = vector
        self.is_muted = is_muted
        self.is_plain = not is_muted
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


class _Slot:
    """One boolean of every ``Dyes``: the mask it stands for, who needs it, how many live objects have it set."""

    __slots__ = ("gate", "holders", "mask", "matching", "name")

    def __init__(self, name: str, mask: Mask) -> None:
        self.name = name
        self.mask = mask
        self.gate = Gate(on=mask.is_always)
        self.holders = 0
        self.matching = 0


class DyeSpace:
    """The masks in use and the live ``Dyes``.

    Shape: ``wanted`` has the dyes that the mask of some enabled monitor names, ``always_wanted`` those that something
    else looks at; ``plain`` are some plain ``Dyes`` by their vector, always the same dict.
    """

    def __init__(self) -> None:
        self.wanted = 0
        self.always_wanted = 0
        self._told: list[WeakMethod[Callable[[], None]]] = []
        self.plain: dict[int, Dyes] = {}
        self._slots: dict[Mask, _Slot] = {}
        self._live: WeakValueDictionary[int, Dyes] = WeakValueDictionary()

    def want(self, vector: int) -> None:
        """Set which dyes the masks of monitors want, and tell those who follow that."""
        if vector != self.wanted:
            self.wanted = vector
            self._tell()

    def want_always(self, before: int, vector: int) -> None:
        """Want dyes in place of others, whatever monitors want, and tell those who follow that."""
        self.always_wanted = self.always_wanted & ~before | vector
        self._tell()

    def _tell(self) -> None:
        self._told = [reference for reference in self._told if reference() is not None]
        for reference in self._told:
            tell = reference()
            if tell is not None:
                tell()

    def follow_wanted(self, tell: Callable[[], None]) -> None:
        """Have a method called whenever other dyes are wanted, for as long as its object lives."""
        self._told.append(WeakMethod(tell))

    def slot_of(self, mask: Mask) -> tuple[str, Gate]:
        """Return slot and gate of a mask; a new slot is set on all live objects.

        Errors: WeaverError when all slots are held.
        """
        slot = self._slots.get(mask) or self._allot(mask)
        return slot.name, slot.gate

    def hold(self, mask: Mask) -> None:
        """Keep the slot of this mask for as long as woven code reads it.

        Errors: WeaverError when all slots are held.
        """
        self.slot_of(mask)
        self._slots[mask].holders += 1

    def release(self, mask: Mask) -> None:
        """Give back what ``hold`` took; the slot stays until another needs its place."""
        self._slots[mask].holders -= 1

    def _allot(self, mask: Mask) -> _Slot:
        if len(self._slots) < SLOTS:
            slot = _Slot(SLOT_NAMES[len(self._slots)], mask)
        else:
            unused = next((old for old in self._slots.values() if not old.holders), None)
            if unused is None:
                raise WeaverError(f"more than {SLOTS} different dye masks are in use")
            del self._slots[unused.mask]
            unused.gate.on = False
            slot = _Slot(unused.name, mask)
        self.plain.clear()
        self._slots[mask] = slot
        for dyes in list(self._live.values()):
            self._set(dyes, slot)
        return slot

    def intern(self, vector: int) -> Dyes:
        """Return the one ``Dyes`` object of a vector."""
        dyes = self.plain.get(vector) or self._live.get(vector)
        if dyes is None:
            dyes = Dyes(vector)
            for slot in self._slots.values():
                self._set(dyes, slot)
            self._live[vector] = dyes
        if dyes.is_plain and len(self.plain) < PLAIN:
            self.plain[vector] = dyes
        return dyes

    @staticmethod
    def _set(dyes: Dyes, slot: _Slot) -> None:
        matches = slot.mask.matches(dyes.vector)
        setattr(dyes, slot.name, matches)
        if not matches or slot.mask.is_always:
            return
        dyes.is_plain = False
        slot.matching += 1
        slot.gate.on = True
        finalize(dyes, _gone, slot).atexit = False


def _gone(slot: _Slot) -> None:
    slot.matching -= 1
    if not slot.matching:
        slot.gate.on = False


SPACE = DyeSpace()
"""The space of this process."""
