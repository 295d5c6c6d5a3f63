"""Gives a function a version after a code object was put into it: CPython 3.13 only, on request.

Callers specialise a call by the version of the function. Since 3.13 a function that was assigned a code object has
none for good, and each of its calls costs some nanoseconds more for ever. There is no way to ask for a version, so
the number is written into the function object itself. When its original code object is back it is the number that was
read before the first swap, which says what it said then: this very code object, with these defaults. While the function
runs woven code it is the number of the functions that are made with this code.

Where the number lies is found by looking and verified by calling; where that fails nothing is ever written.

Source: CPython 3.13 Objects/funcobject.c (function versions).
"""

from __future__ import annotations

import ctypes
import dis
import sys
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, NamedTuple

_PYTHON = (sys.implementation.name, *sys.version_info[:2])
_BYTES = 4
_FIRST = object.__basicsize__
_WARM = 200
"""Calls after which a caller has specialised."""


class Version(NamedTuple):
    """The version of a function, and what it stands for."""

    number: int
    code: CodeType
    defaults: tuple[Any, ...] | None
    keyword_defaults: dict[str, Any] | None


class _Place:
    """Where the version lies in a function object; None while this is switched off."""

    offset: int | None = None


_place = _Place()

_MAKER = (lambda: lambda: None).__code__
"""Makes a function of the one code object among its constants."""


def switch_on() -> str | None:
    """Begin to remember and restore versions; return None, or why that cannot be done here. Nothing is raised."""
    if _PYTHON != ("cpython", 3, 13):
        return "only CPython 3.13 forgets a function's version"
    try:
        found = [offset for offset in range(_FIRST, FunctionType.__basicsize__ - _BYTES + 1, _BYTES) if _fits(offset)]
        if len(found) != 1:
            return f"the version of a function was not found: {len(found)} places look like it"
        if not _restores(found[0]):
            return "a function did not get its version back"
    except Exception as error:  # noqa: BLE001 - whatever it is, versions cannot be restored here
        return f"the search for a function's version failed: {error!r}"
    _place.offset = found[0]
    return None


def switch_off() -> None:
    """Remember and restore no more versions."""
    _place.offset = None


def remember(function: FunctionType) -> Version | None:
    """Return the version of a function that has not been swapped yet; None when it has none or this is off."""
    offset = _place.offset
    return None if offset is None else _read(function, offset)


def restore(function: FunctionType, version: Version | None) -> bool:
    """Give a function its version back when it is again what it was then; say whether it has it."""
    offset = _place.offset
    if offset is None or version is None:
        return False
    return _write(function, offset, version)


def give(function: FunctionType) -> bool:
    """Give a function that has no version the one of the code object that it runs now; say whether it has one."""
    offset = _place.offset
    return False if offset is None else _give(function, offset)


def _give(function: FunctionType, offset: int) -> bool:
    constants = tuple(function.__code__ if type(one) is CodeType else one for one in _MAKER.co_consts)
    made = FunctionType(_MAKER.replace(co_consts=constants), {})()
    _field(function, offset).value = number = _field(made, offset).value
    return bool(number)


def _read(function: FunctionType, offset: int) -> Version | None:
    number = _field(function, offset).value
    return Version(number, function.__code__, function.__defaults__, function.__kwdefaults__) if number else None


def _write(function: FunctionType, offset: int, version: Version) -> bool:
    same = (
        function.__code__ is version.code
        and function.__defaults__ is version.defaults
        and function.__kwdefaults__ is version.keyword_defaults
    )
    field = _field(function, offset)
    if not same or field.value:
        return False
    field.value = version.number
    return True


def _field(function: FunctionType, offset: int) -> ctypes.c_uint32:
    return ctypes.c_uint32.from_address(id(function) + offset)


def _fits(offset: int) -> bool:
    """Say whether what lies there behaves as versions do: differs between functions, and is gone after a swap."""
    one, other = _sample(), _sample()
    first, second = _field(one, offset).value, _field(other, offset).value
    if not first or not second or first == second or abs(first - second) > 1_000:
        return False
    one.__code__ = one.__code__.replace(co_name="other")
    return not _field(one, offset).value and _field(other, offset).value == second


def _restores(offset: int) -> bool:
    """Say whether a caller specialises for a function again after a version was given to it, and after it is back."""
    function = _sample()
    version = _read(function, offset)
    if version is None or not _is_specialised(function):
        return False
    function.__code__ = version.code.replace(co_name="other")
    if _is_specialised(function) or not _give(function, offset) or not _is_specialised(function):
        return False
    function.__code__ = version.code
    return not _is_specialised(function) and _write(function, offset, version) and _is_specialised(function)


def _is_specialised(function: FunctionType) -> bool:
    """Say whether a new caller comes to call a function in the fast way."""
    caller = _sample("def made(function):\n    return function(1)\n")
    for _ in range(_WARM):
        caller(function)
    return any(one.opname == "CALL_PY_EXACT_ARGS" for one in dis.get_instructions(caller, adaptive=True))


def _sample(source: str = "def made(value):\n    return value\n") -> FunctionType:
    namespace: dict[str, Callable[..., object]] = {}
    exec(compile(source, "<sample>", "exec"), namespace)  # noqa: S102 - each with a code object of its own
    made = namespace["made"]
    assert isinstance(made, FunctionType)
    return made
