"""The names of dyes and their bits: the flags, whose bits are fixed, and named dyes, which get one while they are used.

A named dye is held by whoever uses it: the rules that set it, the monitors whose masks name it. One that nobody holds
keeps its bit until another needs the place. Any number of rules may share a name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from weaver.errors import InvalidAttributeError, UnknownNameError, WeaverError

FLAGS = (
    *(f"{group}{number}" for group in ("ADDR", "USER", "COOKIE", "CONNECTOR") for number in (1, 2, 3, 4)),
    *(f"PROTOCOL_{name}" for name in ("HTTP", "IIOP", "JRMP", "RMI", "SOAP", "SSL", "T3")),
    "THROTTLE",
    *(f"DYE_{number}" for number in range(8)),
    "PROTOCOL_SIP", "SIP_REQ", "SIP_RES", "SIP_REQURI", "SIP_ANY_HEADER",
    *(f"QUERY{number}" for number in (1, 2, 3, 4)),
    "EXECQ", "THREADGROUP",
)  # fmt: skip
"""Flag names; a flag's bit is its place here."""

BITS = {name: bit for bit, name in enumerate(FLAGS)}

WIDTH = 64
"""How many dyes there are unless the configuration says otherwise."""

MAX_WIDTH = 1_024

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
_WORDS = frozenset({"AND", "OR", "NOT"})


class DyeNames:
    """Names and bits, and who holds the named dyes.

    Shape: what ``on_reuse`` holds is called with a bit that another name gets; messages and calls may still have it.
    """

    def __init__(self, width: int = WIDTH) -> None:
        self.width = width
        self.on_reuse: list[Callable[[int], object]] = []
        self._bits = dict(BITS)
        self._by_bit = dict(enumerate(FLAGS))
        self._held: dict[str, frozenset[str]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._bits

    def __iter__(self) -> Iterator[str]:
        return iter(self._bits)

    def __len__(self) -> int:
        return len(self._bits)

    def bits(self) -> dict[str, int]:
        """Return the bit of each name, as they are now."""
        return dict(self._bits)

    def widen(self, width: int) -> None:
        """Have so many dyes from now on; never fewer than there are."""
        self.width = max(width, self.width)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Take back at the end of the block whatever it did to the names; nobody is told of bits that it uses again."""
        bits, by_bit, held = dict(self._bits), dict(self._by_bit), dict(self._held)
        width, told = self.width, self.on_reuse
        self.on_reuse = []
        try:
            yield
        finally:
            self._bits, self._by_bit, self._held = bits, by_bit, held
            self.width, self.on_reuse = width, told

    def bit(self, name: str) -> int:
        """Return the bit of a flag or named dye.

        Errors: UnknownNameError, with the nearest name.
        """
        found = self._bits.get(name)
        if found is None:
            near = difflib.get_close_matches(name.upper(), self._bits, 1)
            raise UnknownNameError(f"{name!r} is no dye flag" + (f"; did you mean {near[0]!r}?" if near else ""))
        return found

    def names_of(self, vector: int) -> tuple[str, ...]:
        """Return the names of the dyes that are set, by bit."""
        found, names = vector, []
        while found:
            lowest = found & -found
            found ^= lowest
            names.append(self._by_bit.get(lowest.bit_length() - 1, ""))
        return tuple(name for name in names if name)

    def hold(self, holder: str, names: Iterable[str]) -> None:
        """Have a holder hold the named dyes among these and no others; new names get a bit.

        Shape: ``holder`` says in words who it is; without names it holds nothing any more.
        Errors: InvalidAttributeError for what cannot be a name; WeaverError, with all holders, when all bits are held.
        """
        wanted = frozenset(name for name in names if name not in BITS)
        before = self._held.pop(holder, frozenset())
        try:
            for name in sorted(wanted - self._bits.keys()):
                self._allot(name, wanted)
        except WeaverError:
            wanted = before
            raise
        finally:
            if wanted:
                self._held[holder] = wanted

    def holders(self, name: str) -> list[str]:
        """Return who holds a named dye."""
        return [holder for holder, held in self._held.items() if name in held]

    def _allot(self, name: str, wanted: frozenset[str]) -> None:
        if _NAME.fullmatch(name) is None or name in _WORDS:
            raise InvalidAttributeError(
                f"{name!r} is no name of a dye: up to 32 capitals, digits and '_', a capital first, none of the flags"
            )
        bit = next((bit for bit in range(len(FLAGS), self.width) if bit not in self._by_bit), None)
        if bit is None:
            bit = self._take_back(name, wanted)
        self._bits[name] = bit
        self._by_bit[bit] = name

    def _take_back(self, name: str, wanted: frozenset[str]) -> int:
        """Return the bit of a name that nobody holds."""
        held = wanted.union(*self._held.values())
        unused = next((one for one in self._bits if one not in BITS and one not in held), None)
        if unused is None:
            lines = [f"{one} ({', '.join(self.holders(one))})" for one in self._bits if one not in BITS]
            raise WeaverError(
                f"{name}: all {self.width - len(FLAGS)} named dyes are held: {'; '.join(lines)}; "
                "share a name, remove one, or raise [dyes] width"
            )
        bit = self._bits.pop(unused)
        for tell in self.on_reuse:
            tell(bit)
        return bit


NAMES = DyeNames()
"""The names of this process."""


def mask_of(names: Iterable[str]) -> int:
    """Return the vector in which these dyes are set.

    Errors: UnknownNameError, with the nearest name.
    """
    vector = 0
    for name in names:
        vector |= 1 << NAMES.bit(name)
    return vector


def names_of(vector: int) -> tuple[str, ...]:
    """Return the names of the dyes that are set, by bit."""
    return NAMES.names_of(vector)
