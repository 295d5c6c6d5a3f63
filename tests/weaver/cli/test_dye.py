"""``weaver dye`` and a weaver at work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.weaver.cli.conftest import Run
from weaver.config import load_instrumentation
from weaver.run import Weaver

TEXT = """
[weaver]
plugins = ["monitors.common_flags", "monitors.dye_rules"]
reload_interval = 0
[[dyes.rules]]
kind = "address"
value = "10.0.0.0/8"
name = "INSIDE"
[monitors.Mine]
kind = "custom"
pointcut = "nowhere.f"
dye_mask = "INSIDE and not ADDR1"
"""


@pytest.fixture(autouse=True)
def weaver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Weaver]:
    monkeypatch.chdir(tmp_path)
    path = Path("instrumentation.toml")
    path.write_text(TEXT)
    running = Weaver(load_instrumentation(path), path)
    running.start()
    running.open_socket(tmp_path / "web-1.sock")
    yield running
    running.stop()


def test_rule_is_added_listed_and_removed(run: Run) -> None:
    added = run(
        "dye", "add", "caller", "sip:alice@example.com", "--name", "ALICE", "--ttl", "10m", "--hits", "100",
        "--reason", "ticket 17",
    )  # fmt: skip
    assert added.out == "rule 2: caller sip:alice@example.com is dyed ALICE\n"

    head, first, second = (line.split() for line in run("dye", "ls").out.splitlines())
    assert head == ["ID", "NAME", "KIND", "VALUE", "HITS", "LEFT", "REASON"]
    assert first == ["1", "INSIDE", "address", "10.0.0.0/8", "0", "-", "-"]
    assert second == ["2", "ALICE", "caller", "sip:alice@example.com", "0/100", "10m", "ticket", "17"]

    removed = run("dye", "rm", "ALICE", "--reason", "done")
    assert removed.out == "rule 2: caller sip:alice@example.com is gone, 0 hits\n"
    assert [rule["name"] for rule in run("dye", "ls", "--json").json["rules"]] == ["INSIDE"]


def test_list_says_how_many_names_are_held(run: Run) -> None:
    found = run("dye", "ls")

    assert "of 21 named dyes are held" in found.err
    assert run("dye", "ls", "--json").json["named"]["INSIDE"][-1] == "monitor Mine"


def test_rule_without_a_name_gets_one_and_a_monitor_can_use_it(run: Run) -> None:
    name = run("--json", "dye", "add", "user", "bob").json["name"]

    assert run("monitor", "set", "Mine", "--mask", f"{name} or INSIDE").code == 0
    assert run("monitor", "show", "Mine", "--json").json["dye_mask"] == [f"{name} or INSIDE"]


@pytest.mark.parametrize("value", ["", "x", "10 m", "0", "-1", "1w"])
def test_time_that_makes_no_sense_is_refused(run: Run, value: str) -> None:
    result = run("dye", "add", "user", "bob", "--ttl", value)

    assert result.code == 2
    assert "Invalid value for '--ttl'" in result.err


def test_time_is_written_as_with_all_commands(run: Run) -> None:
    added = run("--json", "dye", "add", "user", "bob", "--ttl", "1h30m")

    assert added.json["ttl"] == 5_400


def test_rules_that_are_put_to_no_message_are_remarked_on(run: Run) -> None:
    remark = "no message is dyed while DyeInjection is off"

    assert remark in run("dye", "add", "user", "bob").err
    assert remark in run("dye", "ls").err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "callr", "sip:a@b"], "did you mean 'caller'"),
        (["add", "caller", "alice"], "no URI"),
        (["add", "user", "bob", "--name", "ADDR1"], "is a flag"),
        (["rm", "NOBODY"], "number or name 'NOBODY'"),
    ],
)
def test_refusal_is_told(run: Run, arguments: list[str], words: str) -> None:
    result = run("dye", *arguments)

    assert result.code != 0
    assert words in result.err


def test_kinds_are_listed(run: Run) -> None:
    lines = run("dye", "kinds").out.splitlines()

    assert [line.split()[0] for line in lines[1:]] == sorted(run("dye", "kinds", "--json").json)
    assert len(lines) == 10


def test_changed_file_changes_the_rules(run: Run) -> None:
    Path("instrumentation.toml").write_text(TEXT.replace("10.0.0.0/8", "10.1.0.0/16"))

    run("config", "reload")

    assert [rule["value"] for rule in run("dye", "ls", "--json").json["rules"]] == ["10.1.0.0/16"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('value = "10.0.0.0/8"', 'value = "10.0.0.0/99"', "dyes.rules.0"),
        ('"INSIDE"\n', '"inside"\n', "no name of a dye"),
        ('kind = "address"', 'kind = "adress"', "did you mean 'address'"),
        ("not ADDR1", "not ADDR7", "'ADDR7' is no dye flag"),
        ("not ADDR1", "not (ADDR1", "not closed"),
    ],
)
def test_fault_of_a_rule_or_a_mask_has_its_line_and_nothing_changes(run: Run, old: str, new: str, words: str) -> None:
    Path("instrumentation.toml").write_text(TEXT.replace(old, new))

    result = run("config", "reload")

    assert result.code != 0
    assert words in result.err
    assert "instrumentation.toml:" in result.err
    assert [rule["value"] for rule in run("dye", "ls", "--json").json["rules"]] == ["10.0.0.0/8"]
