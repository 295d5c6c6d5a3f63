"""CPU of the server process for one B2BUA call: no weaver, weaver with monitors off, monitors on with 1 % dyed.

SIPp calls through click2call to SIPp at 100 calls a second; the three servers take turns in one run.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.figures import Figure, report
from tests.bench.sip.load import run
from tests.bench.sip.subjects import Subject, here
from tests.interop.processes import ROOT

CALLS, RATE, ROUNDS = 1000, 100, 3


def instrumentation(folder: Path, *, on: bool) -> Path:
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


def woven(folder: Path, *, on: bool) -> Subject:
    """Return this server under the weaver."""
    file = instrumentation(folder, on=on)
    return here("weaver.run", "--instrumentation", str(file), "--admin-socket", str(folder / f"{on}.sock"))


def main() -> None:
    names = ("no weaver", "weaver, monitors off", "monitors on, 1 % dyed")
    found: dict[str, list[float]] = {name: [] for name in names}
    with TemporaryDirectory() as folder:
        variants = {
            names[0]: here(),
            names[1]: woven(Path(folder), on=False),
            names[2]: woven(Path(folder), on=True),
        }
        for _ in range(ROUNDS):
            for name, subject in variants.items():
                load = run(subject, RATE, CALLS)
                assert load.failed == 0, load
                found[name].append(load.cpu_us)
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
