import importlib
import importlib.util
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from weaver.hook import Handle, install

NAME = "hook_subject"


class Witness:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.loaders: list[object] = []

    def __call__(self, module: ModuleType) -> None:
        self.seen.append(module.__name__)
        self.loaders.append(module.__loader__)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / NAME
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("seen_loader = __loader__\nseen_spec_loader = __spec__.loader\nvalue = 1\n")
    (package / "broken.py").write_text("raise LookupError('of its own')\n")
    (tmp_path / f"{NAME}_not.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = list(sys.meta_path)
    yield tmp_path
    sys.meta_path[:] = before
    for name in [name for name in sys.modules if name.startswith(NAME)]:
        del sys.modules[name]


def test_modules_under_a_prefix_are_told_of_once_their_body_has_run(folder: Path) -> None:
    witness = Witness()
    handle = install(witness, prefixes=[NAME])

    part = importlib.import_module(f"{NAME}.part")
    importlib.import_module(f"{NAME}_not")
    handle.uninstall()

    assert witness.seen == [NAME, f"{NAME}.part"]
    assert part.value == 1


def test_module_and_spec_have_the_real_loader(folder: Path) -> None:
    witness = Witness()
    handle = install(witness, prefixes=[NAME])

    part = importlib.import_module(f"{NAME}.part")
    handle.uninstall()

    for loader in (part.__loader__, part.__spec__.loader, part.seen_loader, part.seen_spec_loader, *witness.loaders):
        assert type(loader) is SourceFileLoader


def test_spec_that_is_only_looked_at_serves_like_the_real_one(folder: Path) -> None:
    handle = install(Witness(), prefixes=[NAME])

    spec = importlib.util.find_spec(f"{NAME}.part")
    handle.uninstall()

    assert spec is not None
    assert isinstance(spec.loader, SourceFileLoader)
    assert "value = 1" in str(spec.loader.get_source(f"{NAME}.part"))


def test_module_made_by_hand_gets_the_real_loader(folder: Path) -> None:
    witness = Witness()
    handle = install(witness, prefixes=[NAME])
    spec = importlib.util.find_spec(f"{NAME}.part")
    handle.uninstall()
    assert spec is not None
    assert spec.loader is not None
    module = ModuleType(f"{NAME}.part")
    vars(module)["__spec__"] = None

    with pytest.raises(AttributeError, match="loader"):
        spec.loader.exec_module(module)

    assert type(module.__loader__) is SourceFileLoader
    assert witness.seen == [NAME]


def test_callback_that_fails_does_not_break_the_import(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(module: ModuleType) -> None:
        raise RuntimeError("of the weaver")

    handle = install(fail, prefixes=[NAME])

    part = importlib.import_module(f"{NAME}.part")
    handle.uninstall()

    assert part.value == 1
    assert f"{NAME}.part could not be looked at for weaving" in caplog.text


def test_module_that_fails_raises_its_own_error_and_is_not_told_of(folder: Path) -> None:
    witness = Witness()
    handle = install(witness, prefixes=[NAME])

    with pytest.raises(LookupError, match="of its own"):
        importlib.import_module(f"{NAME}.broken")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{NAME}.absent")
    handle.uninstall()

    assert witness.seen == [NAME]
    assert f"{NAME}.broken" not in sys.modules


def test_reload_is_told_of_again(folder: Path) -> None:
    witness = Witness()
    handle = install(witness, prefixes=[NAME])

    part = importlib.import_module(f"{NAME}.part")
    importlib.reload(part)
    handle.uninstall()

    assert witness.seen == [NAME, f"{NAME}.part", f"{NAME}.part"]
    assert type(part.__spec__.loader) is SourceFileLoader


def test_two_hooks_are_both_told_and_taken_out_on_their_own(folder: Path) -> None:
    first, second = Witness(), Witness()
    before = list(sys.meta_path)
    handles: list[Handle] = [install(first, prefixes=[NAME]), install(second, prefixes=[f"{NAME}.part"])]

    part = importlib.import_module(f"{NAME}.part")
    handles[0].uninstall()
    handles[0].uninstall()
    remaining = len(sys.meta_path)
    handles[1].uninstall()

    assert (first.seen, second.seen) == ([NAME, f"{NAME}.part"], [f"{NAME}.part"])
    assert type(part.__spec__.loader) is SourceFileLoader
    assert remaining == len(before) + 1
    assert sys.meta_path == before


def test_finder_that_asks_all_finders_itself_does_not_loop(folder: Path) -> None:
    class Asking(MetaPathFinder):
        def find_spec(
            self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
        ) -> ModuleSpec | None:
            for finder in sys.meta_path:
                found = None if finder is self else finder.find_spec(fullname, path, target)
                if found is not None:
                    return found
            return None

    witness = Witness()
    sys.meta_path.insert(0, Asking())
    handle = install(witness, prefixes=[NAME])

    part = importlib.import_module(f"{NAME}.part")
    handle.uninstall()

    assert part.value == 1
    assert witness.seen == [NAME, f"{NAME}.part"]


def test_namespace_packages_and_zip_files_are_imported_as_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / f"{NAME}_space").mkdir()
    (folder / f"{NAME}_space" / "leaf.py").write_text("value = 2\n")
    with zipfile.ZipFile(folder / "packed.zip", "w") as packed:
        packed.writestr(f"{NAME}_packed.py", "value = 3\n")
    monkeypatch.syspath_prepend(str(folder / "packed.zip"))
    witness = Witness()
    handle = install(witness, prefixes=[f"{NAME}_space", f"{NAME}_packed"])

    leaf = importlib.import_module(f"{NAME}_space.leaf")
    packed_module = importlib.import_module(f"{NAME}_packed")
    handle.uninstall()

    assert (leaf.value, packed_module.value) == (2, 3)
    assert witness.seen[-2:] == [f"{NAME}_space.leaf", f"{NAME}_packed"]


@pytest.mark.slow
def test_engine_imports_nothing_that_gevent_patches() -> None:
    engine = "weaver.errors, weaver.shadow, weaver.swap, weaver.hook, weaver.woven_cache, weaver.weaving.verify"
    patched = "{'gevent', 'threading', 'socket', 'ssl', 'select', 'selectors', 'subprocess', 'queue', 'logging'}"
    program = f"import sys, {engine}; print(sorted({patched} & set(sys.modules)))"

    path = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {path!r}); {program}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert done.stdout == "[]\n"


def test_code_of_a_body_is_asked_for_before_it_runs(folder: Path) -> None:
    asked: list[str] = []

    def on_code(module: ModuleType, code: CodeType) -> CodeType:
        asked.append(module.__name__)
        return code.replace(co_consts=tuple(2 if one == 1 else one for one in code.co_consts))

    handle = install(Witness(), [NAME], on_code)
    part = importlib.import_module(f"{NAME}.part")
    handle.uninstall()

    assert part.value == 2
    assert asked == [NAME, f"{NAME}.part"]


def test_body_runs_as_it_is_when_its_code_cannot_be_woven(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    witness = Witness()
    handle = install(witness, [NAME], lambda *_: 1 // 0)

    part = importlib.import_module(f"{NAME}.part")
    with pytest.raises(LookupError, match="of its own"):
        importlib.import_module(f"{NAME}.broken")
    handle.uninstall()

    assert part.value == 1
    assert witness.seen == [NAME, f"{NAME}.part"]
    assert f"{NAME}.part could not be woven before its body runs" in caplog.messages
