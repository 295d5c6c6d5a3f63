"""The actions of the library, and the methods that read and set back what some of them keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from monitors.actions.count import CountAction
from monitors.actions.display_arguments import DisplayArgumentsAction
from monitors.actions.drill_down import parse_query
from monitors.actions.elapsed_time import ElapsedTimeAction, TraceElapsedTimeAction
from monitors.actions.histogram import HistogramAction
from monitors.actions.log import LogAction
from monitors.actions.mark import MarkAction
from monitors.actions.memory import TraceMemoryAllocationAction
from monitors.actions.sip_capture import SipCaptureAction
from monitors.actions.snapshot_diff import SnapshotDiffAction
from monitors.actions.stack_dump import StackDumpAction
from monitors.actions.statistics import (
    MethodInvocationStatisticsAction,
    MethodMemoryAllocationStatisticsAction,
    MethodStatistics,
)
from monitors.actions.thread_dump import ThreadDumpAction
from monitors.actions.trace import TraceAction
from monitors.actions.traced_memory import TracedMemory
from weaver.api import InvalidAttributeError, Plugins

Parameters = Mapping[str, Any]


def register(plugins: Plugins) -> None:
    """Contribute the actions, and what they have added up."""
    memory, elapsed, histograms = TracedMemory(), ElapsedTimeAction(), HistogramAction()
    times, bytes_ = MethodStatistics(), MethodStatistics()
    for action in (
        TraceAction(),
        DisplayArgumentsAction(),
        StackDumpAction(),
        ThreadDumpAction(),
        LogAction(),
        SipCaptureAction(),
        CountAction(),
        MarkAction(),
        TraceElapsedTimeAction(),
        TraceMemoryAllocationAction(memory),
        SnapshotDiffAction(),
        elapsed,
        histograms,
        MethodInvocationStatisticsAction(times),
        MethodMemoryAllocationStatisticsAction(bytes_, memory),
    ):
        plugins.action(action)
    methods: dict[str, tuple[Callable[[Parameters], Any], str]] = {
        "elapsed_time.totals": (
            lambda _parameters: [asdict(total) for total in elapsed.totals()],
            "What ElapsedTimeAction has added up, by monitor and joinpoint.",
        ),
        "histogram.read": (
            lambda parameters: histograms.read(_text(parameters, "monitor")),
            "What HistogramAction has counted, of all monitors or of `monitor`.",
        ),
        "histogram.reset": (
            lambda parameters: {"reset": histograms.reset(_text(parameters, "monitor"))},
            "Has the histograms of all monitors, or of `monitor`, begin anew.",
        ),
        "statistics.read": (
            lambda parameters: _kept(parameters, times, bytes_).read(*_asked(parameters)),
            "Statistics by class, method and signature as `query` asks for them; `of` is `invocations` or `memory`.",
        ),
        "statistics.reset": (
            lambda parameters: {"reset": _kept(parameters, times, bytes_).reset(*_asked(parameters))},
            "Has those statistics begin anew.",
        ),
    }
    for name, (function, description) in methods.items():
        plugins.method(name, function, description)


def _kept(parameters: Parameters, times: MethodStatistics, bytes_: MethodStatistics) -> MethodStatistics:
    kinds = {"": times, "invocations": times, "memory": bytes_}
    of = _text(parameters, "of")
    if of not in kinds:
        raise InvalidAttributeError(f"there are statistics of invocations and of memory, none of {of!r}")
    return kinds[of]


def _asked(parameters: Parameters) -> tuple[Any, str]:
    return parse_query(_text(parameters, "query")), _text(parameters, "monitor")


def _text(parameters: Parameters, name: str) -> str:
    value = parameters.get(name, "")
    if not isinstance(value, str):
        raise InvalidAttributeError(f"{name} must be text, not {value!r}")
    return value
