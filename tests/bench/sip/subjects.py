"""What is put between two SIPp: this server and its peers, as B2BUA or as proxy, each as a process that listens on UDP.

A subject that is not installed is named and left out.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.interop.kamailio import Kamailio
from tests.interop.processes import Process, ServerProcess, register, wait_until

HOST = "127.0.0.1"
PROGRAMS = Path(__file__).parent


@dataclass(frozen=True)
class Way:
    """Where a subject listens, where the calls come from and go on to, and a folder for its files."""

    port: int
    caller_port: int
    callee_port: int
    folder: Path


@dataclass(frozen=True)
class Subject:
    """Something that takes calls on; ``start`` returns when it listens."""

    name: str
    start: Callable[[Way], Process]
    is_installed: Callable[[], bool] = lambda: True


def here(module: str = "server", *arguments: str) -> Subject:
    """Return this server as a B2BUA."""

    def start(way: Way) -> Process:
        proxy = f"sip:{HOST}:{way.callee_port}"
        return _ready(
            ServerProcess(
                module, "apps.click2call", "--outbound-proxy", proxy, *arguments, sip=f"{HOST}:{way.port}"
            )
        )  # fmt: skip

    return Subject("here", start)


def here_as_proxy() -> Subject:
    """Return this server as a proxy at which the callee has registered."""

    def start(way: Way) -> Process:
        server = _ready(ServerProcess("server", "apps.proxy_registrar", sip=f"{HOST}:{way.port}"))
        register("bob", way.callee_port, f"{HOST}:{way.port}")
        return server

    return Subject("here", start)


def bare() -> Subject:
    """Return the floor: a bare B2BUA on gevent."""
    return Subject("bare gevent", lambda way: _program("bare_b2bua.py", way))


def aiosipua() -> Subject:
    """Return a B2BUA of aiosipua."""
    return Subject("aiosipua", lambda way: _program("aiosipua_b2bua.py", way), lambda: _is_there("aiosipua"))


def sippy() -> Subject:
    """Return the simple B2BUA that sippy ships, its log off."""

    def start(way: Way) -> Process:
        command = [
            sys.executable, "-m", "sippy.b2bua_simple", "-f", "-l", HOST, "-p", str(way.port),
            "-n", f"{HOST}:{way.callee_port}",
        ]  # fmt: skip
        return _listening(Process("sippy", command, env={**os.environ, "SIPLOG_BEND": "none"}), way.port)

    return Subject("sippy", start, lambda: _is_there("sippy"))


def kamailio() -> Subject:
    """Return Kamailio as a stateful proxy in the way of the calls, with the allocator that it comes with."""
    return Subject(
        "kamailio",
        lambda way: _listening(Kamailio(way.port, way.callee_port, way.caller_port, way.folder / "k"), way.port),
        lambda: shutil.which("kamailio", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin") is not None,
    )


def installed(*subjects: Subject) -> list[Subject]:
    """Return those that are there, and name the others."""
    for subject in subjects:
        if not subject.is_installed():
            print(f"{subject.name} is not installed: left out", file=sys.stderr)
    return [subject for subject in subjects if subject.is_installed()]


def _is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _ready(server: ServerProcess) -> ServerProcess:
    server.wait_ready()
    return server


def _program(name: str, way: Way) -> Process:
    command = [sys.executable, str(PROGRAMS / name), str(way.port), str(way.callee_port)]
    return _listening(Process(name, command), way.port)


def _listening(process: Process, port: int) -> Process:
    wait_until(
        lambda: f":{port:04X} " in Path("/proc/net/udp").read_text(encoding="ascii") or process.exit_code is not None,
        15,
        f"{process.name} listens; it wrote:\n{process.output()}",
    )
    assert process.exit_code is None, process.output()
    return process
