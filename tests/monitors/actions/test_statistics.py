"""Statistics by class, method and signature; how they are asked for; histograms."""

from statistics import fmean, pstdev

import pytest

from monitors.actions import histogram, kept
from monitors.actions.drill_down import ATTRIBUTES, EVERYTHING, parse_query
from monitors.actions.histogram import HistogramAction
from monitors.actions.statistics import Statistic
from tests.monitors.actions.conftest import Bench
from tests.weaver.targets import Recording
from weaver.errors import InvalidAttributeError

KEEPS = "MethodInvocationStatisticsAction"


def test_seven_attributes_are_those_of_the_measurements() -> None:
    values = [7, 3, 1_000_000_007, 3]
    statistic = Statistic()

    for value in values:
        statistic.add(value)

    assert tuple(statistic.read()) == ATTRIBUTES
    assert statistic.read() == pytest.approx(
        {
            "count": 4, "min": 3, "max": 1_000_000_007, "avg": fmean(values), "sum": sum(values),
            "sum_of_squares": sum(value**2 for value in values), "std_deviation": pstdev(values),
        }
    )  # fmt: skip


def test_negative_measurements_have_their_extremes_too() -> None:
    statistic = Statistic()

    for value in (-5, -9):
        statistic.add(value)

    assert (statistic.least, statistic.most) == (-9, -5)


@pytest.mark.parametrize("split", [0, 1, 2, 3])
def test_joined_statistics_are_those_of_all_measurements(split: int) -> None:
    values = (5, 2, 9)
    parts, whole = (Statistic(), Statistic()), Statistic()
    for at, value in enumerate(values):
        parts[at >= split].add(value)
        whole.add(value)

    parts[0].join(parts[1])

    assert parts[0].read() == whole.read()


def test_nothing_measured_is_all_zero() -> None:
    assert set(Statistic().read().values()) == {0}


@pytest.mark.parametrize("general", [False, True])
def test_invocations_are_kept_by_class_method_and_signature(bench: Bench, general: bool) -> None:
    if general:  # a second monitor at the joinpoint: the action is not compiled
        bench.registry.add_action(Recording())
        bench.put("Recording", "before", "*", name="Second")
    cart = bench.module.Cart()
    bench.put(KEEPS, "around", "*")

    cart.add("a")
    cart.add("b", 2)
    bench.module.f()
    with pytest.raises(KeyError):
        cart.fail()

    found = bench.call("statistics.read")
    assert found["woven_target.Cart"]["add"]["self,item,price"]["count"] == 2
    assert found["woven_target.Cart"]["fail"]["self"]["count"] == 1
    assert found["woven_target"]["f"]["user,n"]["min"] > 0
    assert [event for event in bench.registry.buffer.recent() if event.monitor == "M"] == []


def test_query_drills_down_to_one_attribute(bench: Bench) -> None:
    cart = bench.module.Cart()
    bench.put(KEEPS, "around", "*")
    cart.add("a")
    bench.module.f()

    found = bench.call("statistics.read", query="(*.Cart)(ad*)(?)(count)")

    assert found == {"woven_target.Cart": {"add": {"self,item,price": {"count": 1}}}}


def test_monitors_at_one_method_are_put_together_or_asked_apart(bench: Bench) -> None:
    bench.put(KEEPS, "around", name="A")
    bench.module.f()
    bench.put(KEEPS, "around", name="B")
    bench.module.f()

    def count(**more: str) -> float:
        found: float = bench.call("statistics.read", query="()(f)()(count)", **more)["woven_target"]["f"]["user,n"][
            "count"
        ]
        return found

    assert (count(), count(monitor="A"), count(monitor="B")) == (3, 2, 1)


def test_reset_begins_anew_with_what_the_query_names(bench: Bench) -> None:
    cart = bench.module.Cart()
    bench.put(KEEPS, "around", "*")
    cart.add("a")
    bench.module.f()

    assert bench.call("statistics.reset", query="()(add)") == {"reset": 1}
    cart.add("b")

    found = bench.call("statistics.read", query="()()()(count)")
    assert found["woven_target.Cart"]["add"]["self,item,price"] == {"count": 1}
    assert found["woven_target"]["f"]["user,n"] == {"count": 1}


