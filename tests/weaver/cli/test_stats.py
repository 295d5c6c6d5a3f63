"""``weaver stats`` against the shipped actions at work."""

import pytest

from tests.monitors.actions.conftest import Bench, bench
from tests.weaver.cli.conftest import OpenSocket, Run

__all__ = ["bench"]


@pytest.fixture(autouse=True)
def target(open_socket: OpenSocket, bench: Bench) -> Bench:
    open_socket(registry=bench.registry, more=bench.plugins.methods)
    bench.put("MethodInvocationStatisticsAction", "around", "f")
    bench.module.f()
    return bench


def test_statistics_are_a_row_for_each_method(run: Run) -> None:
    head, row = run("stats", "()()()(count,max)").out.splitlines()

    assert head.split() == ["METHOD", "COUNT", "MAX"]
    assert row.split()[:2] == ["woven_target.f(user,n)", "1"]


def test_statistics_as_json(run: Run) -> None:
    assert run("stats", "()(f)()(count)", "--json").json == {"woven_target": {"f": {"user,n": {"count": 1}}}}
    assert run("stats", "--memory", "--json").json == {}
    assert run("stats", "--monitor", "other", "--json").json == {}


def test_statistics_begin_anew(run: Run) -> None:
    assert run("stats", "--reset").out == "1 methods begin anew\n"
    assert run("stats", "()()()(count)", "--json").json["woven_target"]["f"]["user,n"] == {"count": 0}


def test_wrong_query_is_refused(run: Run) -> None:
    result = run("stats", "()()()(cuont)")

    assert result.code != 0
    assert "did you mean 'count'" in result.err


def test_histograms_are_a_row_for_each_monitor_and_joinpoint(run: Run, target: Bench) -> None:
    target.put("HistogramAction", "around", "f", name="H")
    target.module.f()

    head, row = run("stats", "--histogram", "--monitor", "H").out.splitlines()
    listed = run("stats", "--histogram", "--json").json["histograms"]
    reset = run("stats", "--histogram", "--reset").out

    assert head.split() == ["MONITOR", "JOINPOINT", "COUNT", "P50_NS", "P95_NS", "P99_NS"]
    assert row.split()[:3] == ["H", "woven_target:f", "1"]
    assert [one["monitor"] for one in listed] == ["H"]
    assert reset == "1 histograms begin anew\n"


def test_histogram_takes_no_query(run: Run) -> None:
    assert run("stats", "()", "--histogram").code == 2
