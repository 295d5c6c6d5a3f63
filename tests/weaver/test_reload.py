"""A changed file is taken into the running program, all of it or nothing."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

from tests.weaver.targets import Around, Recording, make_module, make_registry
from weaver.config import InstrumentationConfig, read_draft
from weaver.errors import InstrumentationConfigError, WeaverError
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.reload import Reload, _section_rows

MINE = "[monitors.Mine]\nkind = 'custom'\nenabled = true\nactions = ['Recording']\npointcut = 'reload_target.f'\n"


@pytest.fixture
def target() -> Iterator[Any]:
    yield make_module("def f(): return 1\ndef g(): return 2\n", "reload_target")
    sys.modules.pop("reload_target")


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def registry(target: Any, recording: Recording) -> Registry:
    registry = make_registry(recording, Around())
    registry.add(
        MonitorDefinition("Library", "server", "delegating", "before", parse_pointcut("reload_target.g"),
                          actions=("Recording",), includes=("reload_target",))
    )  # fmt: skip
    registry.on_module(target)
    return registry


class File:
    """A file, and the reload of its content."""

    def __init__(self, path: Path, registry: Registry) -> None:
        self.path = path
        self.hidden: list[list[str]] = []
        self.reload = Reload(
            path, registry, ("ADDR1",), {"redaction": lambda new: self.hidden.append(new.redaction.names)}
        )

    def begin(self, text: str) -> None:
        self.path.write_text(text)
        draft = read_draft(self.path)
        self.reload.begin(draft, draft.checked())

    def take(self, text: str) -> dict[str, tuple[Any, ...]]:
        self.path.write_text(text)
        rows = [row.as_json() for row in self.reload.take("a test")]
        return {str(row["key"]): tuple(list(row.values())[1:]) for row in rows}

    def faults(self, text: str) -> str:
        with pytest.raises(InstrumentationConfigError) as caught:
            self.take(text)
        return str(caught.value).replace(f"{self.path}:", "")


@pytest.fixture
def file(tmp_path: Path, registry: Registry) -> File:
    return File(tmp_path / "instrumentation.toml", registry)


def test_first_file_sets_what_it_says_and_leaves_the_rest_as_the_library_has_it(file: File, registry: Registry) -> None:
    file.begin("[monitors.Library]\nenabled = true\n" + MINE)

    assert [registry.get(name)["enabled"] for name in ("Library", "Mine")] == [True, True]
    assert registry.get("Library")["includes"] == ["reload_target"]


def test_file_that_has_not_changed_changes_nothing(file: File) -> None:
    file.begin(MINE)

    assert file.take("# more\n" + MINE) == {}


def test_changed_values_are_set_and_told(file: File, registry: Registry) -> None:
    file.begin("")

    rows = file.take("[monitors.Library]\nenabled = true\ndye_mask = ['ADDR1']\n")

    assert rows == {
        "monitors.Library.enabled": ("set", False, True, None),
        "monitors.Library.dye_mask": ("set", [], ["ADDR1"], None),
    }
    assert registry.get("Library")["dye_mask"] == ["ADDR1"]


def test_value_that_the_file_says_no_more_is_that_of_the_library_again(file: File, registry: Registry) -> None:
    file.begin("[monitors.Library]\nenabled = true\nincludes = ['other']\n")

    file.take("")

    assert (registry.get("Library")["enabled"], registry.get("Library")["includes"]) == (False, ["reload_target"])


def test_custom_monitor_comes_changes_and_goes(file: File, registry: Registry, target: Any) -> None:
    f, g = target.f.__code__, target.g.__code__
    file.begin("")

    added = file.take(MINE)
    is_added = (target.f.__code__ is not f, target.g.__code__ is g)
    changed = file.take(MINE.replace("target.f", "target.g"))
    is_changed = (target.f.__code__ is f, target.g.__code__ is not g)
    removed = file.take("")

    assert (is_added, is_changed) == ((True, True), (True, True))
    assert (target.f.__code__, target.g.__code__) == (f, g)
    assert added["monitors.Mine"][0] == "add"
    assert changed == {
        "monitors.Mine.pointcut": ("set", "execution(* reload_target.f(..))", "execution(* reload_target.g(..))", None)
    }
    assert removed["monitors.Mine"][0] == "remove"
    assert registry.names() == ("Library",)


def test_location_and_the_actions_that_fit_it_change_together(file: File, registry: Registry) -> None:
    file.begin(MINE)

    file.take(MINE.replace("Recording", "Around") + "location = 'around'\n")

    status = registry.get("Mine")
    assert (status["location"], status["actions"], status["enabled"]) == ("around", ["Around"], True)


def test_counters_outlast_a_changed_pointcut(file: File, registry: Registry, target: Any) -> None:
    file.begin(MINE)
    target.f()

    file.take(MINE.replace("target.f", "target.g"))
    target.g()

    assert registry.get("Mine")["counters"]["fired"] == 2


def test_pointcut_by_name_changes_those_who_use_it(file: File, registry: Registry) -> None:
    mine = MINE.replace("reload_target.f", "starts()")
    file.begin("[pointcuts]\nstarts = 'reload_target.f'\n" + mine)

    rows = file.take("[pointcuts]\nstarts = 'reload_target.g'\n" + mine)

    assert "monitors.Mine.pointcut" in rows
    assert registry.get("Mine")["joinpoints"] == ["reload_target:g"]


def test_live_change_stays_where_the_file_has_not_changed(file: File, registry: Registry) -> None:
    file.begin(MINE)
    registry.set("Mine", dye_mask=["ADDR1"])
    registry.replace("Mine", parse_pointcut("reload_target.g"))

    file.take(MINE.replace("enabled = true", "enabled = false") + "description = 'new'\n")

    status = registry.get("Mine")
    assert (status["enabled"], status["description"]) == (False, "new")
    assert (status["dye_mask"], status["pointcut"]) == (["ADDR1"], "execution(* reload_target.g(..))")


def test_file_wins_over_a_live_change_of_what_it_changed(file: File, registry: Registry) -> None:
    file.begin("[monitors.Library]\ndye_mask = ['ADDR1']\n")
    registry.set("Library", dye_mask=[], enabled=True)

    rows = file.take("[monitors.Library]\ndye_mask = ['ADDR1', 'ADDR1']\n")

    assert rows == {"monitors.Library.dye_mask": ("set", ["ADDR1"], ["ADDR1", "ADDR1"], [])}
    assert registry.get("Library")["dye_mask"] == ["ADDR1", "ADDR1"]
    assert registry.get("Library")["enabled"]


def test_monitor_that_was_added_live_stays_until_the_file_has_one_of_its_name(file: File, registry: Registry) -> None:
    file.begin("")
    registry.add(MonitorDefinition("Mine", "application", "custom", "before", parse_pointcut("a.b")))

    unchanged = file.take("# nothing\n")
    stayed = registry.get("Mine")["pointcut"]
    file.take(MINE)

    assert (unchanged, stayed) == ({}, "execution(* a.b(..))")
    assert (registry.get("Mine")["pointcut"], registry.get("Mine")["enabled"]) == (
        "execution(* reload_target.f(..))",
        True,
    )


def test_monitor_that_was_removed_live_comes_back_when_the_file_changes_it(file: File, registry: Registry) -> None:
    file.begin(MINE)
    registry.remove("Mine")

    file.take("# nothing\n" + MINE)
    still_gone = "Mine" not in registry.names()
    file.take(MINE + "description = 'x'\n")

    assert still_gone
    assert registry.get("Mine")["description"] == "x"


def test_file_at_fault_changes_nothing_and_every_fault_is_told(file: File, registry: Registry) -> None:
    file.begin(MINE)

    faults = file.faults(MINE.replace("true", "false") + "dye_mask = ['ADR1']\n[monitors.Library]\nactions = ['No']\n")

    assert faults.startswith("6: monitors.Mine.dye_mask: 'ADR1' is no dye flag")
    assert "\n8: monitors.Library.actions: there is no action 'No'" in faults
    assert registry.get("Mine")["enabled"]
    assert file.take(MINE) == {}


def test_what_fails_while_it_is_applied_takes_back_all_the_rest(
    file: File, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.begin(MINE + "[redaction]\nnames = ['a']\n")
    before = registry.list()
    add = registry.add

    def refusing(definition: MonitorDefinition) -> None:
        if definition.name == "Last":
            raise MemoryError("no room")
        add(definition)

    monkeypatch.setattr(registry, "add", refusing)
    more = MINE.replace("Mine", "Last")
    faults = file.faults(
        MINE.replace("true", "false").replace("target.f", "target.g") + "[redaction]\nnames = ['b']\n"
        "[monitors.Library]\nenabled = true\n" + MINE.replace("Mine", "Good") + more
    )  # fmt: skip

    assert faults.startswith("15: monitors.Last: cannot be changed: MemoryError: no room")
    assert registry.list() == before
    assert file.hidden == [["b"], ["a"]]
    monkeypatch.undo()
    assert "monitors.Last" in file.take(MINE + more)


def test_removed_monitor_is_put_back_when_a_later_change_fails(
    file: File, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = MINE.replace("Mine", "Other")
    file.begin(MINE + other)
    remove = registry.remove

    def refusing(name: str) -> Any:
        if name == "Other":
            raise WeaverError("it is needed")
        return remove(name)

    monkeypatch.setattr(registry, "remove", refusing)

    assert "it is needed" in file.faults("")
    assert registry.names() == ("Library", "Mine", "Other")
    assert registry.get("Mine")["enabled"]


def test_what_needs_a_restart_is_named_and_left_until_then(file: File) -> None:
    file.begin("[target]\nmodule = 'one'\n")

    first = file.take("[target]\nmodule = 'two'\n[events]\nring = 5\n")
    second = file.take("[target]\nmodule = 'two'\n[events]\nring = 5\n[redaction]\nnames = ['pin']\n")

    waiting = {
        "target.module": ("restart", "one", "two", None),
        "events.ring": ("restart", 10000, 5, None),
    }
    assert first == waiting
    assert second == {**waiting, "redaction.names": ("set", [], ["pin"], None)}
    assert file.hidden == [["pin"]]
    assert file.reload.taken.config.target.module == "one"


def test_difference_is_shown_and_nothing_changes(file: File, registry: Registry) -> None:
    file.begin(MINE)

    rows = file.reload.diff(file.path, MINE.replace("true", "false"))

    assert [row.as_json() for row in rows] == [
        {"key": "monitors.Mine.enabled", "kind": "set", "old": True, "new": False, "live": None}
    ]
    assert registry.get("Mine")["enabled"]


def test_difference_of_a_text_at_fault_is_its_faults(file: File) -> None:
    file.begin(MINE)

    with pytest.raises(InstrumentationConfigError, match="is not TOML"):
        file.reload.diff(Path("next.toml"), "= 1")


def test_nothing_can_be_compared_before_the_first_file_was_taken(file: File) -> None:
    file.path.write_text("")

    with pytest.raises(WeaverError, match="no configuration"):
        file.reload.take("a test")


def test_calls_that_run_meanwhile_end_as_ever(file: File, target: Any) -> None:
    source = "def f(wait, n):\n    wait()\n    return n + 1\n"
    exec(compile(source, "reload_target.py", "exec"), vars(target))
    file.begin("")
    go = Event()
    calls = []
    for n in range(20):
        calls.append(gevent.spawn(target.f, go.wait, n))
        gevent.sleep(0)
        file.take(MINE if n % 2 else MINE.replace("Mine", "Other"))
    file.take("")
    go.set()

    assert [call.get(timeout=1) for call in calls] == [n + 1 for n in range(20)]


class Wider(InstrumentationConfig):
    """A configuration with a section that is a list."""

    rules: list[str] = []


def test_section_that_is_a_list_is_told_as_a_whole() -> None:
    rows = _section_rows(Wider(rules=["a"]), Wider(rules=["a", "b"]), "rules", "restart")

    assert [row.as_json() for row in rows] == [
        {"key": "rules", "kind": "restart", "old": ["a"], "new": ["a", "b"], "live": None}
    ]


def test_monitor_that_switched_itself_off_stays_off_until_the_file_changes_that(file: File, registry: Registry) -> None:
    file.begin(MINE)
    registry._monitors["Mine"].give_up("it failed")

    file.take(MINE + "description = 'new'\n")
    stays = registry.get("Mine")
    file.take(MINE.replace("true", "false"))
    file.take(MINE)

    assert (stays["enabled"], stays["notice"]) == (False, "switched off: it failed")
    assert registry.get("Mine")["enabled"]


def test_description_of_a_monitor_of_the_library_is_taken_too(file: File, registry: Registry) -> None:
    file.begin("")

    rows = file.take("[monitors.Library]\ndescription = 'for ticket 17'\n")

    assert list(rows) == ["monitors.Library.description"]
    assert registry.get("Library")["description"] == "for ticket 17"


def test_names_that_other_plugins_may_bring_are_said_to_need_a_restart(file: File) -> None:
    file.begin("")

    faults = file.faults("[weaver]\nplugins = ['more']\n[monitors.OfMore]\nenabled = true\n")

    assert faults.startswith("2: weaver.plugins: what other plugins bring is known after a restart only")
    assert "\n3: monitors.OfMore: there is no such monitor" in faults
    assert "restart" not in file.faults("[monitors.OfMore]\nenabled = true\n")


def test_what_was_taken_stands_in_the_audit_log(file: File, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "weaver.audit")
    file.begin("")

    file.take(MINE)

    (record,) = [one for one in caplog.records if one.name == "weaver.audit"]
    assert record.getMessage().startswith(f"a test: {file.path} is taken; add monitors.Mine: None -> {{")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("pointcut = 'execution(* reload_target.f(..)) and args(int)'\n",
         "pointcut = 'execution(* reload_target.f(..)) and args(str)'\n"),
        ("location = 'before'\npointcut = 'execution(* reload_target.f(..)) and args(int)'\n",
         "location = 'after'\npointcut = 'execution(* reload_target.f(..)) and args(str)'\n"),
    ],
)  # fmt: skip
def test_advice_of_the_definition_before_is_not_run_any_more(
    file: File, registry: Registry, target: Any, recording: Recording, first: str, then: str
) -> None:
    exec(compile("def f(x): return x\n", "reload_target.py", "exec"), vars(target))
    registry.on_module(target)
    head = MINE[: MINE.index("pointcut")]
    file.begin(head + first)
    target.f(1)

    file.take(head + then)
    target.f(1)
    target.f("one")

    assert [invocation.arguments for invocation in recording.seen] == [(1,), ("one",)]


def test_monitor_that_is_added_by_half_is_taken_out_again(
    file: File, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.begin("")
    set_ = registry.set

    def refusing(name: str, **attributes: Any) -> Any:
        if attributes.get("enabled"):
            raise WeaverError("no dye is left")
        return set_(name, **attributes)

    monkeypatch.setattr(registry, "set", refusing)

    assert "monitors.Mine: cannot be changed: no dye is left" in file.faults(MINE)
    assert registry.names() == ("Library",)
