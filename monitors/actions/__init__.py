"""The actions of the library."""

from __future__ import annotations

from dataclasses import asdict

from monitors.actions.count import CountAction
from monitors.actions.display_arguments import DisplayArgumentsAction
from monitors.actions.elapsed_time import ElapsedTimeAction, TraceElapsedTimeAction
from monitors.actions.trace import TraceAction
from weaver.api import Plugins


def register(plugins: Plugins) -> None:
    """Contribute the actions, and what they have added up."""
    elapsed = ElapsedTimeAction()
    for action in (TraceAction(), DisplayArgumentsAction(), TraceElapsedTimeAction(), CountAction(), elapsed):
        plugins.action(action)
    plugins.method(
        "elapsed_time.totals",
        lambda _parameters: [asdict(total) for total in elapsed.totals()],
        "What ElapsedTimeAction has added up, by monitor and joinpoint.",
    )
