"""The admin socket: a Unix socket of mode 0600, one JSON object a line, peers checked by their credentials.

A client that stalls, floods or disappears costs its own bounded queue and nothing else.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import struct
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from weaver.event import Event, EventBuffer
from weaver.management.methods import SUBSCRIBE
from weaver.management.rpc import Dispatcher, notification
from weaver.plugins import RegisteredMethod
from weaver.runtime import Runtime

log = logging.getLogger(__name__)

MAX_LINE = 1 << 20
MAX_CLIENTS = 32
MAX_QUEUE = 1_000
"""Lines that may wait for one client; above it the oldest events go, and the client is told how many."""
IDLE = 0.02
SEND_TIMEOUT = 5.0


def default_path(name: str = "weaver") -> Path:
    """Return where the socket of this process belongs; its folder is made, for this user alone."""
    runtime = os.environ.get("RUNTIME_DIRECTORY")
    if runtime:
        return Path(runtime) / "admin.sock"
    folder = default_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder / f"{name}-{os.getpid()}.sock"


def default_folder() -> Path:
    """Return the folder in which sockets are looked for."""
    user = os.environ.get("XDG_RUNTIME_DIR")
    return Path(user) / "weaver" if user else Path(tempfile.gettempdir()) / f"weaver-{os.getuid()}"


class AdminSocket:
    """Serves the methods to clients."""

    def __init__(
        self, path: Path, methods: Mapping[str, RegisteredMethod], buffer: EventBuffer, runtime: Runtime
    ) -> None:
        self._path = path
        self._dispatcher = Dispatcher(methods)
        self._features = sorted([*methods, SUBSCRIBE])
        self._buffer = buffer
        self._runtime = runtime
        self._listener: socket.socket | None = None
        self._clients: set[_Client] = set()

    def start(self) -> Path:
        """Listen; return the path.

        Errors: OSError when the path is in use by a live process.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if self._path.exists():
            if _is_alive(self._path):
                raise FileExistsError(f"{self._path} is the socket of a running process")
            self._path.unlink()
        old = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(old)
        listener.listen(16)
        self._listener = listener
        self._runtime.spawn("admin-socket", self._accept, listener)
        return self._path

    def stop(self) -> None:
        """Close the socket and every client."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._path.unlink(missing_ok=True)
        for client in list(self._clients):
            client.close()

    def _accept(self, listener: socket.socket) -> None:
        while listener.fileno() >= 0:
            try:
                accepted, _ = listener.accept()
            except OSError:
                self._runtime.sleep(0.1)
                continue
            if len(self._clients) >= MAX_CLIENTS or not _may_enter(accepted):
                accepted.close()
                continue
            client = _Client(accepted, self._dispatcher, self._buffer, self._runtime, self._clients.discard)
            self._clients.add(client)
            hello = {"name": "weaver", "protocol": 1, "pid": os.getpid(), "argv": sys.argv, "features": self._features}
            client.put(notification("server.hello", hello))
            self._runtime.spawn("admin-read", client.read)
            self._runtime.spawn("admin-write", client.write)


class _Client:
    def __init__(
        self,
        connection: socket.socket,
        dispatcher: Dispatcher,
        buffer: EventBuffer,
        runtime: Runtime,
        gone: Callable[[_Client], None],
    ) -> None:
        self._connection = connection
        self._dispatcher = dispatcher
        self._buffer = buffer
        self._runtime = runtime
        self._gone = gone
        self._queue: deque[bytes] = deque()
        self._dropped = 0
        self._closed = False
        self._unsubscribe: Callable[[], None] | None = None

    def put(self, line: bytes) -> None:
        if len(self._queue) >= MAX_QUEUE:
            self._queue.popleft()
            self._dropped += 1
        self._queue.append(line)

    def close(self) -> None:
        self._closed = True
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self._connection.close()
        self._gone(self)

    def read(self) -> None:
        pending = b""
        try:
            while not self._closed:
                data = self._connection.recv(65_536)
                if not data:
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    if line.strip():
                        self._answer(line)
                if len(pending) > MAX_LINE:
                    return
        except OSError:
            return
        finally:
            self.close()

    def write(self) -> None:
        try:
            while not self._closed:
                while self._queue:
                    self._connection.settimeout(SEND_TIMEOUT)
                    line = self._queue.popleft()
                    if self._dropped:
                        line = notification("event.dropped", {"count": self._dropped}) + line
                        self._dropped = 0
                    self._connection.sendall(line)
                    self._connection.settimeout(None)
                self._runtime.sleep(IDLE)
        except OSError:
            self.close()

    def _answer(self, line: bytes) -> None:
        subscription = self._subscription(line)
        answer = subscription if subscription is not None else self._dispatcher.answer(line)
        if answer is not None:
            self.put(answer)

    def _subscription(self, line: bytes) -> bytes | None:
        if SUBSCRIBE.encode() not in line:
            return None
        try:
            request = json.loads(line)
            parameters = request.get("params") or {}
            if request.get("method") != SUBSCRIBE or not isinstance(parameters, dict):
                return None
        except (ValueError, AttributeError, RecursionError):
            return None
        wanted = parameters.get("monitor")
        if self._unsubscribe is not None:
            self._unsubscribe()

        def take(event: Event) -> None:
            if wanted is None or event.monitor == wanted:
                self.put(notification("event", _plain(event)))

        self._unsubscribe = self._buffer.subscribe(take)
        return (
            json.dumps({"jsonrpc": "2.0", "id": request.get("id"), "result": {"subscribed": wanted or "*"}}).encode()
            + b"\n"
        )


def _plain(event: Event) -> dict[str, Any]:
    return msgspec.structs.asdict(event)


def _may_enter(connection: socket.socket) -> bool:
    """Let in this user and root."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return user in {0, os.getuid()}


def _is_alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
