"""Memory is traced from the first use to the last, and no longer."""

import tracemalloc

import pytest

from tests.monitors.actions.conftest import Bench

ACTIONS = ("TraceMemoryAllocationAction", "MethodMemoryAllocationStatisticsAction")


def test_growth_stands_in_the_second_event(bench: Bench) -> None:
    cart = bench.module.Cart()
    bench.put("TraceMemoryAllocationAction", "around", "keep")

    cart.keep(100_000)

    before, after = bench.payloads
    assert before["phase"] == "before"
    assert 100_000 <= after["allocated_bytes"] < 110_000


def test_error_of_the_call_stands_beside_the_growth(bench: Bench) -> None:
    bench.put("TraceMemoryAllocationAction", "around", "fail")

    with pytest.raises(KeyError):
        bench.module.Cart().fail()

    assert bench.payloads[-1]["error"] == "KeyError"


def test_statistics_of_memory_are_in_bytes(bench: Bench) -> None:
    cart = bench.module.Cart()
    bench.put("MethodMemoryAllocationStatisticsAction", "around", "keep")

    for size in (1_000, 50_000):
        cart.keep(size)

    found = bench.call("statistics.read", of="memory")["woven_target.Cart"]["keep"]["self,size"]
    assert found["count"] == 2
    assert 45_000 < found["max"] < 60_000
    assert bench.payloads == []


@pytest.mark.parametrize("action", ACTIONS)
def test_memory_is_traced_while_a_monitor_that_is_on_has_the_action(bench: Bench, action: str) -> None:
    traced = [tracemalloc.is_tracing()]
    bench.put(action, "around", name="A")
    bench.put(ACTIONS[0], "around", name="B")
    traced.append(tracemalloc.is_tracing())
    bench.registry.set("A", enabled=False)
    traced.append(tracemalloc.is_tracing())
    bench.registry.set("B", actions=["TraceElapsedTimeAction"])
    traced.append(tracemalloc.is_tracing())

    assert traced == [False, True, True, False]


def test_tracing_that_somebody_else_began_goes_on(bench: Bench) -> None:
    tracemalloc.start()
    try:
        bench.put(ACTIONS[0], "around")
        bench.registry.set("M", enabled=False)

        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_call_during_which_tracing_is_stopped_has_no_growth(bench: Bench) -> None:
    for at, action in enumerate(ACTIONS):
        bench.put(action, "around", "f_of", name=f"M{at}")

    class Stopping:
        def __radd__(self, other: object) -> str:
            tracemalloc.stop()
            return "stopped"

    bench.put(ACTIONS[0], "around", name="Inner")
    bench.module.f(Stopping())

    assert bench.payloads[-1]["allocated_bytes"] is None
