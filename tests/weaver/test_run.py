import importlib
import logging
import os
import signal
import sys
from pathlib import Path

import gevent.monkey
import msgspec
import pytest

from tests.weaver.events import make_event
from weaver import function_version, run
from weaver.cli.client import Client
from weaver.config import load_instrumentation
from weaver.errors import InstrumentationConfigError
from weaver.gevent_support import NEEDED, GeventRuntime, unpatched
from weaver.log import keep_audit
from weaver.redaction import HIDDEN, show

CUSTOM = "[monitors.A]\nkind = 'custom'\npointcut = 'a.b'\n"


def test_options_of_the_weaver_are_taken_out_and_the_rest_goes_to_the_server() -> None:
    options, rest = run._parse(["apps.a", "--sip", "127.0.0.1:0", "--admin-socket", "/tmp/s", "--demo"])

    assert rest == ["apps.a", "--sip", "127.0.0.1:0", "--demo"]
    assert options.admin_socket == Path("/tmp/s")


def test_what_stands_behind_the_module_is_its_own() -> None:
    options, rest = run._parse(["--admin-socket", "/tmp/s", "-m", "prog", "--instrumentation", "x", "-h", "-m", "y"])

    assert (options.module, options.admin_socket) == ("prog", Path("/tmp/s"))
    assert options.instrumentation is None
    assert rest == ["--instrumentation", "x", "-h", "-m", "y"]


def test_late_patch_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("weaver.gevent_support.monkey.is_module_patched", lambda name: name not in {"ssl", "select"})

    assert run.main([]) == 2

    assert "has not patched ssl, select" in capsys.readouterr().err


def test_tests_run_patched() -> None:
    assert set(NEEDED) > {"socket", "ssl"}
    assert unpatched() == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[monitors.DyeInjection]\nenabled = 'yes'\n", ":2: monitors.DyeInjection.enabled"),
        ("[weaver]\nplugins = ['monitors.missing']\n", "monitors.missing cannot be loaded"),
        ("[monitors.Nothing]\nenabled = true\n", ":1: monitors.Nothing: there is no such monitor"),
        (
            "[monitors.A]\nkind = 'custom'\npointcut = 'a.b'\nactions = ['No']\n",
            ":4: monitors.A.actions: there is no action 'No'",
        ),
        (
            "[monitors.A]\nkind = 'custom'\npointcut = 'a.b'\ndye_mask = ['ADR1']\n",
            ":4: monitors.A.dye_mask: 'ADR1' is no",
        ),
    ],
)
def test_fault_of_the_file_is_printed_and_nothing_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(text)

    assert run.main(["--instrumentation", str(path)]) == 2

    assert words in capsys.readouterr().err


def test_module_that_does_not_exist_is_told_and_nothing_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["-m", "no_such_program"]) == 2

    assert capsys.readouterr().err == "there is no module no_such_program that can be run\n"


def test_socket_that_cannot_be_opened_is_told_and_ends_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text("")

    assert run.main(["--instrumentation", str(path), "--admin-socket", str(path / "s")]) == 1

    assert "the admin socket cannot be opened" in capsys.readouterr().err


def test_socket_of_the_file_is_used_unless_the_command_line_names_one(tmp_path: Path) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(f"[admin]\nsocket = '{tmp_path}/of-file'\n")

    for given, used in ((None, "of-file"), (tmp_path / "of-line", "of-line")):
        weaver = run.Weaver(load_instrumentation(path), path)
        weaver.start()
        try:
            assert weaver.open_socket(given) == tmp_path / used
        finally:
            weaver.stop()


def test_pointcuts_of_the_file_are_known_to_the_client_by_name(tmp_path: Path) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text("[pointcuts]\ncalls = 'execution(* nowhere.call(..))'\n")
    weaver = run.Weaver(load_instrumentation(path), path)

    weaver.start()
    try:
        with Client(weaver.open_socket(tmp_path / "s")) as client:
            added = client.call("monitor.add", name="Mine", pointcut="calls() and not within(x)")
    finally:
        weaver.stop()

    assert added["pointcut"] == "execution(* nowhere.call(..)) and not within(x)"


def test_audit_log_is_told_though_the_program_logs_warnings_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(CUSTOM)
    weaver = run.Weaver(load_instrumentation(path), path)

    weaver.start()
    try:
        with Client(weaver.open_socket(tmp_path / "s")) as client:
            client.call("monitor.set", name="A", attributes={"enabled": True}, reason="ticket 17")
    finally:
        weaver.stop()

    told = [record.getMessage() for record in caplog.records if record.name == "weaver.audit"]
    assert logging.getLogger().level == logging.WARNING
    assert logging.getLogger("weaver.audit").level == logging.NOTSET
    assert [line.split()[0] for line in told] == ["monitor.set"]
    assert "ticket 17" in told[0]


