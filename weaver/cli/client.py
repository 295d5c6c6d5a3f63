"""The client's end of the admin socket: finding servers, calling methods, reading notifications.

It imports next to nothing, so that a command starts at once; what goes wrong is a ``ClientError`` with its exit code.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from weaver.errors import WeaverError
from weaver.management.paths import find_sockets, socket_folders

NEGATIVE, USAGE, NO_SERVER, REFUSED, TIMED_OUT = 1, 2, 3, 4, 5
PROTOCOL = 1
PROBE_SECONDS = 1.0
"""How long a server that is looked for may take to greet."""
CALL_SECONDS = 10.0
START_ONE = "start one with: python -m weaver.run apps.click2call"

_EXIT_CODES = {-32601: USAGE, -32602: USAGE, -32001: REFUSED, -32002: USAGE, -32003: USAGE}


class ClientError(WeaverError):
    """A command that cannot be done.

    Shape: ``str()`` says what, ``hint`` how to go on, ``exit_code`` what the command ends with, ``code`` the server's
    code if it was the server that said so.
    """

    def __init__(self, message: str, exit_code: int, hint: str = "", code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.hint = hint
        self.code = code


class RemoteError(ClientError):
    """What the server has answered instead of a result."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was found; ``fault`` says why it did not greet, then the rest is empty."""

    socket: Path
    name: str = ""
    pid: int = 0
    version: str = ""
    role: str = ""
    command: str = ""
    features: tuple[str, ...] = ()
    fault: str = ""


class Client:
    """A connection to one server, greeted."""

    def __init__(self, path: Path, timeout: float = CALL_SECONDS) -> None:
        self._path = path
        self._timeout = timeout
        self._input = bytearray()
        self._notifications: list[dict[str, Any]] = []
        self._serial = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(str(path))
            self.server = self._greeted()
        except ClientError:
            self._socket.close()
            raise
        except OSError as error:
            self._socket.close()
            raise _unreachable(path, error) from error

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def call(self, method: str, **params: object) -> Any:
        """Call a method and return its result.

        Errors: ClientError.
        """
        self._serial += 1
        request = {"jsonrpc": "2.0", "id": self._serial, "method": method, "params": params}
        deadline = time.monotonic() + self._timeout
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise _unreachable(self._path, error) from error
        while True:
            message = self._receive(deadline)
            if message is None:
                raise ClientError(f"{method}: no answer within {self._timeout:g} s", TIMED_OUT)
            if message.get("id") == self._serial and "method" not in message:
                break
            self._notifications.append(message)
        if "error" in message:
            raise _failed(message["error"])
        return message.get("result")

    def events(self, deadline: float | None = None) -> Iterator[dict[str, Any]]:
        """Yield each notification, until a moment on the monotonic clock.

        Shape: ``method`` is ``event`` for an event; then ``params`` has its fields, the number of the ``subscription``,
        and how many events were ``dropped`` before it.

        Errors: ClientError when the server ends the connection.
        """
        while True:
            message = self._notifications.pop(0) if self._notifications else self._receive(deadline)
            if message is None:
                return
            if isinstance(message.get("method"), str) and isinstance(message.get("params"), dict):
                yield message

    def _greeted(self) -> Server:
        message = self._receive(time.monotonic() + self._timeout)
        if message is None:
            raise ClientError(f"{self._path}: the server did not greet within {self._timeout:g} s", TIMED_OUT)
        params = message.get("params")
        if message.get("method") != "server.hello" or not isinstance(params, dict):
            raise ClientError(f"{self._path}: this is no admin socket of a weaver", NO_SERVER)
        if params.get("protocol") != PROTOCOL:
            raise ClientError(
                f"{self._path}: the server speaks protocol {params.get('protocol')}, this client {PROTOCOL}",
                REFUSED,
                f"use the client of the server's version ({params.get('version')})",
            )
        return Server(
            self._path,
            str(params.get("name", "")),
            int(params.get("pid", 0)),
            str(params.get("version", "")),
            str(params.get("role", "")),
            " ".join(map(str, params.get("argv", ()))),
            tuple(map(str, params.get("features", ()))),
        )

    def _receive(self, deadline: float | None) -> dict[str, Any] | None:
        """Return the next message, None when there is none in time.

        Errors: ClientError when the server said goodbye, closed, or sent something else than messages.
        """
        while (end := self._input.find(b"\n")) < 0:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            try:
                self._socket.settimeout(left)
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError as error:
                raise _unreachable(self._path, error) from error
            if not data:
                raise ClientError("the server has closed the connection", NO_SERVER)
            self._input += data
        line = bytes(self._input[:end])
        del self._input[: end + 1]
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise ClientError(f"{self._path}: this is no admin socket of a weaver", NO_SERVER)
        if message.get("method") == "server.goodbye":
            reason = message.get("params", {}).get("reason", "")
            stopping = "stopping" in reason
            raise ClientError(f"the server has ended the connection: {reason}", NO_SERVER if stopping else REFUSED)
        return message


