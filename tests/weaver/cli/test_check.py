"""``weaver check``."""

from pathlib import Path

import pytest

from tests.weaver.cli.conftest import Run
from tests.weaver.offline.conftest import write

ROOT = Path(__file__).parents[3]
APP = """
import lib.tools
from lib.tools import helper

def serve():
    yield 1

def start(request): ...
"""
HEAD = '[weaving]\nprefixes = ["app", "lib"]\n'


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"app.py": APP, "lib/__init__.py": "", "lib/tools.py": "def helper(): ..."})
    monkeypatch.chdir(tmp_path)


def instrumentation(pointcut: str, more: str = "", head: str = HEAD) -> None:
    text = f'{head}[monitors.M]\nkind = "custom"\nactions = ["TraceAction"]\npointcut = "{pointcut}"\n{more}\n'
    Path("instrumentation.toml").write_text(text)


def test_file_that_is_fine_ends_with_0(run: Run) -> None:
    instrumentation("app.start")

    assert (run("check").code, run("check").out, run("check").err) == (0, "", "")
    assert run("check", "--json").json == {"faults": [], "lints": [], "unreadable": []}


@pytest.mark.parametrize(
    ("pointcut", "more", "code"),
    [
        ("app.strt", "", "matches-nothing"),
        ("app.serve", "", "generator"),
        ("app.helper or app.start", "", "alias"),
        ("math.sqrt or app.start", "", "c-function"),
        ("app.start and raises(E)", 'location = "before"', "raises-before"),
        ("app.start", 'dye_mask = ["USER1"]', "flag-without-injector"),
    ],
)
def test_remark_has_file_monitor_and_code(run: Run, pointcut: str, more: str, code: str) -> None:
    instrumentation(pointcut, more)

    result = run("check")

    assert result.code == 1
    assert result.out.startswith(f"instrumentation.toml: M: {code}: ")
    assert [lint["code"] for lint in run("check", "--json").json["lints"]] == [code]


def test_hot_paths_and_bounds_are_options(run: Run) -> None:
    instrumentation("app.start or lib..helper")

    result = run("check", "--hot", "app.st*", "--most", "1")

    assert [line.split(": ")[2] for line in result.out.splitlines()] == ["matches-many", "hot-path"]


def test_flag_is_set_by_a_property_or_needs_none(run: Run) -> None:
    instrumentation("app.start", 'dye_mask = ["ADDR1", "PROTOCOL_SIP"]\n[monitors.D.properties]\nADDR1 = "x"')

    assert run("check").code == 0


@pytest.mark.parametrize(
    "mask",
    [
        '"USER1 or ADDR1"',
        '"ADDR1 and not USER1"',
        '["ALICE", "THROTTLE"]',
        '"WATCH_LATE or USER1"',
        '["CONNECTOR1", "DYE_0"]',
    ],
)
def test_mask_that_can_hold_is_no_remark(run: Run, mask: str) -> None:
    more = """
[monitors.D.properties]
ADDR1 = "x"
THROTTLE_RATE = 5
[[dyes.rules]]
kind = "caller"
value = "sip:a@b"
name = "ALICE"
[watches.late]
when = "elapsed > 2s"
actions = ["dye"]
"""
    instrumentation("app.start", f"dye_mask = {mask}{more}")

    result = run("check")

    assert (result.out, result.code) == ("", 0)


def test_every_flag_that_an_expression_lacks_is_named(run: Run) -> None:
    instrumentation("app.start", 'dye_mask = "USER1 and DYE_0 or not DYE_0 and ADDR1"')

    texts = [lint["text"] for lint in run("check", "--json").json["lints"]]

    assert texts == [f"nothing sets the dye flag {flag}: the monitor will not fire" for flag in ("ADDR1", "USER1")]


def test_mask_that_cannot_be_read_is_a_fault(run: Run) -> None:
    instrumentation("app.start", 'dye_mask = "ADDR1 andd USER1"')

    result = run("check")

    assert result.code == 2
    assert "expected 'and' or 'or' before 'andd'" in result.out


def test_mask_that_does_not_count_is_not_looked_at(run: Run) -> None:
    instrumentation("app.start", 'dye_mask = ["USER1"]\ndye_filtering = false')

    assert run("check").code == 0


def test_named_pointcuts_are_used(run: Run) -> None:
    instrumentation("starts() or app.x", head=f'{HEAD}[pointcuts]\nstarts = "app.start"\n')

    assert (run("check").out, run("check").code) == ("", 0)


def test_faults_of_the_file_end_with_2(run: Run) -> None:
    instrumentation("app.start &", "nonsense = 1")

    result = run("check")

    assert result.code == 2
    assert "instrumentation.toml:6: monitors.M.pointcut: column 11" in result.out
    assert "nonsense" in result.out
    assert len(run("check", "--json").json["faults"]) == 2


def test_file_that_is_not_there_or_no_toml_ends_with_2(run: Run) -> None:
    assert run("check", "none.toml").code == 2
    Path("bad.toml").write_text("= 1")
    assert "bad.toml: cannot be read" in run("check", "bad.toml").err


def test_without_prefixes_only_the_masks_are_looked_at(run: Run) -> None:
    instrumentation("app.strt", 'dye_mask = ["USER1"]', head="")

    assert [lint["code"] for lint in run("check", "--json").json["lints"]] == ["flag-without-injector"]


def test_source_that_cannot_be_read_is_named(run: Run) -> None:
    instrumentation("app.start")
    Path("lib/bad.py").write_text("def")

    result = run("check")

    assert result.code == 0
    assert "lib/bad.py: cannot be read" in result.err


JUDGED = """[weaver]
plugins = ["monitors.actions", "monitors.common_flags", "monitors.dye_injection"]
[monitors.DyeInjection]
properties = { ADDR1 = "no address" }
[monitors.Mine]
kind = "custom"
pointcut = "a.b"
actions = ["No"]
enabled = 3
"""


@pytest.mark.slow
def test_plugins_judge_the_file_when_they_are_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    Path("judged.toml").write_text(JUDGED)
    alone = run("check", "judged.toml", "--json").json["faults"]

    result = run("check", "judged.toml", "--plugins", "--json")

    lines = [fault.split(":")[1] for fault in result.json["faults"]]
    assert ([fault.split(":")[1] for fault in alone], lines) == (["9"], ["4", "8", "9"])
    assert result.code == 2
    Path("judged.toml").write_text(JUDGED.replace("no address", "127.0.0.1").replace("No", "TraceAction")[:-12])
    assert run("check", "judged.toml", "--plugins").code == 0


def test_plugins_that_do_not_load_in_time_or_at_all_are_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    instrumentation("app.start")
    monkeypatch.setattr("weaver.cli.check.JUDGE_SECONDS", 0.001)
    late = run("check", "--plugins")
    monkeypatch.undo()
    monkeypatch.chdir(Path.cwd())
    monkeypatch.setattr("sys.executable", "/bin/false")

    broken = run("check", "instrumentation.toml", "--plugins")

    assert (late.code, broken.code) == (5, 1)
    assert "do not load within" in late.err
    assert "cannot be judged" in broken.err
