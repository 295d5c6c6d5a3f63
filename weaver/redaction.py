"""Values as text for events: bounded, and hidden unless something says that they may be shown.

No code of the program runs here: no ``__repr__`` but that of plain values.

Text of arguments is hidden unless its pointcut or its monitor lets it be shown. Whatever else is shown, three things
are hidden in it: the value of a name that is secret (``Authorization: ...``, ``password=...``, a key of a mapping), an
SDP line with a key, and credentials behind the name of their scheme. A hidden value is masked, or hashed with a key, so
that equal ones can be told without being known, or dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from secrets import token_bytes
from typing import Any, Literal

from weaver.classes import dotted_name
from weaver.secret_text import SECRET_NAMES, SecretFinder, folded

Mode = Literal["mask", "hash", "drop"]

HIDDEN = "*****"
"""What stands in the place of a value that may not be seen."""
ITEM_SIZE = 8
"""Characters that an item counts as, besides its text."""
HASHED = 65_536
"""Characters of a hidden value that its hash is made of."""
BITS = 256
"""Bits of the largest integer that is printed; Python refuses to print very large ones."""

_PLAIN = (bool, int, float, type(None))


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of values is shown.

    Shape: ``length`` characters of one text, ``items`` of one collection, ``depth`` of collections in each other,
    ``size`` characters of all texts and items of one event's payload, an item counting as eight.
    """

    length: int = 256
    items: int = 20
    depth: int = 3
    size: int = 16_384


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is hidden, how, and how much is shown of the rest."""

    names: frozenset[str] = SECRET_NAMES
    mode: Mode = "mask"
    key: bytes = field(default_factory=lambda: token_bytes(32), repr=False)
    bounds: Bounds = Bounds()
    secrets: SecretFinder = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "secrets", SecretFinder(self.names))

    def conceal(self, value: str) -> str:
        """Return what stands in the place of a hidden value."""
        if self.mode == "hash":
            return "#" + blake2b(value.encode("utf-8", "surrogatepass"), key=self.key, digest_size=8).hexdigest()
        return HIDDEN if self.mode == "mask" else ""

    def hide_secrets(self, text: str) -> str:
        """Return a text with the secrets in it hidden."""
        return self.secrets.hide(text, self.conceal, leave_out=self.mode == "drop")


class _State:
    """What is in force."""

    redaction = Redaction()


def hide(names: Iterable[str] = (), mode: Mode = "mask", key: str = "", bounds: Bounds | None = None) -> None:
    """Hide the values of these names from now on, and of ``SECRET_NAMES``, in a mode, with a key for hashes."""
    digest = blake2b(key.encode()).digest() if key else token_bytes(32)
    wanted = SECRET_NAMES | {folded(name) for name in names}
    _State.redaction = Redaction(wanted, mode, digest, bounds or Bounds())


def is_secret(name: str) -> bool:
    """Say whether values of a name are hidden whatever is allowed."""
    return folded(name) in _State.redaction.names


def hide_secrets(text: str) -> str:
    """Return a text, such as a whole message, with the secrets in it hidden; the rest is as it was."""
    return _State.redaction.hide_secrets(text)


def show(value: object, *, allowed: bool = False, depth: int | None = None, name: str = "") -> str:
    """Return a value as text; text and bytes are hidden unless ``allowed``, objects are shown by their type.

    Shape: ``name`` is that of the parameter, if there is one: some are hidden whatever is allowed.
    """
    redaction = _State.redaction
    depth = redaction.bounds.depth if depth is None else depth
    kind = type(value)
    if name and is_secret(name):
        return redaction.conceal(_text_of(value))
    if kind is int and value.bit_length() > BITS:  # type: ignore[attr-defined]
        return f"<int of {value.bit_length()} bits>"  # type: ignore[attr-defined]
    if kind in _PLAIN:
        return repr(value)
    if kind in {str, bytes}:
        return _shown_text(value) if allowed else redaction.conceal(_text_of(value))  # type: ignore[arg-type]
    if kind in {list, tuple, set, frozenset} and depth > 0:
        items = islice(value, redaction.bounds.items)  # type: ignore[call-overload]
        shown = [show(item, allowed=allowed, depth=depth - 1) for item in items]
        return _cut(f"{kind.__name__}[{', '.join(shown)}]")
    return f"<{dotted_name(kind)}>"


def plain(value: object, depth: int | None = None, room: Room | None = None) -> object:
    """Return a value that every sink can write: numbers, bounded text without lone surrogates, lists, dicts by text.

    Shape: what does not fit into ``room`` any more is left out; ``room.is_over`` says so.
    """
    bounds = _State.redaction.bounds
    depth = bounds.depth if depth is None else depth
    room = room or Room()
    kind = type(value)
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 63 else show(value)  # type: ignore[operator]
    if kind in _PLAIN:
        return value
    if isinstance(value, str):
        return room.take(_plain_text(value))
    if isinstance(value, Mapping) and depth > 0:
        return _plain_mapping(value, depth, room)
    if kind in {list, tuple, set, frozenset} and depth > 0:
        room.is_over |= len(value) > bounds.items  # type: ignore[arg-type]
        items = islice(value, bounds.items)  # type: ignore[call-overload]
        return [plain(item, depth - 1, room) for item in items if room.has_item()]
    return show(value, depth=0)


class Room:
    """What is left of an event's size."""

    __slots__ = ("is_over", "left")

    def __init__(self) -> None:
        self.left = _State.redaction.bounds.size
        self.is_over = False

    def take(self, text: str) -> str:
        """Return what fits of a text."""
        fits = text if len(text) <= self.left else text[: self.left]
        self.is_over |= fits is not text
        self.left -= len(fits)
        return fits

    def has_item(self) -> bool:
        """Say whether one more item fits."""
        if self.left < ITEM_SIZE:
            self.is_over = True
            return False
        self.left -= ITEM_SIZE
        return True