def test_audit_log_keeps_a_level_of_its_own() -> None:
    audit = logging.getLogger("weaver.audit")
    audit.setLevel(logging.ERROR)

    end = keep_audit()
    kept = audit.level
    end()
    after = audit.level
    audit.setLevel(logging.NOTSET)

    assert (kept, after) == (logging.ERROR, logging.ERROR)


@pytest.mark.parametrize("wanted", [False, True])
def test_versions_of_functions_are_restored_only_when_the_file_says_so(tmp_path: Path, wanted: bool) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(f"[weaving]\nrestore_function_version = {str(wanted).lower()}\n")
    weaver = run.Weaver(load_instrumentation(path), path)

    weaver.start()
    try:
        remembered = function_version.remember(function_version._sample())
    finally:
        weaver.stop()

    assert (remembered is not None) is (wanted and sys.version_info[:2] == (3, 13))
    assert function_version.remember(function_version._sample()) is None


def test_file_says_what_is_hidden_and_where_events_go(tmp_path: Path) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(f"[redaction]\nnames = ['pin']\n[events]\njson_lines = '{tmp_path}/e.jsonl'\nring = 2\n")
    weaver = run.Weaver(load_instrumentation(path), path)

    weaver.start()
    try:
        weaver.buffer.emit(make_event(1, payload={"pin": show(1234, name="pin")}))
    finally:
        weaver.stop()

    assert msgspec.json.decode((tmp_path / "e.jsonl").read_bytes())["payload"] == {"pin": HIDDEN}
    assert show(1234, name="pin") == "1234"


def test_error_of_the_program_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "breaking_program.py").write_text("raise OSError('the port is in use')\n")
    path = tmp_path / "instrumentation.toml"
    path.write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("sys.argv", ["weaver"])

    with pytest.raises(OSError, match="the port is in use"):
        run.main(["--instrumentation", str(path), "--admin-socket", str(tmp_path / "s"), "-m", "breaking_program"])


def test_python_that_the_assembler_does_not_know_is_said_and_woven_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short_program.py").write_text("print('it runs')\n")
    path = tmp_path / "instrumentation.toml"
    path.write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("sys.argv", ["weaver"])
    monkeypatch.setattr("weaver.fallback.selftest", lambda: "generators lose their frames")

    code = run.main(["--instrumentation", str(path), "--admin-socket", str(tmp_path / "s"), "-m", "short_program"])

    captured = capsys.readouterr()
    assert (code, captured.out) == (0, "it runs\n")
    assert "which reaches less: generators lose their frames" in captured.err


