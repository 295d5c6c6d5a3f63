from pathlib import Path

import msgspec
import pytest

from tests.weaver.events import make_event
from weaver import run
from weaver.config import load_instrumentation
from weaver.gevent_support import NEEDED, unpatched
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
            ":1: monitors.A: A: there is no action 'No'",
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
