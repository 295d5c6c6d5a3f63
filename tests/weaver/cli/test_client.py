"""Finding a server and talking to it."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from weaver.cli.client import Client, ClientError, RemoteError, connect

HELLO = {"method": "server.hello", "params": {"name": "x", "protocol": 1, "pid": 1, "version": "1"}}


@contextmanager
def saying(path: Path, *messages: object) -> Iterator[None]:
    """Be a server that says some lines, then listens and says no more."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def serve() -> None:
            accepted = listener.accept()[0]
            with accepted:
                lines = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
                accepted.sendall(b"".join(line + b"\n" for line in lines))
                while accepted.recv(1000) not in {b"", b"end"}:
                    pass

        serving = gevent.spawn(serve)
        yield
        serving.kill()


def failure(path: Path, *messages: object, **call: Any) -> ClientError:
    with saying(path, *messages), pytest.raises(ClientError) as caught, Client(path, 0.02) as client:
        client.call("monitor.list", **call)
    return caught.value


def test_only_server_needs_no_name(run: Run, open_socket: OpenSocket) -> None:
    open_socket()

    with connect(None, {}) as client:
        assert (client.server.name, client.server.pid) == ("web", os.getpid())


def test_several_servers_must_be_told_apart(run: Run, open_socket: OpenSocket) -> None:
    open_socket()
    open_socket("sip-2.sock", "sip")

    with pytest.raises(ClientError, match=r"2 servers are running: sip .*, web") as caught:
        connect(None, {})
    assert (caught.value.exit_code, "-t NAME" in caught.value.hint) == (2, True)
    with connect("sip", {}) as client:
        assert client.server.name == "sip"
    with pytest.raises(ClientError, match="is the name of 2 servers"):
        connect(str(os.getpid()), {})


def test_name_that_no_server_has_is_answered_by_those_that_run(run: Run, open_socket: OpenSocket) -> None:
    open_socket()

    with pytest.raises(ClientError, match="there is no server 'wbe'; running: web") as caught:
        connect("wbe", {})
    assert caught.value.exit_code == 3


def test_socket_may_be_given_as_target_or_in_the_environment(run: Run, open_socket: OpenSocket, tmp_path: Path) -> None:
    open_socket()
    open_socket("sip-2.sock", "sip")

    with connect(str(tmp_path / "web-1.sock"), {}) as client:
        assert client.server.name == "web"
    with connect(None, {"WEAVER_SOCKET": str(tmp_path / "sip-2.sock")}) as client:
        assert client.server.name == "sip"


@pytest.mark.parametrize(
    ("messages", "words", "code"),
    [
        ([], "did not greet within", 5),
        (["x"], "no admin socket of a weaver", 3),
        ([b"SSH-2.0"], "no admin socket of a weaver", 3),
        ([{"method": "other"}], "no admin socket of a weaver", 3),
        ([{**HELLO, "params": {"protocol": 2, "version": "9"}}], "speaks protocol 2, this client 1", 4),
        ([{"method": "server.goodbye", "params": {"reason": "32 clients"}}], "ended the connection: 32 clients", 4),
        ([HELLO], "no answer within 0.02 s", 5),
        ([HELLO, {"id": 1, "error": {"code": -32000, "message": "no"}}], "^no$", 1),
    ],
)
def test_server_that_is_none_or_does_not_answer_is_explained(
    tmp_path: Path, messages: list[object], words: str, code: int
) -> None:
    error = failure(tmp_path / "a.sock", *messages)

    assert error.exit_code == code
    with pytest.raises(ClientError, match=words):
        raise error


def test_server_that_closes_is_explained(tmp_path: Path) -> None:
    with saying(tmp_path / "a.sock", HELLO), Client(tmp_path / "a.sock", 1) as client:
        client._socket.sendall(b"end")
        with pytest.raises(ClientError) as caught:
            list(client.events())

    assert caught.value.exit_code == 3


def test_notification_that_comes_before_the_answer_is_kept(tmp_path: Path) -> None:
    event = {"method": "event", "params": {"record_id": 1}}
    with saying(tmp_path / "a.sock", HELLO, event, {"id": 1, "result": 5}), Client(tmp_path / "a.sock", 1) as client:
        assert client.call("monitor.list") == 5
        assert next(client.events()) == event


def test_error_of_the_server_keeps_code_and_near_names(open_socket: OpenSocket, tmp_path: Path) -> None:
    open_socket()

    with (
        Client(tmp_path / "web-1.sock") as client,
        pytest.raises(RemoteError, match="did you mean Before_Send") as caught,
    ):
        client.call("monitor.get", name="Before_Sendd")

    assert (caught.value.code, caught.value.exit_code) == (-32002, 2)


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (PermissionError(13, "Permission denied"), "permission denied", 4),
        (ConnectionRefusedError(111, "refused"), "is not running any more", 3),
        (FileNotFoundError(2, "none"), "there is no such socket", 3),
        (BlockingIOError(11, "busy"), "does not answer", 5),
        (OSError(5, "Input/output error"), "Input/output error", 3),
    ],
)
def test_socket_that_cannot_be_used_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str, code: int
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket.socket, "connect", fail)
    with pytest.raises(ClientError, match=words) as caught:
        Client(tmp_path / "a.sock")
    assert caught.value.exit_code == code
