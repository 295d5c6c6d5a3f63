"""``weaver stats`` against the shipped actions at work."""

import pytest

from tests.monitors.actions.conftest import Bench, bench
from tests.weaver.cli.conftest import OpenSocket, Run

__all__ = ["bench"]


@pytest.fixture(autouse=True)
def target(open_socket: OpenSocket, bench: Bench) -> None:
    open_socket(registry=bench.registry, more=bench.plugins.methods)
    bench.put("MethodInvocationStatisticsAction", "around", "f")
    bench.module.f()


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
