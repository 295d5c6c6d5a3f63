"""LogAction: one line of the program's log for each pass."""

from __future__ import annotations

import logging
from typing import Literal

from pydantic import Field

from monitors.actions.display_arguments import ShownNames, shown_arguments, shown_result
from weaver.api import ActionKind, Invocation

log = logging.getLogger(__name__)


class LogProperties(ShownNames):
    """What is logged, and how loud."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="level of the line")


class LogAction:
    """Writes a line to the program's log, with what DisplayArgumentsAction would show; no event."""

    name = "LogAction"
    kind: ActionKind = "stateless"
    Properties = LogProperties

    def run(self, invocation: Invocation) -> None:
        """Log the pass."""
        properties = invocation.properties_as(LogProperties)
        level = logging.getLevelNamesMapping()[properties.level]
        if not log.isEnabledFor(level):
            return
        arguments = ", ".join(shown_arguments(invocation, properties.show))
        if invocation.error is not None:
            outcome = f" raised {type(invocation.error).__name__}"
        elif invocation.has_ended:
            outcome = f" returned {shown_result(invocation, properties.show)}"
        else:
            outcome = ""
        log.log(level, "%s: %s(%s)%s", invocation.monitor, invocation.shadow.id, arguments, outcome)

    enter = leave = run
