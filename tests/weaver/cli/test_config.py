"""``weaver config`` and a weaver at work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.weaver.cli.conftest import Run
from weaver.config import load_instrumentation
from weaver.run import Weaver

TEXT = "[weaver]\nreload_interval = 0\n[monitors.Mine]\nkind = 'custom'\npointcut = 'nowhere.f'\n"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    path = Path("instrumentation.toml")
    path.write_text(TEXT)
    weaver = Weaver(load_instrumentation(path), path)
    weaver.start()
    weaver.open_socket(tmp_path / "web-1.sock")
    yield path
    weaver.stop()


def test_file_that_is_in_use_makes_no_difference(run: Run) -> None:
    result = run("config", "diff")

    assert (result.code, result.out) == (0, "nothing has changed\n")


def test_difference_is_shown_value_by_value_and_ends_with_1(run: Run) -> None:
    Path("next.toml").write_text(
        TEXT.replace("'nowhere.f'", "'nowhere.f'\ndye_mask = ['ADDR1']") + "[events]\nring = 5\n"
        "[monitors.More]\nkind = 'custom'\npointcut = 'a.b'\n"
    )
    run("monitor", "set", "Mine", "--mask", "ADDR2")

    result = run("config", "diff", "next.toml")

    assert result.code == 1
    assert result.out.splitlines() == [
        "events.ring: 10000 -> 5, needs a restart",
        "monitors.Mine.dye_mask: - -> ADDR1, changed meanwhile to ADDR2",
        "monitors.More: new monitor",
    ]
    assert [row["kind"] for row in run("config", "diff", "next.toml", "--json").json["changes"]] == [
        "restart", "set", "add",
    ]  # fmt: skip


def test_faults_of_a_file_are_shown_with_its_name_and_end_with_2(run: Run) -> None:
    Path("next.toml").write_text("[events]\nring = 0\n[monitors.No]\nenabled = true\n")

    result = run("config", "diff", "next.toml")

    assert (result.code, result.out) == (2, "")
    assert "next.toml:2: events.ring: must be greater" in result.err
    assert "next.toml:3: monitors.No: there is no such monitor" in result.err


def test_file_that_cannot_be_read_ends_with_2(run: Run) -> None:
    result = run("config", "diff", "none.toml")

    assert result.code == 2
    assert "none.toml: cannot be read" in result.err


def test_file_is_taken_when_it_is_asked_for(run: Run, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    file.write_text(TEXT + "enabled = true\n")

    result = run("config", "reload", "--reason", "ticket 17")

    assert result.code == 0
    assert result.out.splitlines()[1:] == ["monitors.Mine.enabled: no -> yes"]
    assert run("monitor", "show", "Mine", "--json").json["enabled"]
    assert "config.reload (ticket 17): " in caplog.text
    assert run("config", "reload", "--json").json["changes"] == []


def test_file_at_fault_is_refused_told_and_logged(run: Run, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_text(TEXT + "enabled = 3\n")

    result = run("config", "reload")

    assert result.code == 2
    assert ":6: monitors.Mine.enabled: must be true or false, not 3" in result.err
    assert "what was before stays" in caplog.text
    assert not run("monitor", "show", "Mine", "--json").json["enabled"]


def test_values_in_effect_have_their_sources(run: Run) -> None:
    run("monitor", "on", "Mine")

    rows = [line.split() for line in run("config", "show", "monitors.Mine.").out.splitlines()]
    values = run("config", "show", "weaver.", "--json").json["values"]

    assert rows[0] == ["KEY", "VALUE", "SOURCE"]
    assert ["monitors.Mine.enabled", "yes", "live"] in rows
    assert values[1] == {"key": "weaver.reload_interval", "value": 0.0, "source": "instrumentation.toml:2"}


def test_check_stands_among_the_others(run: Run) -> None:
    assert run("config", "check").code == run("check").code == 0


def test_schema_is_printed_or_written(run: Run) -> None:
    printed = run("config", "schema")
    written = run("config", "schema", "-o", "schema.json")

    assert printed.json["title"] == "instrumentation.toml"
    assert written.out == ""
    assert Path("schema.json").read_text() == printed.out
    assert run("config", "schema", "-o", "/").code == 2
    assert "cannot be written" in run("config", "schema", "-o", "no/such/folder").err


EXAMPLE = Path(__file__).parents[2] / "data" / "weblogic" / "example.xml"


def test_descriptor_of_the_original_becomes_a_file_that_passes_the_check(run: Run) -> None:
    result = run("config", "import", str(EXAMPLE), "-o", "imported.toml")

    assert (result.code, result.out) == (0, "")
    assert "line 46: EJB_Before_SessionEjbMethods: there are no enterprise beans here" in result.err
    assert run("config", "check", "imported.toml").code == 0
    assert Path("imported.toml").read_text() == run("config", "import", str(EXAMPLE)).out
    assert set(run("config", "import", str(EXAMPLE), "--json").json) == {"monitors", "remarks"}


def test_what_is_no_descriptor_ends_with_2(run: Run) -> None:
    Path("wrong.xml").write_text("<!DOCTYPE a><a/>")

    assert "wrong.xml: line 1: has a document type" in run("config", "import", "wrong.xml").err
    assert run("config", "import", "none.xml").code == 2
