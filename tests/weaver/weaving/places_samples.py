"""Functions with places to weave at; each test names the place by kind and name."""

import inspect
import json
import os.path
import sys
import traceback
import warnings
from collections import namedtuple
from collections.abc import Callable
from typing import Any


class Phone:
    number = "100"

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def ring(self, times: int = 1, *, loud: bool = False) -> str:
        return f"{self.owner} {times} {loud}"

    def twice(self) -> str:
        return self.ring(2, loud=True)

    def fail(self) -> None:
        raise KeyError(self.owner)


class Mobile(Phone):
    def ring(self, times: int = 1, *, loud: bool = False) -> str:
        return "mobile " + super().ring(times, loud=loud)


def helper(x: int) -> int:
    return x + 1


def broken(x: int) -> int:
    raise ValueError(x)


def calls_global(x: int) -> int:
    return helper(x) + helper(x=x)


def calls_nested(x: int) -> int:
    return helper(helper(helper(x) if x else helper(1)))


def calls_method(phone: Any) -> str:
    return phone.ring(3, loud=True)  # type: ignore[no-any-return]


def calls_spread(phone: Any, arguments: tuple[int, ...], more: dict[str, bool]) -> tuple[str, int]:
    return phone.ring(*arguments, **more), helper(*arguments)


def calls_module(text: str) -> str:
    return json.dumps(os.path.join(text, "b"))  # noqa: PTH118


def calls_class(text: str) -> str:
    return Phone(text).ring()


def calls_unbound(phone: Phone) -> str:
    return Phone.ring(phone, 4)


def calls_in_loop(n: int) -> list[int]:
    return [helper(i) for i in range(n)]


def calls_failing(x: int) -> int:
    return broken(x)


def calls_failing_method(phone: Phone) -> None:
    phone.fail()


def calls_missing(phone: Any) -> object:
    return phone.missing(1)


def calls_frame_reader(a: int) -> list[str]:
    b = a
    return sorted([*locals(), str(b)])


def old(x: int) -> int:
    warnings.warn("old is old", DeprecationWarning, stacklevel=2)
    return x


def calls_what_warns(x: int) -> int:
    return old(x)


def calls_what_finds_its_module() -> Any:
    return namedtuple("Pair", "first second")


def calls_what_reads_frames() -> tuple[object, ...]:
    module = sys._getframemodulename(1) if sys.version_info >= (3, 12) else None
    depths = len(traceback.extract_stack()), len(traceback.format_stack())
    return module, depths, compile("x: int", "", "exec").co_flags, inspect.currentframe().f_code.co_name  # type: ignore[union-attr]


class Deprecated:
    @property
    def old(self) -> int:
        warnings.warn("old is old", DeprecationWarning, stacklevel=2)
        return 1

    @old.setter
    def old(self, value: int) -> None:
        warnings.warn("old is old", DeprecationWarning, stacklevel=2)


def reads_what_warns() -> int:
    return Deprecated().old


def writes_what_warns() -> None:
    Deprecated().old = 2


def calls_with_lock(lock: Any) -> int:
    with lock:
        return helper(1)


def calls_item(table: dict[str, Callable[[int], int]]) -> int:
    return table["x"](1)


def calls_later(n: int) -> Any:
    yield helper(n)
    yield helper((yield n))


def reads(phone: Any) -> str:
    return phone.owner + phone.number  # type: ignore[no-any-return]


def reads_missing(phone: Any) -> object:
    return phone.missing


def writes(phone: Any, value: str) -> Any:
    phone.owner = value
    phone.owner += "!"
    return phone.owner


def writes_refused(value: int) -> None:
    value.real = 2  # type: ignore[misc]


def handles(function: Callable[[], int]) -> str:
    try:
        function()
    except (KeyError, ValueError) as error:
        return f"two {error!r}"
    except OSError:
        return "one"
    except json.JSONDecodeError:
        return "never"
    finally:
        str(1)
    return "none"


ERRORS = (KeyError, ValueError)


def handles_what_has_no_name(function: Callable[[], int]) -> str:
    try:
        function()
    except (ERRORS[0], OSError):
        return "first or named"
    except ERRORS[1]:
        return "second"
    return "none"


def handles_group(function: Callable[[], int]) -> list[str]:
    seen = []
    try:
        function()
    except* KeyError as group:
        seen.append(repr(group.exceptions))
    except* ValueError:
        seen.append("value")
    return seen
