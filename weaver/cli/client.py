"""The client's side of the admin socket: plain blocking sockets, nothing else."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TIMEOUT = 5.0


class NoServerError(Exception):
    """There is no server to talk to; exit code 3."""


class RemoteError(Exception):
    """The server refused a request; exit code 1."""


class Client:
    """One connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT)
        self._pending = b""
        self._serial = 0
        try:
            self._socket.connect(str(path))
            self.hello: dict[str, Any] = self._read()["params"]
        except (OSError, KeyError, ValueError) as error:
            self._socket.close()
            raise NoServerError(f"no server answers at {path}: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def call(self, method: str, **parameters: object) -> Any:
        """Call a method and return its result.

        Errors: RemoteError, NoServerError.
        """
        self._serial += 1
        request = {"jsonrpc": "2.0", "id": self._serial, "method": method, "params": parameters}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            while True:
                answer = self._read()
                if answer.get("id") == self._serial:
                    break
        except OSError as error:
            raise NoServerError(f"the server at {self.path} went away: {error}") from error
        if "error" in answer:
            raise RemoteError(answer["error"]["message"])
        return answer["result"]

    def events(self) -> Iterator[dict[str, Any]]:
        """Return the notifications that come, until the server goes away."""
        self._socket.settimeout(None)
        while True:
            try:
                message = self._read()
            except OSError:
                return
            if "method" in message:
                yield message

    def _read(self) -> dict[str, Any]:
        while b"\n" not in self._pending:
            data = self._socket.recv(65_536)
            if not data:
                raise ConnectionError("the connection was closed")
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message


def sockets() -> list[Path]:
    """Return the sockets that lie where servers put them."""
    user = os.environ.get("XDG_RUNTIME_DIR")
    folders = [Path(user) / "weaver"] if user else []
    folders.append(Path(tempfile.gettempdir()) / f"weaver-{os.getuid()}")
    return sorted(path for folder in folders if folder.is_dir() for path in folder.glob("*.sock"))


def connect(target: str | None) -> Client:
    """Connect to the server that a name, a process id or a path means; without one, to the only server there is.

    Errors: NoServerError.
    """
    target = target or os.environ.get("WEAVER_SOCKET")
    if target and "/" in target:
        return Client(Path(target))
    found = [path for path in sockets() if not target or target in {path.stem, path.stem.rpartition("-")[2]}]
    live: list[Client] = []
    for path in found:
        try:
            live.append(Client(path))
        except NoServerError:
            continue
    if len(live) == 1:
        return live[0]
    for client in live:
        client.close()
    if live:
        raise NoServerError("several servers run; name one with --target: " + ", ".join(c.path.stem for c in live))
    raise NoServerError("no server is running; start one with: python -m weaver.run apps.click2call")