def test_methods_beyond_the_limit_are_measured_and_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LIMIT", 1)
    bench.put(KEEPS, "around", "*")

    bench.module.f()
    bench.module.f_of(1)

    assert sum(len(methods) for methods in bench.call("statistics.read").values()) == 1


@pytest.mark.parametrize(
    ("text", "fitting", "other"),
    [
        ("", ("a.B", "get", "self"), None),
        ("(a.B)", ("a.B", "get", "self"), ("a.C", "get", "self")),
        ("(a.B, a.C)(get*, put)", ("a.C", "put", "self"), ("a.C", "puts", "self")),
        ("(?)(?)( self , x )", ("a.B", "get", "self,x"), ("a.B", "get", "self")),
        ("()()(self,*)", ("a.B", "get", "self,x,y"), ("a.B", "get", "self")),
        ("(a[B])", ("a[B]", "get", "self"), ("aB", "get", "self")),
    ],
)
def test_query_names_methods(text: str, fitting: tuple[str, str, str], other: tuple[str, str, str] | None) -> None:
    query = parse_query(text)

    assert query.fits(*fitting)
    assert other is None or not query.fits(*other)


def test_query_has_all_attributes_or_those_it_lists() -> None:
    assert parse_query("(a)") == parse_query("(a)(?)()(?)")
    assert parse_query("()()()(max, count)").attributes == ("max", "count")
    assert parse_query("  ") == EVERYTHING


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.B", r"column 1: expected \(class\)"),
        ("(a.B)get", r"column 6: expected \(method\)"),
        ("(a.B)(get", r"column 6: expected \(method\)"),
        ("()()()()()", "column 9: expected the end"),
        ("()()()(cuont)", "'cuont'; did you mean 'count'"),
        ("()()()(zzz)", "there are: count, min"),
        ("(" + "a" * 1000 + ")", "at most 1000 characters"),
    ],
)
def test_wrong_query_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(InvalidAttributeError, match=words):
        parse_query(text)


@pytest.mark.parametrize(
    ("parameters", "words"), [({"of": "time"}, "none of 'time'"), ({"query": 3}, "query must be text"),
                              ({"monitor": None}, "monitor must be text")],
)  # fmt: skip
def test_wrong_parameters_are_refused(bench: Bench, parameters: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidAttributeError, match=words):
        bench.call("statistics.read", **parameters)


@pytest.mark.parametrize("general", [False, True])
def test_histogram_counts_invocations_by_their_time(bench: Bench, general: bool) -> None:
    if general:
        bench.registry.add_action(Recording())
        bench.put("Recording", name="Second")
    bench.put("HistogramAction", "around")

    for _ in range(5):
        bench.module.f()

    (found,) = bench.call("histogram.read", monitor="M")
    assert (found["monitor"], found["joinpoint"], found["count"]) == ("M", "woven_target:f", 5)
    assert sum(one["count"] for one in found["classes"]) == 5
    assert 0 < found["p50_ns"] <= found["p95_ns"] <= found["p99_ns"]
    assert bench.call("histogram.read", monitor="other") == []


def test_histogram_begins_anew(bench: Bench) -> None:
    bench.put("HistogramAction", "around")
    bench.module.f()

    assert bench.call("histogram.reset") == {"reset": 1}
    bench.module.f()

    assert bench.call("histogram.read")[0]["count"] == 1


def test_quantiles_are_upper_bounds() -> None:
    counts = [0] * histogram.CLASSES
    counts[3], counts[10] = 94, 6

    figures = histogram._figures(counts)

    assert (figures["p50_ns"], figures["p95_ns"], figures["p99_ns"]) == (8, 1024, 1024)
    assert figures["classes"] == [{"below_ns": 8, "count": 94}, {"below_ns": 1024, "count": 6}]
    assert histogram._figures([0] * 64)["p50_ns"] is None


def test_histograms_beyond_the_limit_are_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LIMIT", 1)
    bench.put("HistogramAction", "around", "*")

    bench.module.f()
    bench.module.f_of(1)

    assert len(bench.call("histogram.read")) == 1
    assert HistogramAction().read() == []
