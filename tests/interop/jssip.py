"""JsSIP, bundled for a page: fetched from npm into ``build/jssip`` when it is first needed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interop.processes import ROOT

PACKAGES = ("jssip@3.13.8", "esbuild@0.25.12")


def jssip_bundle() -> Path:
    """Return the script that defines ``JsSIP`` in a page; without npm the test is skipped, and says so."""
    npm, folder = shutil.which("npm"), ROOT / "build" / "jssip"
    bundle = folder / "jssip.js"
    if bundle.exists():
        return bundle
    if npm is None:
        pytest.skip("the program npm is missing (Debian: apt install npm)")
    folder.mkdir(parents=True, exist_ok=True)
    modules = folder / "node_modules"
    build = [str(modules / ".bin" / "esbuild"), str(modules / "jssip" / "lib" / "JsSIP.js"), "--bundle"]
    for command in (
        [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES],
        [*build, "--format=iife", "--global-name=JsSIP", f"--outfile={bundle}"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"JsSIP cannot be made: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return bundle
