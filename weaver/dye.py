"""Dyes: the names of the flags and their bits, masks, and the objects that a guard reads.

A guard must not do arithmetic on 64-bit integers: for every mask in use one boolean slot (``m0`` ... ``m63``) is set on
each ``Dyes`` object when its vector is interned. A mask's gate is open while any live ``Dyes`` matches it, so that code
that nobody's message can trigger pays one attribute.
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


class Dyes:
    """An interned dye vector with one boolean for each mask in use."""

    __slots__ = ("__weakref__", "vector", *(f"m{n}" for n in range(SLOTS)))

    vector: int

    def __init__(self, vector: int, matches: bool = False) -> None:
        self.vector = vector
        for name in SLOT_NAMES:
            setattr(self, name, matches)


SLOT_NAMES = tuple(f"m{n}" for n in range(SLOTS))

UNRESOLVED = Dyes(0, matches=True)
"""The default of a greenlet without dyes: every guard lets it through to the slow path, which looks again."""


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


class DyeSpace:
    """The masks in use and the live ``Dyes``."""

    def __init__(self) -> None:
        self._slots: dict[int, tuple[str, Gate]] = {}
        self._live: WeakValueDictionary[int, Dyes] = WeakValueDictionary()
        self._indifferent: dict[int, Dyes] = {}
        self._matching: dict[str, int] = {}

    def slot_of(self, mask: int) -> tuple[str, Gate]:
        """Return slot and gate of a mask; a new mask gets the next slot, set on all live objects first.

        Errors: WeaverError when more masks are in use than there are slots.
        """
        found = self._slots.get(mask)
        if found is not None:
            return found
        if len(self._slots) >= SLOTS:
            raise WeaverError(f"more than {SLOTS} different dye masks are in use")
        slot, gate = SLOT_NAMES[len(self._slots)], Gate(on=mask == 0)
        self._indifferent.clear()
        self._slots[mask] = slot, gate
        for dyes in list(self._live.values()):
            self._set(dyes, mask, slot, gate)
        return slot, gate

    def intern(self, vector: int) -> Dyes:
        """Return the one ``Dyes`` object of a vector."""
        dyes = self._indifferent.get(vector) or self._live.get(vector)
        if dyes is None:
            dyes = Dyes(vector)
            matched = [self._set(dyes, mask, slot, gate) for mask, (slot, gate) in self._slots.items()]
            self._live[vector] = dyes
            if not any(matched) and len(self._indifferent) < 256:
                self._indifferent[vector] = dyes
        return dyes

    def _set(self, dyes: Dyes, mask: int, slot: str, gate: Gate) -> bool:
        matches = dyes.vector & mask == mask
        setattr(dyes, slot, matches)
        if matches and mask:
            self._matching[slot] = self._matching.get(slot, 0) + 1
            gate.on = True
            finalize(dyes, self._gone, slot, gate).atexit = False
        return matches and mask != 0

    def _gone(self, slot: str, gate: Gate) -> None:
        self._matching[slot] -= 1
        if not self._matching[slot]:
            gate.on = False


SPACE = DyeSpace()
"""The space of this process."""
