import sys
from pathlib import Path

import pytest

from tests.weaver.targets import Recording, make_registry, monitor
from weaver.main_module import find_main, run_as_main

MAIN = """
import sys

def make(n):
    return lambda: n

class Tool:
    def act(self, x):
        return x + 1

early = make(1)

def middle(registry):
    registry.set("Late", enabled=True, actions=["Recording"])
    return early()

if __name__ == "__main__":
    results = [Tool().act(1), middle(sys.registry), sys.modules["__main__"].__spec__.name]
    sys.results = results
"""


def test_module_that_runs_as_main_is_woven_before_its_functions_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "live_tool").mkdir()
    (tmp_path / "live_tool" / "__init__.py").write_text("")
    (tmp_path / "live_tool" / "__main__.py").write_text(MAIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = sys.modules["__main__"], sys.argv[0]
    recording = Recording()
    registry = make_registry(recording)
    monkeypatch.setattr(sys, "registry", registry, raising=False)
    registry.add(monitor("Early", "execution(* live_tool.__main__.Tool.act(..))"))
    registry.set("Early", enabled=True, actions=["Recording"])
    registry.add(monitor("Late", "execution(* live_tool..<lambda>(..))"))

    run_as_main("live_tool", registry.on_main)

    assert sys.results == [2, 1, "live_tool.__main__"]  # type: ignore[attr-defined]
    names = ["live_tool.__main__:Tool.act", "live_tool.__main__:make.<locals>.<lambda>"]  # as weaver match has them
    assert [one.shadow.id for one in recording.seen] == names
    assert (sys.modules["__main__"], sys.argv[0]) == before
    with pytest.raises(ImportError, match="live_nothing"):
        run_as_main("live_nothing", registry.on_main)


@pytest.mark.parametrize("name", ["_json", "sys", "", "__main__.x"])
def test_what_cannot_be_run_is_an_import_error(name: str) -> None:
    with pytest.raises(ImportError):
        find_main(name)
