"""The build hook of a wheel: the wheel carries the woven code of its own packages, for the Python that builds it.

Loaded by the build backend, not by the weaver. An editable install carries none: ``python -m weaver.build``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WovenBuildHook(BuildHookInterface[Any]):
    """Puts ``<package>/_woven/<cache tag>/<module>.woven`` into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Weave, and name the results to the backend.

        Errors: CalledProcessError when something cannot be woven; what it was stands on standard error.
        """
        if version == "editable":
            return
        self._folder = TemporaryDirectory(prefix="woven-")
        environment = {**os.environ, "PYTHONPATH": self.root, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "weaver.build", "--output", self._folder.name]
        subprocess.run(command, cwd=self.root, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        woven = Path(self._folder.name)
        for path in sorted(woven.rglob("*.woven")):
            package = path.name.partition(".")[0]
            build_data["force_include"][str(path)] = f"{package}/_woven/{path.relative_to(woven)}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was woven: the wheel has it."""
        del build_data, artifact_path
        if version != "editable":
            self._folder.cleanup()
