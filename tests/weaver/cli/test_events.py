"""``weaver events`` over a running server and over archives without one."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from tests.weaver.management.fakes import event
from weaver.cli.export import cell
from weaver.cli.records import read_moment
from weaver.columns import COLUMNS
from weaver.event import Event, EventBuffer
from weaver.sinks.archive import ArchiveWriter
from weaver.sinks.retirement import Retirement

TIMED = "TraceElapsedTimeAction"


def keep(path: Path, *events: Event) -> str:
    writer = ArchiveWriter(path, Retirement(1 << 30, 0.0), lambda: {"ADDR1": 0})
    writer.write(events)
    writer.close()
    return str(path)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    found = [event(number, dyes=number % 2, method=f"f{number}") for number in range(1, 1_203)]
    return keep(tmp_path / "e.sqlite", *found)


@pytest.fixture
def live(open_socket: OpenSocket, events: EventBuffer) -> None:
    open_socket()
    for number in range(1, 1_203):
        events.emit(event(number, dyes=number % 2, method=f"f{number}"))


def ids(out: str) -> list[int]:
    return [json.loads(line)["record_id"] for line in out.splitlines()]


@pytest.mark.usefixtures("live")
def test_query_shows_the_last_events_of_the_server_the_oldest_first(run: Run) -> None:
    result = run("events", "query", "DYES & ADDR1", "-n", "3", "--json")

    assert (result.code, ids(result.out)) == (0, [1197, 1199, 1201])


@pytest.mark.usefixtures("live")
def test_query_goes_through_all_pages(run: Run) -> None:
    result = run("events", "query", "--oldest", "-n", "5000", "--json")

    assert ids(result.out) == list(range(1, 1_203))


def test_query_reads_an_archive_without_a_server(run: Run, archive: str) -> None:
    lines = run("events", "query", "--archive", archive, "--utc", "METHODNAME IN ('f2', 'f1100')").out.splitlines()
    oldest = run("events", "query", "--archive", archive, "--oldest", "-n", "2", "--json")
    ranged = run("events", "query", "--archive", archive, "--first", "600", "--last", "601", "--json")

    assert [line.split()[3] for line in lines] == ["outbound.f2", "outbound.f1100"]
    assert (ids(oldest.out), ids(ranged.out)) == ([1, 2], [600, 601])


def test_times_bound_the_query(run: Run, tmp_path: Path) -> None:
    path = keep(tmp_path / "t.sqlite", event(1, timestamp=1_000), event(2, timestamp=86_400_000))

    def found(*options: str) -> list[int]:
        return ids(run("events", "query", "--archive", path, "--json", *options).out)

    assert found("--since", "1970-01-02T00:00:00+00:00") == [2]
    assert found("--until", "1970-01-01T12:00:00+00:00") == [1]
    assert found("--since", "5m") == []


@pytest.mark.usefixtures("live")
def test_wrong_query_is_refused_with_its_place_with_a_server_and_without(run: Run, archive: str) -> None:
    for where in ((), ("--archive", archive)):
        result = run("events", "query", *where, "MONITR = 'x'")

        assert result.code == 2
        assert "did you mean 'MONITOR'?" in result.err
        assert "^" in result.err


def test_archive_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    result = run("events", "query", "--archive", str(tmp_path / "none.sqlite"))

    assert (result.code, result.out) == (1, "")
    assert "there is no such archive" in result.err


def test_moment_that_cannot_be_read_is_a_fault_of_usage(run: Run) -> None:
    result = run("events", "query", "--since", "yesterday")

    assert result.code == 2
    assert "neither like 10m" in result.err
    assert read_moment(None, None, None) is None  # type: ignore[arg-type]


def test_export_as_json_lines_has_all_events(run: Run, archive: str, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    result = run("events", "export", "--archive", archive, "-o", str(out))

    assert (result.code, result.err) == (0, f"1202 events are in {out}\n")
    assert [json.loads(line)["record_id"] for line in out.read_text().splitlines()] == list(range(1, 1_203))


def test_export_as_csv_can_be_read_back_and_runs_nowhere(run: Run, tmp_path: Path) -> None:
    evil = '=cmd|"/C calc"!A0'
    path = keep(
        tmp_path / "e.sqlite", event(1, result=evil, method="@SUM", context_id="-1", arguments=["+1", 'a,"b'], line=-5)
    )
    out = tmp_path / "out.csv"

    run("events", "export", "--archive", path, "--format", "csv", "-o", str(out))

    head, row = csv.reader(io.StringIO(out.read_text(encoding="utf-8")))
    assert head == [column.name for column in COLUMNS]
    values = dict(zip(head, row, strict=True))
    assert (values["RETVAL"], values["METHODNAME"], values["CONTEXTID"]) == (f"'{evil}", "'@SUM", "'-1")
    assert (json.loads(values["ARGUMENTS"]), values["LINENUM"], values["USERID"]) == (["+1", 'a,"b'], "-5", "")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_text_that_begins_like_a_formula_is_made_harmless(first: str) -> None:
    assert cell(f"{first}1") == f"'{first}1"


def test_export_to_a_file_that_cannot_be_written_says_so(run: Run, archive: str, tmp_path: Path) -> None:
    result = run("events", "export", "--archive", archive, "-o", str(tmp_path / "missing" / "x"))

    assert result.code == 1
    assert "No such file" in result.err


def test_stats_count_the_ring_and_every_sink(run: Run, open_socket: OpenSocket, events: EventBuffer) -> None:
    open_socket()
    events.emit(event(1))
    events.drop("rate")

    table, found = run("events", "stats").out, run("events", "stats", "--json").json

    assert table.splitlines()[1].split() == ["ring", "1", "of", "10000", "1", "rate=1"]
    assert found["buffer"] == {
        "capacity": 10_000,
        "kept": 1,
        "emitted": 1,
        "subscribers": 0,
        "dropped": {"overwritten": 0, "rate": 1},
    }
    assert (found["sinks"], found["archive"]) == ([], None)


def spans(server: str, **facts: Any) -> list[Event]:
    steps = [("service", "before", None), ("send", "before", None), ("send", "after", 250), ("service", "after", 1_000)]
    return [
        event(
            number,
            server=server,
            type=TIMED,
            method=method,
            payload={"phase": phase, "dyes": []} | ({} if elapsed is None else {"elapsed_ns": elapsed}),
            context_payload=facts | ({"hop": "h1"} if server == "a" and number > 2 else {}) or None,
        )
        for number, (method, phase, elapsed) in enumerate(steps, 1)
    ]


def test_tree_joins_the_nodes_of_two_archives(run: Run, tmp_path: Path) -> None:
    a = keep(tmp_path / "a.sqlite", *spans("a", method="INVITE"))
    b = keep(tmp_path / "b.sqlite", *spans("b", parent="h1", node="a"))

    result = run("events", "tree", "c1", "--archive", a, "--archive", b)
    value = run("events", "tree", "c1", "--archive", a, "--archive", b, "--json").json

    assert result.out.splitlines() == [
        "a",
        "  1,000 ns  outbound.service  Before_Send  INVITE",
        "    250 ns  25 %  outbound.send  Before_Send  INVITE",
        "      b (message h1 from a)",
        "        1,000 ns  outbound.service  Before_Send",
        "          250 ns  25 %  outbound.send  Before_Send",
    ]
    assert value["nodes"][0]["branches"][0]["branches"][0]["nodes"][0]["node"] == "b"


def test_tree_asks_several_servers(run: Run, open_socket: OpenSocket, events: EventBuffer) -> None:
    open_socket("a-1.sock", "a")
    open_socket("b-1.sock", "b")
    for one in spans("a"):
        events.emit(one)

    result = run("events", "tree", "c1", "-t", "a", "--also", "b")

    assert [line.strip() for line in result.out.splitlines()][1:] == [
        "1,000 ns  outbound.service  Before_Send",
        "250 ns  25 %  outbound.send  Before_Send",
    ]


def test_tree_of_an_unknown_context_is_a_negative_answer(run: Run, archive: str) -> None:
    result = run("events", "tree", "it's\\none", "--archive", archive)

    assert (result.code, result.out) == (1, "")
    assert "no events of the context" in result.err
