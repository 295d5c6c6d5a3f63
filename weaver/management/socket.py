"""The Unix socket that an operator's client connects to: one task of the runtime for each client.

The sockets do not block; a task waits in ``poll``, which a patched standard library makes cooperative, so that the same
code runs on greenlets and on threads. Import it after patching. Whatever a client sends, or does not read, is dealt
with in ``session``; nothing here can hold up the program that is managed.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from weaver.errors import WeaverError
from weaver.management.paths import default_path, find_sockets, is_private
from weaver.management.roles import peer_credentials, role_of
from weaver.management.rpc import Caller, MethodLike, MethodTable
from weaver.management.session import ClientSession, EventSource, Limits, NoticeSource, goodbye, hello
from weaver.runtime import Runtime

__all__ = ["AdminSocket", "AdminSocketError", "AdminSocketStatistics", "default_path"]

log = logging.getLogger(__name__)

CHUNK = 1 << 14
"""Bytes read or written before other tasks of the process get their turn."""
PATH_LIMIT = 107
"""Bytes in the path of a Unix socket (unix(7), one less than ``sun_path``)."""
BACK_OFF_SECONDS = 0.25
"""Pause after an accept that failed, for want of file descriptors as a rule."""


class AdminSocketError(WeaverError, OSError):
    """The admin socket cannot be opened; says which path and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True, slots=True)
class AdminSocketStatistics:
    """Counts of an admin socket."""

    clients: int
    accepted: int
    refused: int
    accept_errors: int


