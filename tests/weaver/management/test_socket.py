"""The admin socket on a real Unix socket."""

import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.management.conftest import OpenSocket
from tests.weaver.management.fakes import FakeRegistry, event
from weaver.errors import WeaverError
from weaver.event import EventBuffer
from weaver.gevent_support import GeventRuntime
from weaver.management import socket as admin_socket
from weaver.management.methods import standard_methods
from weaver.management.socket import AdminSocket, AdminSocketError, listen, sweep

LIST = {"jsonrpc": "2.0", "id": 1, "method": "monitor.list"}


class Peer:
    """A client that speaks in lines."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(5)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def say(self, *messages: object) -> None:
        self.send(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def end(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def hear(self) -> Any:
        line = self._file.readline()
        return json.loads(line) if line else None


def leave_dead_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def test_client_is_greeted_first_then_answered(open_socket: OpenSocket, tmp_path: Path) -> None:
    open_socket()

    with Peer(tmp_path / "web-1.sock") as peer:
        peer.say(LIST)
        greeting, answer = peer.hear(), peer.hear()

    assert greeting["method"] == "server.hello"
    assert (greeting["params"]["name"], greeting["params"]["pid"]) == ("web", os.getpid())
    assert (greeting["params"]["role"], greeting["params"]["features"]) == (
        "admin",
        ["change", "event", "look_back", "monitor", "notice", "pointcut", "watch", "weave"],
    )
    assert [status["name"] for status in answer["result"]] == ["Before_Send", "Before_Service"]


def test_socket_is_for_its_user_only(open_socket: OpenSocket, tmp_path: Path) -> None:
    open_socket("folder/web.sock")

    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "folder/web.sock").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["web.sock"]


def test_events_reach_a_subscriber(open_socket: OpenSocket, tmp_path: Path, events: EventBuffer) -> None:
    open_socket()

    with Peer(tmp_path / "web-1.sock") as peer:
        peer.say({"jsonrpc": "2.0", "id": 1, "method": "event.subscribe"})
        peer.hear()
        peer.hear()
        events.emit(event(5))
        events.emit(event(6, arguments=["\udc80"]))
        first, second = peer.hear(), peer.hear()

    assert (first["method"], first["params"]["record_id"]) == ("event", 5)
    assert second["params"]["arguments"] == ["\\udc80"]


def test_request_of_a_client_that_ends_his_side_is_answered(open_socket: OpenSocket, tmp_path: Path) -> None:
    open_socket()

    with Peer(tmp_path / "web-1.sock") as peer:
        peer.send(json.dumps(LIST).encode())
        peer.end()

        assert [peer.hear() is None for _ in range(3)] == [False, False, True]


def test_client_that_disappears_leaves_nothing_behind(
    open_socket: OpenSocket, tmp_path: Path, events: EventBuffer
) -> None:
    admin = open_socket(lines_a_pass=1)
    for data in (b"", b'{"jsonrpc"', json.dumps(LIST).encode() + b"\n"):
        with Peer(tmp_path / "web-1.sock") as peer:
            peer.hear()
            peer.say({"jsonrpc": "2.0", "method": "event.subscribe"})
            peer.send(data * 50)

    with Peer(tmp_path / "web-1.sock") as peer:
        peer.hear()
        while admin.statistics().clients > 1:
            events.emit(event())
            peer.say(LIST)
            peer.hear()

    assert (admin.statistics().accepted, events.failed) == (4, 0)


def test_client_that_does_not_read_holds_up_nobody(
    open_socket: OpenSocket, tmp_path: Path, events: EventBuffer
) -> None:
    open_socket(events=10)

    with Peer(tmp_path / "web-1.sock") as deaf, Peer(tmp_path / "web-1.sock") as peer:
        deaf.say({"jsonrpc": "2.0", "id": 1, "method": "event.subscribe"})
        deaf.hear()
        deaf.hear()
        for number in range(5000):
            events.emit(event(number))
            if number % 100 == 0:
                peer.say(LIST)
                peer.hear()
        seen = dropped = 0
        while seen + dropped < 5000:
            params = deaf.hear()["params"]
            dropped += params["dropped"]
            seen += 1

    assert params["record_id"] == 4999
    assert dropped > 0


def test_client_too_many_is_told_so_and_the_others_go_on(open_socket: OpenSocket, tmp_path: Path) -> None:
    admin = open_socket(clients=2)
    path = tmp_path / "web-1.sock"

    with Peer(path) as one, Peer(path) as two, Peer(path) as three:
        heard = [peer.hear()["method"] for peer in (one, two, three)]
        assert heard == ["server.hello", "server.hello", "server.goodbye"]
        assert three.hear() is None
        two.say(LIST)
        assert two.hear()["id"] == 1

    assert admin.statistics().refused == 1


def test_stranger_is_refused_by_his_credentials(
    open_socket: OpenSocket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_socket, "role_of", lambda *_: None)
    admin = open_socket()

    with Peer(tmp_path / "web-1.sock") as peer:
        assert "may not use this socket" in peer.hear()["params"]["reason"]
        assert peer.hear() is None
    assert admin.statistics().accepted == 0


def test_idle_client_is_told_why_he_is_sent_away(open_socket: OpenSocket, tmp_path: Path) -> None:
    open_socket(idle_seconds=0.0)

    with Peer(tmp_path / "web-1.sock") as peer:
        assert [peer.hear()["method"] for _ in range(2)] == ["server.hello", "server.goodbye"]
        assert peer.hear() is None


def test_stop_tells_the_clients_and_removes_the_socket(open_socket: OpenSocket, tmp_path: Path) -> None:
    admin = open_socket()

    with Peer(tmp_path / "web-1.sock") as peer:
        peer.hear()
        admin.stop()
        admin.stop()

        assert peer.hear()["params"] == {"reason": "the server is stopping"}
        assert peer.hear() is None
    assert not (tmp_path / "web-1.sock").exists()


def test_stop_without_start_does_nothing(tmp_path: Path, events: EventBuffer) -> None:
    AdminSocket(tmp_path / "a.sock", standard_methods(FakeRegistry(), events), events, GeventRuntime()).stop()


def test_stop_leaves_a_socket_that_another_process_has_put_there(open_socket: OpenSocket, tmp_path: Path) -> None:
    admin = open_socket()
    (tmp_path / "web-1.sock").unlink()
    listen(tmp_path / "web-1.sock").close()

    admin.stop()

    assert (tmp_path / "web-1.sock").exists()


def test_name_is_that_of_the_socket_without_the_process_id(tmp_path: Path, events: EventBuffer) -> None:
    path = tmp_path / f"click2call-{os.getpid()}.sock"
    admin = AdminSocket(path, standard_methods(FakeRegistry(), events), events, GeventRuntime())
    admin.start()

    with Peer(path) as peer:
        assert peer.hear()["params"]["name"] == "click2call"
    admin.stop()


def test_accept_that_fails_is_counted_logged_once_and_tried_again(
    open_socket: OpenSocket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(admin_socket, "BACK_OFF_SECONDS", 0)
    failures = [BlockingIOError(), OSError(24, "Too many open files"), OSError(24, "Too many open files")]
    admin = open_socket()
    listener = admin._listener
    assert listener is not None

    class Failing:
        def accept(self) -> Any:
            if failures:
                raise failures.pop()
            return listener.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(listener, name)

    admin._listener = Failing()  # type: ignore[assignment]
    with Peer(tmp_path / "web-1.sock") as peer:
        assert peer.hear()["method"] == "server.hello"

    assert admin.statistics().accept_errors == 2
    assert caplog.text.count("cannot accept") == 1


def test_socket_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    leave_dead_socket(tmp_path / "a.sock")
    leave_dead_socket(tmp_path / "a.sock.new")

    listen(tmp_path / "a.sock").close()


def test_socket_of_a_live_process_is_left_alone(tmp_path: Path) -> None:
    with listen(tmp_path / "a.sock"), pytest.raises(AdminSocketError, match="another process serves this socket"):
        listen(tmp_path / "a.sock")


def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.sock").write_text("precious")

    with pytest.raises(AdminSocketError, match="no socket"):
        listen(tmp_path / "a.sock")

    assert (tmp_path / "a.sock").read_text() == "precious"


def test_path_that_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(AdminSocketError, match="longer than the 103 bytes"):
        listen(tmp_path / ("x" * 110))
    with pytest.raises(AdminSocketError, match=r"file/a\.sock: ") as caught:
        listen(tmp_path / "file" / "a.sock")
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, WeaverError)


def test_default_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_socket, "default_path", lambda: tmp_path / "shared" / "x.sock")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)

    with pytest.raises(AdminSocketError, match="others can write"):
        listen(tmp_path / "shared" / "a.sock")


def test_sockets_of_dead_processes_are_swept_from_the_default_folder(
    open_socket: OpenSocket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "default"
    monkeypatch.setattr(admin_socket, "default_path", lambda: folder / "x.sock")
    folder.mkdir(mode=0o700)
    leave_dead_socket(folder / "dead-1.sock")
    (folder / "notes.sock").write_text("no socket")

    with listen(folder / "live-2.sock"):
        open_socket("default/own-3.sock")
        assert sorted(path.name for path in folder.iterdir()) == ["live-2.sock", "notes.sock", "own-3.sock"]
        sweep(folder)
        assert (folder / "own-3.sock").exists()
