"""One function of every kind, and for each what a call of it does; the test weaves these and compares."""

import contextlib
import dataclasses
import enum
import functools
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any


def plain(a: int, b: int = 2, *rest: int, c: int = 3, **more: int) -> int:
    """Add them all."""
    total = a + b + c
    for one in rest:
        total += one
    return total + sum(more.values())


def positional_only(a: int, b: int, /, *, c: int = 1) -> tuple[int, int, int]:
    return (a, b, c)


def raising(x: int) -> int:
    try:
        return 1 // x
    finally:
        x += 1


def handling(x: int) -> str:
    try:
        return str(1 // x)
    except ZeroDivisionError as error:
        return type(error).__name__


def reraising(x: int) -> int:
    try:
        return 1 // x
    except ZeroDivisionError as error:
        raise ValueError(x) from error


def cells(a: int) -> list[int]:
    inner = [lambda: a, lambda: a + 1]
    return [one() for one in inner]


def recursive(n: int) -> int:
    return n and n + recursive(n - 1)


def matching(value: object) -> str:
    match value:
        case [first, *_]:
            return f"list {first}"
        case {"key": found}:
            return f"key {found}"
        case int():
            return "int"
    return "other"


def nested(x: int) -> Callable[[int], int]:
    def inner(y: int) -> int:
        return x + y

    return inner


alive = nested(10)

double = lambda x: 2 * x  # noqa: E731

table: dict[str, Callable[[int], int]] = {"square": lambda x: x * x, "cube": lambda x: x**3}


def generator(n: int) -> Iterator[int]:
    got = 0
    try:
        for i in range(n):
            got = (yield i + (got or 0)) or 0
    finally:
        n = 0
    return n


def delegating(n: int) -> Iterator[int]:
    result = yield from generator(n)
    yield -result  # type: ignore[misc]


async def coroutine(x: int) -> int:
    await Pause()
    return x + 1


class Pause:
    def __await__(self) -> Iterator[None]:
        yield None


async def asynchronous(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await Pause()
        yield i


async def consuming(n: int) -> list[int]:
    return [i async for i in asynchronous(n)]


@contextlib.contextmanager
def managed(x: int) -> Iterator[int]:
    yield x


def wrapped(function: Callable[..., int]) -> Callable[..., int]:
    @functools.wraps(function)
    def wrapper(*arguments: int) -> int:
        return function(*arguments) + 100

    return wrapper


def unwrapped(function: Callable[..., int]) -> Callable[..., int]:
    return lambda *arguments: function(*arguments) + 1000


@wrapped
def decorated(x: int) -> int:
    return x


@unwrapped
def hidden(x: int) -> int:
    return x


@functools.lru_cache
def cached(x: int) -> int:
    return x + 1


@functools.singledispatch
def dispatched(x: object) -> str:
    return "object"


@dispatched.register
def _(x: int) -> str:
    return "int"


class Meta(type):
    def __call__(cls, *arguments: Any) -> Any:
        return super().__call__(*arguments)

    def named(cls) -> str:
        return cls.__name__


class Base:
    subclasses: typing.ClassVar[list[str]] = []

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.subclasses.append(cls.__name__)

    def greet(self, name: str) -> str:
        return f"hello {name}"


class Upper:
    """A descriptor of its own."""

    def __init__(self, function: Callable[[Any], str]) -> None:
        self.function = function

    def __get__(self, instance: object, owner: type) -> str:
        return self.function(instance).upper()


class Thing(Base, metaclass=Meta):
    def __init__(self, x: int) -> None:
        self.x = x

    def method(self, y: int = 1) -> int:
        return self.x + y

    def greet(self, name: str) -> str:
        return super().greet(name) + f" {__class__.__name__}"  # type: ignore[name-defined]

    @staticmethod
    def static(x: int) -> int:
        return x

    @classmethod
    def made(cls, x: int) -> int:
        return cls(x).method()

    @property
    def size(self) -> int:
        return self.x

    @size.setter
    def size(self, value: int) -> None:
        self.x = value

    @functools.cached_property
    def once(self) -> int:
        return self.x * 3

    @Upper
    def loud(self) -> str:
        return "loud"

    def __call__(self, y: int) -> int:
        return self.x * y

    def __getattr__(self, name: str) -> str:
        return f"no {name}"

    def __mangled(self) -> int:
        return self.x

    def unmangled(self) -> int:
        return self.__mangled()


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x: int) -> None:
        self.x = x

    def method(self) -> int:
        return self.x


@dataclasses.dataclass(order=True)
class Data:
    x: int
    y: int = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: int


class Pair(typing.NamedTuple):
    left: int
    right: int = 0

    def swapped(self) -> "Pair":
        return Pair(self.right, self.left)


class Colour(enum.Enum):
    RED = 1

    def shout(self) -> str:
        return self.name


def local_class(x: int) -> int:
    class Local:
        def method(self) -> int:
            return x

    return Local().method()


def run(awaitable: Any) -> object:
    """Run a coroutine to its end."""
    while True:
        try:
            awaitable.send(None)
        except StopIteration as stop:
            return stop.value


def protocol(made: Any) -> list[object]:
    """Drive a generator by every door it has."""
    seen: list[object] = [next(made), made.send(5)]
    try:
        made.throw(KeyError("thrown"))
    except KeyError as error:
        seen.append(str(error))
    made.close()
    return seen


def set_size() -> int:
    thing = Thing(1)
    thing.size = 7
    return thing.size


def with_managed() -> int:
    with managed(4) as x:
        return x


def subclassed() -> str:
    return type("Sub", (Base,), {}).subclasses[-1]  # type: ignore[attr-defined, no-any-return]


KINDS: dict[str, tuple[str, Callable[[], object]]] = {
    "plain": ("plain", lambda: (plain(1), plain(1, 2, 3, 4, c=5, d=6))),
    "wrong arguments": ("plain", plain),
    "positional-only": ("positional_only", lambda: positional_only(1, 2, c=3)),
    "raising": ("raising", lambda: raising(0)),
    "handling": ("handling", lambda: (handling(1), handling(0))),
    "raising again": ("reraising", lambda: reraising(0)),
    "cells": ("cells", lambda: cells(1)),
    "nested lambda": ("cells.<locals>.<lambda>", lambda: cells(1)),
    "recursive": ("recursive", lambda: recursive(5)),
    "match": ("matching", lambda: [matching(x) for x in ([1], {"key": 2}, 3, "x")]),
    "nested, to come": ("nested.<locals>.inner", lambda: nested(1)(2)),
    "nested, alive": ("nested.<locals>.inner", lambda: alive(2)),
    "lambda": ("<lambda>", lambda: double(2)),
    "in a container": ("<lambda>", lambda: (table["square"](3), table["cube"](3))),
    "generator": ("generator", lambda: list(generator(3))),
    "generator's doors": ("generator", lambda: protocol(generator(3))),
    "yield from": ("delegating", lambda: list(delegating(2))),
    "delegated doors": ("delegating", lambda: protocol(delegating(3))),
    "coroutine": ("coroutine", lambda: run(coroutine(1))),
    "asynchronous generator": ("asynchronous", lambda: run(consuming(3))),
    "asynchronous comprehension": ("consuming", lambda: run(consuming(2))),
    "context manager": ("managed", with_managed),
    "decorated": ("decorated", lambda: decorated(1)),
    "decorator": ("wrapped.<locals>.wrapper", lambda: decorated(1)),
    "decorated without wraps": ("hidden", lambda: hidden(1)),
    "cached": ("cached", lambda: (cached.cache_clear(), cached(1), cached(1))),
    "dispatched": ("dispatched", lambda: (dispatched("x"), dispatched(1))),
    "registered": ("_", lambda: dispatched(1)),
    "metaclass call": ("Meta.__call__", lambda: Thing(1).x),
    "metaclass method": ("Meta.named", Thing.named),
    "__init_subclass__": ("Base.__init_subclass__", subclassed),
    "__init__": ("Thing.__init__", lambda: Thing(3).x),
    "method": ("Thing.method", lambda: (Thing(1).method(), Thing.method(Thing(1), 5))),
    "super": ("Thing.greet", lambda: Thing(1).greet("you")),
    "static": ("Thing.static", lambda: (Thing.static(1), Thing(1).static(2))),
    "class method": ("Thing.made", lambda: Thing.made(4)),
    "property": ("Thing.size", lambda: Thing(5).size),
    "setter": ("Thing.size", set_size),
    "cached property": ("Thing.once", lambda: Thing(2).once),
    "descriptor": ("Thing.loud", lambda: Thing(1).loud),
    "__call__": ("Thing.__call__", lambda: Thing(2)(3)),
    "__getattr__": ("Thing.__getattr__", lambda: Thing(1).missing),
    "mangled": ("Thing.__mangled", lambda: Thing(1).unmangled()),
    "slots": ("Slotted.method", lambda: Slotted(1).method()),
    "dataclass __init__": ("Data.__init__", lambda: Data(1)),
    "dataclass __eq__": ("Data.__eq__", lambda: Data(1) == Data(1)),
    "dataclass __repr__": ("Data.__repr__", lambda: repr(Data(1))),
    "frozen dataclass": ("Frozen.__init__", lambda: Frozen(1)),
    "frozen is frozen": ("Frozen.__setattr__", lambda: setattr(Frozen(1), "x", 2)),
    "named tuple": ("Pair.__new__", lambda: Pair(1)),
    "named tuple's method": ("Pair.swapped", lambda: Pair(1).swapped()),
    "enumeration": ("Colour.shout", Colour.RED.shout),
    "local class": ("local_class.<locals>.Local.method", lambda: local_class(3)),
}
"""What is woven (its qualified name) and a way to use it."""
