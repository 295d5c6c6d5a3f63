"""CPU of the server process for one B2BUA call: no weaver, weaver with monitors off, monitors on with 1 % dyed.

SIPp calls through click2call to SIPp at 100 calls a second; the three servers take turns in one run.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.figures import Figure, report
from tests.interop.processes import ROOT, ServerProcess, Sipp, free_ports

CALLS, RATE, ROUNDS = 1000, 100, 3


def instrumentation(folder: Path, on: bool) -> Path:
    """Write the shipped file with DyeInjection off, or with it and the service monitor on for 1 % of the calls."""
    text = (ROOT / "instrumentation.toml").read_text()
    if not on:
        text = text.replace("enabled = true", "enabled = false")
    else:
        text = text.replace(
            "[monitors.DyeInjection]\nenabled = true",
            "[monitors.DyeInjection]\nenabled = true\nproperties = { SIP_ANY_HEADER = 'request.Call-ID=^[0-9]*00-' }",
        )
        for name in ("Around_Service", "Around_Message_Send_Internal"):
            section = f"[monitors.Sip_Servlet_{name}]\nenabled = "
            text = text.replace(section + "false", section + 'true\ndye_mask = ["SIP_ANY_HEADER"]')
    path = folder / f"instrumentation-{on}.toml"
    path.write_text(text)
    return path


def cpu_seconds(pid: int) -> float:
    return sum(
        int((Path("/proc") / str(pid) / "task" / task / "schedstat").read_text().split()[0]) / 1e9
        for task in os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    )


def measure(module: str, folder: Path, *arguments: str) -> float:
    """Return microseconds of CPU a call."""
    caller_port, callee_port = free_ports(2)
    server = ServerProcess(module, "apps.click2call", "--outbound-proxy", f"sip:127.0.0.1:{callee_port}", *arguments)
    running = [server]
    try:
        server.wait_ready()
        callee = Sipp("callee", callee_port, CALLS, folder)
        callee.wait_bound(callee_port)
        before = cpu_seconds(server.pid)
        caller = Sipp("caller", caller_port, CALLS, folder, "-r", str(RATE), server.sip)
        counts = caller.counts(timeout=60)
        used = cpu_seconds(server.pid) - before
        assert (counts.successful, counts.failed) == (CALLS, 0), counts
        callee.kill()
    finally:
        for process in running:
            process.kill()
    return used / CALLS * 1e6


def main() -> None:
    names = ("no weaver", "weaver, monitors off", "monitors on, 1 % dyed")
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                if name == "no weaver":
                    found[name].append(measure("server", place))
                else:
                    file = instrumentation(place, name.startswith("monitors"))
                    found[name].append(
                        measure(
                            "weaver.run", place, "--instrumentation", str(file), "--admin-socket", str(place / "a.sock")
                        )
                    )
    median = {name: statistics.median(values) for name, values in found.items()}
    base = median["no weaver"]
    report(
        [
            *(Figure(f"CPU a call, {name}", round(value, 1), "us") for name, value in median.items()),
            *(Figure(f"{name} / no weaver", round(median[name] / base, 3), "ratio") for name in names[1:]),
        ]
    )


if __name__ == "__main__":
    main()
