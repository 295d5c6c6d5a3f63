"""A weaver over the running test process, with an ``instrumentation.toml`` of the test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weaver.config import load_instrumentation
from weaver.run import Weaver

HEAD = """
[weaving]
prefixes = ["server", "apps", "tests.chain", "http.client"]
exclude = ["server.testing"]

[weaver]
plugins = [
  "monitors.actions", "monitors.common_flags", "monitors.sip_flags", "monitors.http_flags", "monitors.throttle",
  "monitors.dye_rules", "monitors.work_flags", "monitors.dye_injection", "monitors.sip_servlet", "monitors.sip_send",
  "monitors.context_propagation", "monitors.look_back",
]
"""


@contextmanager
def weaving(folder: Path, monitors: str) -> Iterator[Weaver]:
    path = folder / "instrumentation.toml"
    path.write_text(HEAD + monitors)
    weaver = Weaver(load_instrumentation(path), path)
    weaver.start()
    try:
        yield weaver
    finally:
        weaver.stop()
