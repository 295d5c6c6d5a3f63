from pathlib import Path

import pytest

from tests.weaver.offline.conftest import write
from weaver.offline.files import find_sources

FILES = dict.fromkeys(
    [
        "pack/__init__.py",
        "pack/one.py",
        "pack/data.txt",
        "pack/__pycache__/one.py",
        "pack/not-a-package/x.py",
        "pack/inner/__init__.py",
        "pack/inner/two.py",
        "space/three.py",
        "single.py",
    ],
    "",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, FILES)
    return tmp_path


def names(what: str, folder: Path, *exclude: str) -> list[str]:
    return [module for module, _ in find_sources(what, ["/no/such/folder", str(folder)], exclude)]


def test_package_is_found_with_all_below_it(folder: Path) -> None:
    assert names("pack", folder) == ["pack", "pack.one", "pack.inner", "pack.inner.two"]
    assert names("pack.inner", folder) == ["pack.inner", "pack.inner.two"]
    assert find_sources("pack.one", [str(folder)])[0].path == folder / "pack" / "one.py"


def test_module_and_package_without_init_are_found(folder: Path) -> None:
    assert names("single", folder) == ["single"]
    assert names("space", folder) == ["space.three"]


def test_what_is_excluded_is_left_out(folder: Path) -> None:
    assert names("pack", folder, "pack.inner", "pac") == ["pack", "pack.one"]


def test_path_gives_the_names_that_an_import_would(folder: Path) -> None:
    assert names(str(folder / "pack" / "inner"), folder) == ["pack.inner", "pack.inner.two"]
    assert names(str(folder / "pack" / "inner" / "two.py"), folder) == ["pack.inner.two"]
    assert names(str(folder / "pack" / "__init__.py"), folder) == ["pack"]
    assert set(names(str(folder), folder)) >= {"pack.one", "single", "space.three"}


def test_present_folder_is_looked_in_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    assert [module for module, _ in find_sources("space")] == ["space.three"]


@pytest.mark.parametrize("what", ["nothing", "pack.nothing", "no/such/path", "data.txt"])
def test_what_does_not_exist_is_named(what: str, folder: Path) -> None:
    with pytest.raises(LookupError, match="there is no package, module, folder or file"):
        names(what, folder)
