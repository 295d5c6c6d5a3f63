"""Where admin sockets lie: one rule for the server that opens one and the client that looks for them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

SUFFIX = ".sock"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.]+")


def default_path(name: str = "weaver", environment: Mapping[str, str] = os.environ, pid: int | None = None) -> Path:
    """Return where the admin socket of this process goes unless an option says otherwise.

    Shape: ``$RUNTIME_DIRECTORY/admin.sock``, else ``$XDG_RUNTIME_DIR/weaver/NAME-PID.sock``, else
    ``TEMPDIR/weaver-UID/NAME-PID.sock``.
    """
    if environment.get("RUNTIME_DIRECTORY"):
        return Path(environment["RUNTIME_DIRECTORY"].split(":")[0]) / f"admin{SUFFIX}"
    file = f"{_NOT_IN_A_NAME.sub('_', name) or 'weaver'}-{os.getpid() if pid is None else pid}{SUFFIX}"
    if environment.get("XDG_RUNTIME_DIR"):
        return Path(environment["XDG_RUNTIME_DIR"]) / "weaver" / file
    return _temporary() / file


def socket_folders(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the folders where a client looks for admin sockets, each once.

    Shape: those of ``default_path``, and those that a server has found in another environment than the client's: the
    user's runtime folder and ``/run/weaver``.
    """
    folders = [Path(name) for name in environment.get("RUNTIME_DIRECTORY", "").split(":") if name]
    if environment.get("XDG_RUNTIME_DIR"):
        folders.append(Path(environment["XDG_RUNTIME_DIR"]) / "weaver")
    folders += [Path("/run/user") / str(os.getuid()) / "weaver", _temporary(), Path("/run/weaver")]
    return tuple(dict.fromkeys(folders))


def find_sockets(folders: tuple[Path, ...]) -> list[Path]:
    """Return the admin sockets of some folders, sorted by folder and name; nobody may listen on them any more.

    Shape: a folder that others can write to, or that is a stranger's, is passed over.
    """
    found: list[Path] = []
    for folder in folders:
        try:
            if is_private(folder):
                found += sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and path.is_socket())
        except OSError:
            continue
    return found


def is_private(folder: Path) -> bool:
    """Say whether a folder belongs to this user or to root, and nobody else can put a socket into it.

    Errors: OSError when there is no such folder.
    """
    status = folder.lstat()
    return (
        folder.is_dir() and not folder.is_symlink() and status.st_uid in {os.getuid(), 0} and not status.st_mode & 0o022
    )


def _temporary() -> Path:
    return Path(tempfile.gettempdir()) / f"weaver-{os.getuid()}"