def plain_parts(values: Mapping[str, object], room: Room) -> dict[str, object]:
    """Return ``plain`` of each value, as many as fit; secret names are hidden here, too."""
    return _plain_mapping(values, _State.redaction.bounds.depth + 1, room)


def plain_texts(texts: object, room: Room) -> list[str] | None:
    """Return texts that ``show`` has made, as many as fit; None for what is no list of texts."""
    if not isinstance(texts, list | tuple):
        return None
    return [room.take(_cut(text)) for text in islice(texts, _State.redaction.bounds.items) if isinstance(text, str)]


def _plain_mapping(value: Mapping[Any, object], depth: int, room: Room) -> dict[str, object]:
    redaction = _State.redaction
    found: dict[str, object] = {}
    room.is_over |= len(value) > redaction.bounds.items
    for key, item in islice(value.items(), redaction.bounds.items):
        if not room.has_item():
            break
        name = str.__getitem__(key, slice(None)) if isinstance(key, str) else show(key, allowed=True)
        if not is_secret(name):
            found[room.take(_plain_text(name))] = plain(item, depth - 1, room)
        elif redaction.mode != "drop":
            found[room.take(_plain_text(name))] = redaction.conceal(_text_of(item))
    return found


def _plain_text(text: str) -> str:
    text = str.__getitem__(text, slice(_State.redaction.bounds.length + 1)).encode("utf-8", "backslashreplace").decode()
    return _cut(hide_secrets(text))


def _shown_text(value: str | bytes) -> str:
    """Return the literal of a text or of bytes, the secrets in it hidden."""
    cut = value[: _State.redaction.bounds.length]
    if isinstance(cut, str):
        return _cut(repr(hide_secrets(cut)))
    return _cut(repr(hide_secrets(cut.decode("latin-1")).encode("latin-1")))


def _text_of(value: object) -> str:
    """Return the text that is hashed in place of a value: of plain ones what they hold, of others the type."""
    if isinstance(value, bytes):
        return value[:HASHED].decode("latin-1")
    if isinstance(value, str):
        return str.__getitem__(value, slice(HASHED))
    if type(value) is int:
        return format(value, "x")
    return repr(value) if type(value) in _PLAIN else type(value).__qualname__


def _cut(text: str) -> str:
    length = _State.redaction.bounds.length
    return text if len(text) <= length else text[: length - 3] + "..."
