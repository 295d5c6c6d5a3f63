"""Fixtures that start processes and end them, whatever the test did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.processes import ROOT, Process, ServerProcess, Sipp

StartServer = Callable[..., ServerProcess]
StartSipp = Callable[..., Sipp]


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Whatever is put into this list is ended after the test."""
    started: list[Process] = []
    yield started
    for process in reversed(started):
        process.kill()


@pytest.fixture
def start_server(processes: list[Process]) -> Iterator[StartServer]:
    """Return a function that starts ``python -m server`` on free ports; SIGTERM must end each with exit code 0."""
    servers: list[ServerProcess] = []

    def start(*arguments: str, module: str = "server", **options: Any) -> ServerProcess:
        server = ServerProcess(module, *(arguments or ("apps.click2call",)), **options)
        processes.append(server)
        server.wait_ready()
        servers.append(server)
        return server

    yield start
    for server in servers:
        assert server.terminate() == 0, server.output()


@pytest.fixture
def start_sipp(processes: list[Process], tmp_path: Path) -> StartSipp:
    """Return a function that starts SIPp with a scenario on a port, where it listens unless told otherwise."""

    def start(scenario: str, port: int, calls: int, *arguments: str, listens: bool = True) -> Sipp:
        sipp = Sipp(scenario, port, calls, tmp_path, *arguments)
        processes.append(sipp)
        if listens:
            sipp.wait_bound(port)
        return sipp

    return start


@pytest.fixture(scope="session")
def build_folder() -> Path:
    """Return the folder for what is kept of a run."""
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    return folder
