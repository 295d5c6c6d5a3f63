"""The actions of the library."""

from __future__ import annotations

from monitors.actions.display_arguments import DisplayArgumentsAction
from monitors.actions.elapsed_time import TraceElapsedTimeAction
from monitors.actions.trace import TraceAction
from weaver.api import Plugins


def register(plugins: Plugins) -> None:
    """Contribute the actions."""
    for action in (TraceAction(), DisplayArgumentsAction(), TraceElapsedTimeAction()):
        plugins.action(action)
