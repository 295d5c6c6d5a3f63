"""``weaver changes``, ``weaver undo`` and changes for a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.weaver.cli.conftest import Run
from weaver.cli.duration import format_seconds, parse_seconds
from weaver.config import load_instrumentation
from weaver.run import Weaver

TEXT = "[weaver]\nreload_interval = 0\n[monitors.Mine]\nkind = 'custom'\npointcut = 'nowhere.f'\n"


@pytest.fixture(autouse=True)
def weaver(tmp_path: Path) -> Iterator[Weaver]:
    path = tmp_path / "instrumentation.toml"
    path.write_text(TEXT)
    weaver = Weaver(load_instrumentation(path), path)
    weaver.start()
    weaver.open_socket(tmp_path / "web-1.sock")
    yield weaver
    weaver.stop()


def test_command_says_for_how_long(run: Run) -> None:
    on = run("monitor", "on", "Mine", "--ttl", "90m")
    changed = run("monitor", "set", "Mine", "--mask", "ADDR1", "--ttl", "10s")
    added = run("monitor", "add", "New", "a.b", "--ttl", "1d")

    assert on.out == "Mine is on, 0 joinpoints, for 1h30m\n"
    assert changed.out.splitlines() == ["Mine is on, for 10s", "dye_mask: - -> ADDR1"]
    assert added.out == "New is off, 0 joinpoints, for 1d\n"


def test_changes_are_listed_with_their_state(run: Run) -> None:
    run("monitor", "on", "Mine", "--reason", "ticket 17")
    run("monitor", "set", "Mine", "--mask", "ADDR1", "--ttl", "10m")
    run("monitor", "add", "New", "a.b")
    run("undo")

    lines = run("changes").out.splitlines()

    assert lines[0].split() == ["ID", "TIME", "MONITOR", "CHANGE", "STATE", "REASON"]
    assert "enabled: no -> yes" in lines[1]
    assert lines[1].split()[-3:] == ["holds", "ticket", "17"]
    assert "dye_mask: - -> ADDR1  for another " in lines[2]
    assert "added   " in lines[3]
    assert "taken back, by a client" in lines[3]
    assert len(run("changes", "--json").json["changes"]) == 3


def test_change_is_taken_back_by_its_number(run: Run) -> None:
    run("monitor", "set", "Mine", "--on", "--mask", "ADDR1")
    run("monitor", "set", "Mine", "--mask", "ADDR2")

    result = run("undo", "1")

    assert (result.code, result.out) == (0, "change 1 of Mine is taken back\n")
    assert result.err == "changed since, and left: dye_mask\n"
    assert run("undo", "--json").json["id"] == 2
    assert run("undo").code == 2


def test_change_ends_when_its_time_is_up(run: Run, weaver: Weaver) -> None:
    run("monitor", "on", "Mine", "--ttl", "0.01s")
    run("monitor", "add", "New", "a.b", "--ttl", "0.01")
    while weaver.registry.get("Mine")["enabled"] or "New" in weaver.registry.names():
        weaver.runtime.sleep(0.001)

    assert [one["undone"] for one in run("changes", "--json").json["changes"]] == ["its time was up"] * 2


@pytest.mark.parametrize("text", ["", "m", "10", "1h30m"])
def test_time_is_read_or_refused(run: Run, text: str) -> None:
    code = run("monitor", "on", "Mine", "--ttl", text).code

    assert code == (0 if text[:1].isdigit() else 2)


@pytest.mark.parametrize(
    ("text", "seconds", "again"),
    [("90s", 90.0, "1m30s"), ("1h30m", 5400.0, "1h30m"), ("0.5s", 0.5, "0s"), ("2d", 172_800.0, "2d"), ("7", 7, "7s")],
)
def test_times_are_written_as_they_are_read(text: str, seconds: float, again: str) -> None:
    assert (parse_seconds(text), format_seconds(seconds)) == (seconds, again)


@pytest.mark.parametrize("text", ["", "m", "1x", "-1", "1e3", "0", "0s", "1h 30m", "nan", "inf"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"over 0|is no time"):
        parse_seconds(text)


def test_what_is_late_and_fails_is_logged(weaver: Weaver, caplog: pytest.LogCaptureFixture) -> None:
    weaver.runtime.after(0.0, lambda: 1 / 0)
    stop = weaver.runtime.after(0.0, lambda: 1 / 0)
    stop()
    weaver.runtime.sleep(0.001)

    assert caplog.text.count("what the weaver was to do after 0 s ended by an error") == 1
