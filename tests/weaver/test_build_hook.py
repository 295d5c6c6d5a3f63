import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from weaver.woven_file import cache_tag

ROOT = Path(__file__).parents[2]

USE = """
import sys
from pathlib import Path

import server.engine.outbound, server.engine.turn
from weaver.config import load_instrumentation
from weaver.event import EventBuffer
from weaver.plugins import Plugins
from weaver.registry import Registry
from weaver.woven_cache import WovenCache

assert server.__file__.startswith(sys.argv[1]), server.__file__
cache = WovenCache()
registry = Registry(EventBuffer(1), cache)
Plugins(registry).load(load_instrumentation(Path(sys.argv[2])).weaver.plugins)
for module in (server.engine.outbound, server.engine.turn):
    registry.on_module(module)
registry.set("DyeInjection", enabled=True)
print(cache.reasons)
"""


@pytest.mark.slow
def test_wheel_carries_the_woven_server_and_it_is_used(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    woven = {path.name for path in (installed / "server" / "_woven" / cache_tag()).iterdir()}

    command = [sys.executable, "-c", USE, str(installed), str(ROOT / "instrumentation.toml")]
    environment = {"PYTHONPATH": str(installed)}
    used = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    assert woven >= {"server.engine.outbound.woven", "server.engine.turn.woven", "server.http.wsgi.woven"}
    assert used.stderr == ""
    assert used.stdout == "{'loaded': 2}\n"
