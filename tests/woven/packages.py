"""Fetches the sources of the packages whose tests are run, and installs them beside the environment, below ``build/``.

Nothing of it is kept in the repository: ``packages.txt`` has the versions and the hashes.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "build" / "explore"
SOURCES = FOLDER / "sources"
INSTALLED = FOLDER / f"packages-{sys.version_info[0]}.{sys.version_info[1]}"


def fetch() -> None:
    """Bring the sources and the installed packages of this Python up to date; the second time does nothing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    archives = FOLDER / "archives"
    if _is_stale(SOURCES):
        _pip("download", "--no-deps", "--require-hashes", "-r", str(HERE / "packages.txt"), "-d", str(archives))
        for archive in sorted(archives.glob("*.tar.gz")):
            with tarfile.open(archive) as tar:
                tar.extractall(SOURCES, filter="data")
        _mark(SOURCES)
    if _is_stale(INSTALLED):
        target = ("install", "--upgrade", "--no-deps", "--target", str(INSTALLED))
        _pip(*target, "-r", str(HERE / "helpers.txt"))
        _pip(*target, *map(str, sorted(archives.glob("*.tar.gz"))))
        _mark(INSTALLED)


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments], check=True)


def _wanted() -> str:
    return "".join((HERE / name).read_text() for name in ("packages.txt", "helpers.txt"))


def _is_stale(folder: Path) -> bool:
    stamp = folder / ".made-from"
    return not stamp.exists() or stamp.read_text() != _wanted()


def _mark(folder: Path) -> None:
    (folder / ".made-from").write_text(_wanted())