def find_servers() -> list[Server]:
    """Return the servers whose sockets lie in the usual folders; sockets of dead processes are passed over."""
    servers: list[Server] = []
    for path in find_sockets(socket_folders()):
        try:
            with Client(path, PROBE_SECONDS) as client:
                servers.append(client.server)
        except ClientError as error:
            if error.exit_code != NO_SERVER:
                servers.append(Server(path, fault=str(error)))
    return servers


def connect(target: str | None, environment: Mapping[str, str] = os.environ) -> Client:
    """Connect to the server that is meant.

    Shape: ``target`` is a name, a process id or the path of a socket; else ``WEAVER_SOCKET`` says which, else it is the
    only one that runs.
    Errors: ClientError.
    """
    target = target or environment.get("WEAVER_SOCKET") or None
    if target is not None and ("/" in target or Path(target).is_socket()):
        return Client(Path(target))
    servers = find_servers()
    meant = [server for server in servers if target is None or target in {server.name, str(server.pid)}]
    if len(meant) == 1:
        return Client(meant[0].socket)
    if not servers:
        raise ClientError("no server is running", NO_SERVER, START_ONE)
    listed = _listed(meant or servers)
    if target is None:
        raise ClientError(f"{len(meant)} servers are running: {listed}", USAGE, "say which with -t NAME, PID or SOCKET")
    if meant:
        raise ClientError(f"{target!r} is the name of {len(meant)} servers: {listed}", USAGE, "use the process id")
    raise ClientError(f"there is no server {target!r}; running: {listed}", NO_SERVER, "weaver ps lists them")


def _listed(servers: Sequence[Server]) -> str:
    return ", ".join(f"{server.name} ({server.pid})" if server.name else str(server.socket) for server in servers)


def _unreachable(path: Path, error: OSError) -> ClientError:
    """Say in plain words why a socket cannot be used."""
    if isinstance(error, TimeoutError | BlockingIOError):
        return ClientError(f"{path}: the server does not answer", TIMED_OUT)
    if isinstance(error, PermissionError):
        return ClientError(
            f"{path}: permission denied", REFUSED, "only the user who runs the server and root may use it"
        )
    if isinstance(error, FileNotFoundError):
        return ClientError(f"{path}: there is no such socket; the server is not running", NO_SERVER, START_ONE)
    if isinstance(error, ConnectionRefusedError):
        return ClientError(f"{path}: the server that made this socket is not running any more", NO_SERVER, START_ONE)
    return ClientError(f"{path}: {error.strerror or error}", NO_SERVER)


def _failed(error: Mapping[str, Any]) -> RemoteError:
    """Make an error of the server's answer."""
    data = error.get("data") or {}
    near = data.get("did_you_mean") or []
    message, code = str(error.get("message", "the server refused")), int(error.get("code", 0))
    if near:
        message += f"; did you mean {' or '.join(near)}?"
    return RemoteError(message, _EXIT_CODES.get(code, NEGATIVE), str(data.get("hint", "")), code)
