"""Processes that the tests start and end: the server under test, SIPp, phones; and what is needed to wait for them."""

from __future__ import annotations

import csv
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
TICK = 0.02
"""Seconds between two looks at a condition."""

_BASES = iter(range(12_000 + os.getpid() % 300 * 10, 32_000, 10))
"""Below the ports that the kernel gives to whoever asks for any."""


def wait_until(condition: Callable[[], Any], timeout: float, what: str) -> Any:
    """Return what the condition gives as soon as it is true; fail the test when it never is."""
    pause = threading.Event()
    end = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            pytest.fail(f"not within {timeout} s: {what}")
        pause.wait(TICK)


def unavailable(reason: str) -> NoReturn:
    """Skip the test with the reason; with CI=true everything must be there, so fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def program(name: str, package: str) -> str:
    """Return the path of a program, or skip the test and say which Debian package has it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        unavailable(f"the program {name} is missing (Debian: apt install {package})")
    return found


def free_ports(count: int) -> list[int]:
    """Return ports that are free for UDP and TCP, as are the nine above each; none is ever given out twice."""
    found: list[int] = []
    while len(found) < count:
        base = next(_BASES)
        with ExitStack() as held, suppress(OSError):
            for port in range(base, base + 10):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    held.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port))
            found.append(base)
    return found


def register(user: str, port: int, server: str) -> None:
    """Register a phone on a port; the flow that it is called over is the one that it registers over."""
    host, _, server_port = server.rpartition(":")
    request = (
        f"REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{port}\r\n"
        f"From: <sip:{user}@{server}>;tag=1\r\nTo: <sip:{user}@{server}>\r\nCall-ID: {port}\r\nCSeq: 1 REGISTER\r\n"
        f"Contact: <sip:{user}@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", port))
        phone.settimeout(5)
        phone.sendto(request.encode(), (host, int(server_port)))
        assert phone.recv(65_535).startswith(b"SIP/2.0 200 ")


class Process:
    """A child process whose output is read line by line as it comes."""

    def __init__(self, name: str, command: list[str], **options: Any) -> None:
        self.name = name
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", cwd=options.pop("cwd", ROOT), **options,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll()

    def output(self) -> str:
        """Return what it has written until now."""
        return "\n".join(self.lines)

    def wait_line(self, text: str, timeout: float = 15.0) -> str:
        """Return the first line that holds the text."""

        def line() -> str | None:
            found = next((line for line in self.lines if text in line), None)
            if found is None and self.exit_code is not None:
                self._reader.join(5)
                found = next((line for line in self.lines if text in line), None)
                if found is None:
                    pytest.fail(f"{self.name} ended with {self.exit_code} before {text!r}:\n{self.output()}")
            return found

        return str(wait_until(line, timeout, f"{text!r} from {self.name}; it wrote:\n{self.output()}"))

    def wait_count(self, text: str, count: int, timeout: float = 15.0) -> None:
        """Wait until so many lines hold the text."""
        wait_until(
            lambda: sum(text in line for line in self.lines) >= count,
            timeout,
            f"{count} times {text!r} from {self.name}; it wrote:\n{self.output()[-2000:]}",
        )

    def wait(self, timeout: float) -> int:
        """Return the exit code."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"{self.name} did not end within {timeout} s:\n{self.output()[-4000:]}")
        self._reader.join(5)
        return code

    def terminate(self, timeout: float = 10.0) -> int:
        """Send SIGTERM; return the exit code."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """End it at once if it still runs."""
        if self.exit_code is None:
            self._process.kill()
            self._process.wait(10)
        self._reader.join(5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))


class ServerProcess(Process):
    """A server under test: ``bound`` has the banner's lines by name, ``ask`` speaks JSON with it."""

    def __init__(self, module: str, *arguments: str, **options: Any) -> None:
        listen = ["--sip", options.pop("sip", "127.0.0.1:0"), "--http", "127.0.0.1:0"]
        super().__init__(module, [sys.executable, "-m", module, *arguments, *listen], **options)
        self.bound: dict[str, str] = {}

    @property
    def sip(self) -> str:
        """Where it listens for SIP: ``HOST:PORT``."""
        return self.bound["sip-udp"]

    def wait_ready(self) -> None:
        """Wait for the banner's last line and keep the addresses in it."""
        self.wait_line("ready", 30.0)
        assert "ready" in self.lines, self.output()
        for line in self.lines[: self.lines.index("ready")]:
            name, colon, address = line.partition(": ")
            if colon:
                self.bound[name] = address

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of one HTTP request of its own."""
        connection = http.client.HTTPConnection(self.bound["http"], timeout=15)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else {}
        finally:
            connection.close()

    def wait_state(self, call_id: str, *states: str, timeout: float = 20.0) -> dict[str, Any]:
        """Return the call as the server shows it, once it is in one of the states."""

        def call() -> dict[str, Any] | None:
            shown = self.ask("GET", f"/calls/{call_id}")[1]
            if shown.get("state") in {"ended", "failed"} - {*states}:
                pytest.fail(f"the call is over: {shown}")
            return shown if shown.get("state") in states else None

        found: dict[str, Any] = wait_until(call, timeout, f"call {call_id} {' or '.join(states)}")
        return found


@dataclass(frozen=True)
class SippCounts:
    """What SIPp counted over a run."""

    successful: int
    failed: int
    retransmissions: int
    exit_code: int


class Sipp(Process):
    """SIPp with a scenario of ``tests/data/sipp``; it ends by itself after ``calls`` calls."""

    def __init__(self, scenario: str, port: int, calls: int, folder: Path, *arguments: str) -> None:
        self._folder = folder / f"sipp-{scenario}-{port}"
        self._folder.mkdir()
        command = [
            program("sipp", "sip-tester"), "-sf", str(DATA / "sipp" / f"{scenario}.xml"), "-i", "127.0.0.1",
            "-p", str(port), "-mp", str(port + 2), "-m", str(calls), "-nostdin", "-buff_size", "4194304",
            "-timeout", "100", "-timeout_error", "-trace_stat", "-stf", "stat.csv", "-fd", "1",
            "-trace_err", "-error_file", "errors.log", *arguments,
        ]  # fmt: skip
        super().__init__(scenario, command, cwd=self._folder)

    def wait_bound(self, port: int) -> None:
        """Wait until it listens."""

        def is_bound() -> bool:
            tables = (Path(f"/proc/net/{kind}").read_text(encoding="ascii") for kind in ("udp", "tcp"))
            return any(f":{port:04X} " in table for table in tables)

        wait_until(is_bound, 10, f"{self.name} listens on {port}; it wrote:\n{self.output()}")

    def counts(self, timeout: float) -> SippCounts:
        """Wait for the end; return the counts of its last line of statistics."""
        code = self.wait(timeout)
        with (self._folder / "stat.csv").open(newline="", encoding="utf-8") as file:
            *_, last = csv.DictReader(file, delimiter=";")
        return SippCounts(
            int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), int(last["Retransmissions(C)"]), code
        )

    def errors(self) -> str:
        """Return the beginning of its error log."""
        log = self._folder / "errors.log"
        return log.read_text(encoding="utf-8", errors="replace")[:4000] if log.exists() else ""
