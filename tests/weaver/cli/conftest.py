"""The client in this process, and servers for it to talk to."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.management.conftest import OpenSocket, events, look_back, notices, open_socket, watches
from weaver.cli import client
from weaver.cli.main import main

__all__ = ["OpenSocket", "events", "look_back", "notices", "open_socket", "watches"]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the client; it looks for servers in the test's folder only."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(client, "socket_folders", lambda: (tmp_path,))
    for name in ("WEAVER_SOCKET", "WEAVER_DEBUG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run_it(*arguments: str) -> Result:
        code = main(arguments)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run_it
