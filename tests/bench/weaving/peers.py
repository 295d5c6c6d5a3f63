"""The same method instrumented by others, each doing nothing: a name, and what makes the variant.

They come with the extra ``bench``; one that cannot be had on this Python is named in the output.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from tests.bench.weaving.kit import Variant
from tests.bench.weaving.subjects import Request, fresh_module

os.environ.setdefault("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")

_TOOL = 3
SLOW = 0.1
_STATEMENT = "dialog.do_invite(request)"

Instrument = Callable[[type], object]


def variants() -> tuple[dict[str, Variant], list[str]]:
    """Return what can be measured here, and what is missing with the reason."""
    found: dict[str, Variant] = {}
    missing: list[str] = []
    for name, module, instrument, share in PEERS:
        try:
            if module:
                importlib.import_module(module)
            kind = fresh_module().Dialog
            keep = instrument(kind)
        except Exception as error:  # whatever a peer raises, the others are measured
            missing.append(f"{name} ({type(error).__name__}: {str(error)[:80]})")
            continue
        found[name] = Variant(_STATEMENT, {"dialog": kind(), "request": Request(), "keep": keep}, share)
    found |= dict(_monitoring()) if sys.version_info >= (3, 12) else {}
    if sys.version_info < (3, 12):
        missing.append("sys.monitoring (there since 3.12)")
    return found, missing


def _exact_closure(kind: Any) -> None:
    function = kind.do_invite

    @functools.wraps(function)
    def wrapper(self: object, request: object) -> object:
        return function(self, request)

    kind.do_invite = wrapper


def _closure(kind: Any) -> None:
    function = kind.do_invite

    @functools.wraps(function)
    def wrapper(*arguments: object, **named: object) -> object:
        return function(*arguments, **named)

    kind.do_invite = wrapper


def _surrounding_closure(kind: Any) -> None:
    function = kind.do_invite

    def before(*arguments: object) -> None:
        return None

    @functools.wraps(function)
    def wrapper(*arguments: object, **named: object) -> object:
        before(*arguments)
        try:
            return function(*arguments, **named)
        finally:
            before(*arguments)

    kind.do_invite = wrapper


def _pass(wrapped: Any, _instance: object, arguments: Any, named: Any) -> object:
    return wrapped(*arguments, **named)


def _wrapt(kind: Any) -> None:
    import wrapt

    wrapt.wrap_function_wrapper(kind, "do_invite", _pass)


def _wrapt_disabled(kind: Any) -> None:
    import wrapt

    kind.do_invite = wrapt.decorator(_pass, enabled=lambda: False)(kind.do_invite)


def _aspectlib(kind: Any) -> object:
    import aspectlib

    @aspectlib.Aspect
    def proceed(*_arguments: object, **_named: object) -> Iterator[object]:
        yield aspectlib.Proceed

    return aspectlib.weave(kind, proceed, methods="do_invite")


def _ddtrace_wrap(kind: Any) -> None:
    from ddtrace.internal.wrapping import wrap

    wrap(kind.do_invite, lambda function, arguments, named: function(*arguments, **named))


def _ddtrace_context(kind: Any) -> object:
    from ddtrace.internal.wrapping.context import WrappingContext

    context = WrappingContext(kind.do_invite)
    context.wrap()
    return context


def _otel(kind: Any) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("bench")
    function = kind.do_invite

    @functools.wraps(function)
    def wrapper(self: object, request: object) -> object:
        with tracer.start_as_current_span("do_invite"):
            return function(self, request)

    kind.do_invite = wrapper


def _wrapture(kind: Any) -> object:
    import wrapture

    return wrapture.binding(kind, "do_invite").apply()


PEERS: tuple[tuple[str, str, Instrument, float], ...] = (
    ("closure, exact signature", "", _exact_closure, 1),
    ("closure, *args", "", _closure, 1),
    ("closure, *args, before and after", "", _surrounding_closure, 1),
    ("wrapt wrapper", "wrapt", _wrapt, 0.5),
    ("wrapt decorator, enabled() is False", "wrapt", _wrapt_disabled, 0.5),
    ("aspectlib aspect", "aspectlib", _aspectlib, 0.5),
    ("ddtrace wrap()", "ddtrace.internal.wrapping", _ddtrace_wrap, 1),
    ("ddtrace WrappingContext", "ddtrace.internal.wrapping", _ddtrace_context, SLOW),
    ("OpenTelemetry span, sampling off", "opentelemetry.sdk.trace", _otel, SLOW),
    ("wrapture binding", "wrapture", _wrapture, SLOW),
)


def _monitoring() -> Iterator[tuple[str, Variant]]:
    """Return the variants of sys.monitoring: events of this one code object, while it has its turn."""
    monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
    events = monitoring.events
    get, mask = ContextVar("dye", default=0).get, 1 << 62 | 5

    def nothing(*_: object) -> None:
        return None

    def test(*_: object) -> None:
        if get() & mask == mask:
            raise AssertionError("no dye matches here")

    for name, callback in (("sys.monitoring, start and return", nothing), ("sys.monitoring, testing a dye", test)):
        kind = fresh_module().Dialog
        code = kind.do_invite.__code__

        def on(callback: Any = callback, code: Any = code) -> None:
            monitoring.use_tool_id(_TOOL, "bench")
            monitoring.register_callback(_TOOL, events.PY_START, callback)
            monitoring.register_callback(_TOOL, events.PY_RETURN, callback)
            monitoring.set_local_events(_TOOL, code, events.PY_START | events.PY_RETURN)

        def off(code: Any = code) -> None:
            monitoring.set_local_events(_TOOL, code, 0)
            monitoring.free_tool_id(_TOOL)

        yield name, Variant(_STATEMENT, {"dialog": kind(), "request": Request()}, 1, on, off)
