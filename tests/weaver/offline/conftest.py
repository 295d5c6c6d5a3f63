"""Small programs as source."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from weaver.offline.files import find_sources
from weaver.offline.scan import Scan, scan
from weaver.pointcut.needs import ALL_KINDS

Read = Callable[..., Scan]


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a package ``app`` and read it: a text for each module."""

    def read_it(text: str = "", **modules: str) -> Scan:
        files = {f"app/{name}.py": code for name, code in {"__init__": "", "main": text, **modules}.items()}
        write(tmp_path, files)
        return scan(find_sources("app", [str(tmp_path)]), sorted(ALL_KINDS))

    return read_it