def test_target_of_the_file_gets_the_arguments_that_are_not_ours_and_its_exit_code_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "run_target"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("def main(arguments):\n    print(*arguments)\n    return len(arguments)\n")
    path = tmp_path / "instrumentation.toml"
    path.write_text("[target]\nmodule = 'run_target'\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    code = run.main(["--instrumentation", str(path), "--admin-socket", str(tmp_path / "s"), "a", "--b", "c"])

    captured = capsys.readouterr()
    assert (code, captured.out) == (3, "a --b c\n")
    assert captured.err.startswith(f"admin: {tmp_path}/s\n")
    assert not (tmp_path / "s").exists()


def test_program_that_ends_well_is_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ending_program.py").write_text("import sys\nassert sys.argv[1:] == ['x']\n")
    path = tmp_path / "instrumentation.toml"
    path.write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("sys.argv", ["weaver"])
    options = ["--instrumentation", str(path), "--admin-socket", str(tmp_path / "s")]

    assert run.main([*options, "-m", "ending_program", "x"]) == 0


def test_file_of_the_working_directory_goes_before_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.prefix", "/prefix")
    before = run._find(run.FILE)
    (tmp_path / run.FILE).write_text("")

    assert (before, run._find(run.FILE)) == (Path("/prefix/share/weaver") / run.FILE, Path(run.FILE))


def test_module_that_was_imported_before_is_woven_when_it_is_in_scope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "run_scope"
    (package / "out").mkdir(parents=True)
    for file in ("__init__.py", "inside.py", "out/__init__.py", "out/deep.py"):
        (package / file).write_text("def f():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("run_scope.inside", "run_scope.out.deep"):
        importlib.import_module(name)
    path = tmp_path / "instrumentation.toml"
    path.write_text(
        "[weaving]\nprefixes = ['run_scope']\nexclude = ['run_scope.out']\n"
        "[monitors.A]\nkind = 'custom'\npointcut = 'run_scope..*.f'\n"
    )
    weaver = run.Weaver(load_instrumentation(path), path)

    weaver.start()
    try:
        assert weaver.registry.get("A")["joinpoints"] == ["run_scope.inside:f"]
    finally:
        weaver.stop()


def test_task_that_fails_is_logged_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    runtime = GeventRuntime()

    runtime.spawn("sweeper", lambda: 1 / 0)
    runtime.sleep(0.001)

    assert "the weaver's task sweeper ended by an error" in caplog.text


def test_blocking_work_runs_in_another_thread() -> None:
    get_ident = gevent.monkey.get_original("threading", "get_ident")
    seen: list[int] = []

    GeventRuntime().call_in_thread(lambda: seen.append(get_ident()))

    assert seen
    assert seen[0] != get_ident()


def test_repeated_task_goes_on_after_an_error_and_ends_when_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    runtime, seen = GeventRuntime(), []

    def work() -> None:
        seen.append(1)
        raise ValueError

    stop = runtime.repeat("work", 0.001, work)
    while len(seen) < 2:
        runtime.sleep(0.001)
    stop()
    runtime.sleep(0)
    count = len(seen)
    runtime.sleep(0.005)

    assert len(seen) == count
    assert "the weaver's task work failed and goes on" in caplog.text


def test_signal_is_told_to_all_who_ask_for_it_until_they_ask_no_more() -> None:
    runtime, told = GeventRuntime(), []
    stops = [runtime.on_signal(signal.SIGHUP, lambda name=name: told.append(name)) for name in "ab"]  # type: ignore[misc]

    os.kill(os.getpid(), signal.SIGHUP)
    while len(told) < 2:
        runtime.sleep(0.001)
    stops[0]()
    os.kill(os.getpid(), signal.SIGHUP)
    while len(told) < 3:
        runtime.sleep(0.001)
    stops[1]()

    assert sorted(told) == ["a", "b", "b"]


@pytest.mark.parametrize("by", ["file", "signal"])
def test_changed_file_is_taken_while_the_program_runs(
    tmp_path: Path, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = "[weaver]\nreload_interval = 0.002\n" + CUSTOM
    path = tmp_path / "instrumentation.toml"
    path.write_text(text if by == "file" else text.replace("0.002", "0"))
    weaver = run.Weaver(load_instrumentation(path), path)
    weaver.start()
    try:
        weaver.reload_on(signal.SIGHUP)
        path.write_text(path.read_text() + "enabled = true\n")
        if by == "signal":
            os.kill(os.getpid(), signal.SIGHUP)
        while not weaver.registry.get("A")["enabled"]:
            weaver.runtime.sleep(0.001)
        path.write_text("wrong")
        if by == "signal":
            os.kill(os.getpid(), signal.SIGHUP)
        while "is not TOML" not in caplog.text:
            weaver.runtime.sleep(0.001)
        still_on = weaver.registry.get("A")["enabled"]
    finally:
        weaver.stop()

    assert still_on


def test_what_fails_at_start_leaves_nothing_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text("[redaction]\nnames = ['pin']\n" + CUSTOM)
    weaver = run.Weaver(load_instrumentation(path), path)
    monkeypatch.setattr(weaver.registry, "add", lambda definition: 1 / 0)

    with pytest.raises(InstrumentationConfigError, match=r"monitors\.A: cannot be changed: ZeroDivisionError"):
        weaver.start()

    assert show(1234, name="pin") == "1234"


def test_faults_of_all_kinds_are_printed_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(
        "[weaver]\nplugins = ['monitors.actions', 'monitors.common_flags', 'monitors.dye_injection']\n"
        "[events]\nring = 0\n[monitors.DyeInjection]\ndye_mask = ['ADR1']\n[monitors.DyeInjection.properties]\n"
        "ADDR1 = 'no address'\n[monitors.DyeInjektion]\n" + CUSTOM + "actions = ['TraceElapsedTimeAction']\n"
    )

    code = run.main(["--instrumentation", str(path)])

    lines = [line.split(":")[1] for line in capsys.readouterr().err.splitlines() if line.startswith(str(path))]
    assert (code, lines) == (2, ["4", "6", "8", "9", "13"])


def test_file_that_is_only_checked_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text("[redaction]\nnames = ['pin']\n" + CUSTOM)
    options = ["--check", "--instrumentation", str(path), "--admin-socket", str(tmp_path / "s")]

    good = run.main(options)
    path.write_text(CUSTOM + "actions = ['No']\n")
    bad = run.main(options)

    assert (good, bad, (tmp_path / "s").exists()) == (0, 2, False)
    assert "monitors.A.actions: there is no action 'No'" in capsys.readouterr().err
    assert show(1234, name="pin") == "1234"
