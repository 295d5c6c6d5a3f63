"""Every library monitor matches a joinpoint of the server, so that a rename breaks the build and not the operator."""

import importlib
from pathlib import Path

from weaver.config import load_instrumentation
from weaver.event import EventBuffer
from weaver.plugins import Plugins
from weaver.registry import Registry

ROOT = Path(__file__).parents[2]


def test_every_monitor_of_the_library_matches() -> None:
    registry = Registry(EventBuffer())
    Plugins(registry).load(load_instrumentation(ROOT / "instrumentation.toml").weaver.plugins)
    for name in ("server.engine.turn", "server.engine.outbound", "server.servlet.sip_servlet"):
        registry.on_module(importlib.import_module(name))

    assert {status["name"]: len(status["joinpoints"]) > 0 for status in registry.list()} == dict.fromkeys(
        registry.names(), True
    )


def test_no_file_is_over_500_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for package in ("weaver", "server", "monitors", "apps", "tests")
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 500
    }

    assert long == {}
