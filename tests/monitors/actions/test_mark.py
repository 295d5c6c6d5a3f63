"""MarkAction over look back."""

import pytest

from tests.monitors.actions.conftest import Bench
from weaver.errors import InvalidAttributeError


def marks(bench: Bench) -> list[tuple[str, object]]:
    found = bench.plugins.look_back.show("a")
    return [] if found is None else [(one["word"], one["detail"]) for one in found["marks"]]


def test_mark_names_the_joinpoint_or_says_what_the_monitor_says(bench: Bench) -> None:
    bench.put("MarkAction")
    bench.put("MarkAction", name="N", text="here")

    _, token = bench.plugins.look_back.begin("a")
    bench.module.f()
    bench.plugins.look_back.end(token)

    assert [word for word, _ in marks(bench)] == [f"{bench.module.__name__}.f", "here"]
    assert bench.payloads == []


def test_no_call_no_mark(bench: Bench) -> None:
    status = bench.put("MarkAction")

    bench.module.f()

    assert marks(bench) == []
    assert status["failures"] == []
    assert bench.registry.get(status["name"])["counters"]["errors"] == 0


def test_text_that_is_too_long_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidAttributeError, match="text"):
        bench.put("MarkAction", text="x" * 65)
