import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from weaver import build
from weaver.pointcut.parser import parse_pointcut
from weaver.scan import scan_module
from weaver.weaving import Advice
from weaver.woven_cache import WovenCache
from weaver.woven_file import Selection, path_in

PACKAGE = "built_subject"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    package = tmp_path / PACKAGE
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("raise SystemExit('is not to be run')\n")
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "work.py").write_text("def step(x):\n    return x\n\n\ndef other(x):\n    return x\n")
    (package / "broken.py").write_text("raise RuntimeError('of its own')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def instrumentation(folder: Path, *, pointcut: str = f"{PACKAGE}.inner.work.step", exclude: str = "") -> Path:
    path = folder / "instrumentation.toml"
    path.write_text(
        f'[target]\nmodule = "{PACKAGE}"\n[weaving]\nprefixes = ["{PACKAGE}"]\nexclude = [{exclude}]\n'
        f'[monitors.Steps]\nkind = "custom"\nscope = "server"\nlocation = "before"\npointcut = "{pointcut}"\n'
        '[monitors.Later]\nkind = "custom"\nscope = "application"\npointcut = "built_subject..*.other"\n'
    )
    return path


def test_functions_of_server_scope_monitors_are_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instrumentation(folder, exclude=f'"{PACKAGE}.broken"')

    code = build.main([])

    path = path_in(Path("build", "woven"), f"{PACKAGE}.inner.work")
    assert code == 0
    assert list(folder.rglob("*.woven")) == [folder / path]
    assert capsys.readouterr().out == f"1 functions woven for 1 monitors in {path.parent}, 0 modules removed\n"


def test_what_was_built_is_found_by_pointcut_and_location(folder: Path) -> None:
    instrumentation(folder, exclude=f'"{PACKAGE}.broken"')
    build.main(["--output", str(folder / "out")])
    module = importlib.import_module(f"{PACKAGE}.inner.work")
    shadow = next(shadow for shadow in scan_module(module) if shadow.name == "step")
    selection = Selection(str(parse_pointcut(f"{PACKAGE}.inner.work.step")), "before")

    found = WovenCache(folder / "out").load(shadow, shadow.function.__code__, [selection], Advice(print, max, min))

    assert found.reason == ""


def test_what_no_monitor_selects_any_more_is_removed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instrumentation(folder, exclude=f'"{PACKAGE}.broken"')
    build.main([])
    instrumentation(folder, exclude=f'"{PACKAGE}.broken"', pointcut=f"{PACKAGE}.absent.step")

    build.main([])

    assert list(folder.rglob("*.woven")) == []
    assert "0 functions woven for 1 monitors" in capsys.readouterr().out.splitlines()[1]


def test_function_that_two_monitors_select_is_kept_once_for_both(folder: Path) -> None:
    path = instrumentation(folder, exclude=f'"{PACKAGE}.broken"')
    path.write_text(
        path.read_text() + f'[monitors.Again]\nkind = "custom"\nscope = "server"\nlocation = "around"\n'
        f'pointcut = "{PACKAGE}..*.step"\n'
    )
    build.main([])
    module = importlib.import_module(f"{PACKAGE}.inner.work")
    shadow = next(shadow for shadow in scan_module(module) if shadow.name == "step")
    cache = WovenCache()

    for text, location in ((f"{PACKAGE}.inner.work.step", "before"), (f"{PACKAGE}..*.step", "around")):
        selection = Selection(str(parse_pointcut(text)), location)
        cache.load(shadow, shadow.function.__code__, [selection], Advice(print, max, min))

    assert cache.reasons == {"loaded": 2}


def test_monitor_that_selects_nothing_is_a_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instrumentation(folder, exclude=f'"{PACKAGE}.broken"', pointcut=f"{PACKAGE}.absent.step")

    assert build.main([]) == 0
    assert capsys.readouterr().err == "warning: Steps selects nothing in these packages\n"


def test_module_that_cannot_be_imported_is_reported_and_the_rest_is_built(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instrumentation(folder)

    assert build.main([PACKAGE]) == 1
    streams = capsys.readouterr()
    assert f"error: {PACKAGE}.broken: cannot be imported: RuntimeError('of its own')" in streams.err
    assert streams.out.startswith("1 functions woven")


def test_module_that_ends_the_program_when_it_is_imported_does_not_end_the_build(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instrumentation(folder)
    (folder / PACKAGE / "broken.py").write_text("raise SystemExit(0)")

    assert build.main([PACKAGE]) == 1
    streams = capsys.readouterr()
    assert f"error: {PACKAGE}.broken: cannot be imported: SystemExit(0)" in streams.err
    assert streams.out.startswith("1 functions woven")


def test_module_that_is_named_twice_is_built_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instrumentation(folder, exclude=f'"{PACKAGE}.broken"')

    assert build.main([PACKAGE, PACKAGE]) == 0
    assert capsys.readouterr().out.startswith("1 functions woven")


def test_function_that_cannot_be_kept_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instrumentation(folder, exclude=f'"{PACKAGE}.broken"')
    (folder / "out").write_text("a file in the way")

    assert build.main(["--output", str(folder / "out")]) == 1
    assert f"error: {PACKAGE}.inner.work: " in capsys.readouterr().err


def test_faults_of_the_instrumentation_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "instrumentation.toml"
    path.write_text("[monitors.Steps]\nenabledd = true\n")
    faults = build.main([])
    path.write_text('[weaver]\nplugins = ["no_such_plugin"]\n')
    plugin = build.main([])

    assert (faults, plugin) == (2, 2)
    lines = capsys.readouterr().err
    assert "instrumentation.toml:2: monitors.Steps.enabledd: unknown key" in lines
    assert "plugin no_such_plugin cannot be loaded" in lines
