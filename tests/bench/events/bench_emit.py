"""What a trace event costs the task in which it happens: from the action's answer to the ring, and the whole pass."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from monitors.actions.trace import TraceAction
from tests.bench.figures import Figure, at_most, report
from tests.bench.weaving.kit import Variant, times
from tests.bench.weaving.subjects import Request, fresh_module, monitor_for
from weaver import context, emission
from weaver.event import Origin
from weaver.general_advice import joinpoint_of
from weaver.gevent_support import GeventRuntime
from weaver.joinpoint import Invocation
from weaver.limits import Limits

CALLS, ROUNDS = 300, 60
FACTS = {"call_key": "9f2c", "method": "INVITE", "status": None, "call_id": "a84b4c76e66710@pc33.example.com"}


def main() -> None:
    module = fresh_module()
    made, name = monitor_for(module, TraceAction(), "before")
    made.buffer.origin = Origin("domain", "node", GeventRuntime().task_name)
    monitor = made._monitors[name]
    made.set(name, enabled=True, dye_mask=["ADDR1"])
    monitor.allowance.limits = Limits(rate=1 << 60, time_ms=1 << 40)  # what a monitor may emit is not what is measured
    dialog, request = module.Dialog(), Request()
    invocation = Invocation(joinpoint_of(monitor.shadows[0], monitor), (dialog, request))
    tokens: list[context.Tokens] = []

    def in_context(vector: int) -> dict[str, object]:
        return {
            "before": lambda: tokens.append(context.begin(vector, FACTS)),
            "after": lambda: context.end(tokens.pop()),
        }

    call = {"do_invite": dialog.do_invite, "request": request}
    emit = {"emit": emission.emit, "monitor": monitor, "invocation": invocation, "payload": {}}
    message = {**emit, "begin": context.begin, "end": context.end, "facts": FACTS}
    found = times(
        {
            "emit": Variant("emit(monitor, 'TraceAction', invocation, payload, 'before')", emit, **in_context(1)),  # type: ignore[arg-type]
            "first": Variant(
                "token = begin(1, facts); emit(monitor, 'A', invocation, payload, 'before'); end(token)", message
            ),
            "none": Variant("token = begin(1, facts); end(token)", message),
            "undyed": Variant("do_invite(request)", call, **in_context(0)),  # type: ignore[arg-type]
            "dyed": Variant("do_invite(request)", call, **in_context(1)),  # type: ignore[arg-type]
        },
        CALLS,
        ROUNDS,
    )
    passes = [dyed - undyed for dyed, undyed in zip(found["dyed"], found["undyed"], strict=True)]
    firsts = [first - none for first, none in zip(found["first"], found["none"], strict=True)]
    report(
        [
            at_most(
                "one trace event, from the action's answer to the ring", statistics.median(found["emit"]) / 1e3, "us", 3
            ),
            Figure("the first of a message, which reads its facts", round(statistics.median(firsts) / 1e3, 2), "us"),
            Figure("the whole pass: guard, advice, action, event", round(statistics.median(passes) / 1e3, 2), "us"),
        ]
    )


if __name__ == "__main__":
    main()