class AdminSocket:
    """Serves the methods to local clients.

    Shape: ``name`` is what ``weaver ps`` shows; ``clock`` gives monotonic seconds.
    """

    def __init__(
        self,
        path: Path,
        methods: Mapping[str, MethodLike],
        events: EventSource,
        runtime: Runtime,
        *,
        notices: NoticeSource | None = None,
        name: str | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path.absolute()
        self._methods = methods
        self._events = events
        self._notices = notices
        self._runtime = runtime
        self._name = name or self._path.stem.removesuffix(f"-{os.getpid()}")
        self._limits = limits or Limits()
        self._clock = clock
        self._own_uid = os.getuid()
        self._features = MethodTable(methods).groups()
        self._listener: socket.socket | None = None
        self._inode: tuple[int, int] = (0, 0)
        self._wake = -1
        self._clients: dict[int, Client] = {}
        self._serial = 0
        self._stopping = False
        self._ended = threading.Event()
        self._accepted = self._refused = self._accept_errors = 0

    def start(self) -> Path:
        """Open the socket, take away those that dead processes left, and begin to serve; return the path.

        Errors: AdminSocketError.
        """
        self._listener = listen(self._path)
        status = self._path.stat()
        self._inode = (status.st_dev, status.st_ino)
        if self._path.parent == default_path().parent:
            sweep(self._path.parent)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._runtime.spawn("admin-socket", self._accept)
        return self._path

    def stop(self, timeout: float = 2.0) -> None:
        """Tell the clients, close everything, and remove the socket; at once when it was never opened.

        Switches: yes.
        """
        if self._listener is None or self._stopping:
            return
        self._stopping = True
        try:
            status = self._path.stat()
            if (status.st_dev, status.st_ino) == self._inode:
                self._path.unlink()
        except OSError as error:
            log.info("the admin socket was not removed: %s", error)
        os.eventfd_write(self._wake, 1)
        for client in tuple(self._clients.values()):
            client.session.close("the server is stopping")
        self._ended.wait(timeout)

    def statistics(self) -> AdminSocketStatistics:
        """Return the counts."""
        return AdminSocketStatistics(len(self._clients), self._accepted, self._refused, self._accept_errors)

    def _accept(self) -> None:
        """Take clients until told to stop.

        Switches: yes.
        """
        listener = self._listener
        assert listener is not None
        waiting = select.poll()
        waiting.register(listener, select.POLLIN)
        waiting.register(self._wake, select.POLLIN)
        while True:
            waiting.poll()
            if self._stopping:
                break
            try:
                connection = listener.accept()[0]
            except (BlockingIOError, ConnectionAbortedError):
                continue
            except OSError as error:
                if not self._accept_errors:
                    log.warning("the admin socket cannot accept clients: %s (further ones are only counted)", error)
                self._accept_errors += 1
                self._runtime.sleep(BACK_OFF_SECONDS)
                continue
            self._admit(connection)
        listener.close()
        os.close(self._wake)
        self._end_when_empty()

    def _admit(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            credentials = peer_credentials(connection)
        except OSError:
            connection.close()
            return
        role = role_of(credentials, self._own_uid)
        if role is None:
            self._refuse(connection, f"uid {credentials.uid} may not use this socket; it is for uid {self._own_uid}")
        elif len(self._clients) >= self._limits.clients:
            self._refuse(connection, f"{self._limits.clients} clients are connected already")
        else:
            self._accepted += 1
            self._serial += 1
            greeting = hello(self._name, _version(), os.getpid(), sys.argv, role, self._features)
            caller = Caller(role, credentials.uid, credentials.pid)
            try:
                client = Client(
                    connection,
                    self._methods,
                    self._events,
                    caller,
                    greeting,
                    self._clock,
                    self._limits,
                    self._notices,
                )
            except OSError as error:
                self._refuse(connection, f"the server is short of file descriptors: {error.strerror}")
                return
            self._clients[self._serial] = client
            self._runtime.spawn("admin-client", self._serve, self._serial, client)

    def _refuse(self, connection: socket.socket, reason: str) -> None:
        self._refused += 1
        try:
            connection.send(goodbye(reason))
        except OSError:
            log.debug("a client went before it was told: %s", reason)
        connection.close()

    def _serve(self, number: int, client: Client) -> None:
        try:
            client.serve()
        finally:
            del self._clients[number]
            self._end_when_empty()

    def _end_when_empty(self) -> None:
        if self._stopping and not self._clients:
            self._ended.set()


class Client:
    """A connection and its session."""

    def __init__(
        self,
        connection: socket.socket,
        methods: Mapping[str, MethodLike],
        events: EventSource,
        caller: Caller,
        greeting: bytes,
        clock: Callable[[], float],
        limits: Limits,
        notices: NoticeSource | None,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._woken = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.session = ClientSession(methods, events, caller, greeting, self._notify, clock(), limits, notices)

    def serve(self) -> None:
        """Move bytes between the socket and the session until one of the two ends.

        Switches: yes.
        """
        session = self.session
        try:
            while not session.finished:
                ready = self._wait()
                if ready.get(self._wake):
                    os.eventfd_read(self._wake)
                    self._woken = False
                if session.wants_input and ready.get(self._connection.fileno(), 0) & ~select.POLLOUT:
                    session.feed(self._connection.recv(CHUNK), self._clock())
                session.step(self._clock())
                if session.output:
                    self._send()
                session.expire(self._clock())
        except OSError as error:
            log.debug("a client of the admin socket is gone: %s", error)
        finally:
            session.close("")
            wake, self._wake = self._wake, -1
            os.close(wake)
            self._connection.close()

    def _wait(self) -> dict[int, int]:
        """Wait until there is something to do; other tasks run meanwhile, also when there is.

        Switches: yes.
        """
        session = self.session
        waiting = select.poll()
        waiting.register(self._wake, select.POLLIN)
        wanted = (select.POLLIN if session.wants_input else 0) | (select.POLLOUT if session.output else 0)
        if wanted:
            waiting.register(self._connection, wanted)
        pause = session.deadline() - self._clock()
        if session.has_work or pause <= 0:
            time.sleep(0)
            return dict(waiting.poll(0))
        return dict(waiting.poll(None if pause == float("inf") else pause * 1000 + 1))

    def _send(self) -> None:
        try:
            count = self._connection.send(self.session.output[:CHUNK])
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.ENOBUFS}:
                raise
        else:
            self.session.sent(count, self._clock())

    def _notify(self) -> None:
        """End the wait, from any task; it waits for nothing."""
        if not self._woken and self._wake >= 0:
            self._woken = True
            os.eventfd_write(self._wake, 1)


def listen(path: Path) -> socket.socket:
    """Return a listening socket at a path, for this user only.

    Shape: the folder is made with mode 0700, the socket has 0600 from the start; it is bound under another name and
    moved into its place when it listens, so that a socket that refuses is always one that a dead process left.
    Errors: AdminSocketError.
    """
    fresh = path.with_name(f"{path.name}.new")
    if len(os.fsencode(fresh)) > PATH_LIMIT:
        raise AdminSocketError(path, f"the path is longer than the {PATH_LIMIT - 4} bytes that a Unix socket may have")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent == default_path().parent and not is_private(path.parent):
            raise AdminSocketError(path, "others can write to its folder, or own it; give another with --admin-socket")
        if _exists(path) and _is_alive(path):
            raise AdminSocketError(path, "another process serves this socket; stop it or give another --admin-socket")
        fresh.unlink(missing_ok=True)
    except AdminSocketError:
        raise
    except OSError as error:
        raise AdminSocketError(path, error.strerror or str(error)) from error
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(fresh))
        listener.listen(64)
        fresh.rename(path)
    except OSError as error:
        listener.close()
        raise AdminSocketError(path, error.strerror or str(error)) from error
    finally:
        os.umask(mask)
    listener.setblocking(False)
    return listener


def sweep(folder: Path) -> None:
    """Remove the admin sockets of a folder that nobody listens on."""
    for path in find_sockets((folder,)):
        try:
            if not _is_alive(path):
                path.unlink()
        except OSError as error:
            log.debug("left in place: %s", error)


def _exists(path: Path) -> bool:
    """Say whether there is a socket at a path.

    Errors: AdminSocketError when something else is there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(mode):
        raise AdminSocketError(path, "there is a file of this name that is no socket; it is left alone")
    return True


def _is_alive(path: Path) -> bool:
    """Say whether a process listens on a socket; one that is too busy to answer does.

    Errors: OSError when nothing can be said.
    """
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.setblocking(False)
        probe.connect(str(path))
    except ConnectionRefusedError:
        return False
    except BlockingIOError:
        return True
    finally:
        probe.close()
    return True


def _version() -> str:
    try:
        return version("weaver")
    except PackageNotFoundError:
        return "unknown"
