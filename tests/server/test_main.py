"""``python -m server``: what it prints, how it ends."""

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from server import __main__ as program
from server.config import load_config
from server.errors import ConfigError
from server.greenlets import spawn
from server.node import Node
from server.testing.demo import start_demo

pytestmark = pytest.mark.slow

APP = "apps.click2call"
FREE = ["--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> dict[int, Callable[[], object]]:
    """What the program does on a signal; the process keeps its own handlers."""
    found: dict[int, Callable[[], object]] = {}

    def take(number: int, handler: Callable[..., object], *arguments: object) -> None:
        found[number] = lambda: handler(*arguments)

    monkeypatch.setattr(program.gevent, "signal_handler", take)
    return found


def run(arguments: list[str], signals: dict[int, Callable[[], object]], number: int = signal.SIGTERM) -> int:
    """Run the program until it is ready, then send it a signal; return its exit code."""
    running = spawn("program", program.main, arguments)
    with gevent.Timeout(10):
        while number not in signals and not running.dead:
            gevent.sleep(0.01)
    if number in signals:
        gevent.sleep(0.05)
        signals[number]()
    code: int = running.get(timeout=10)
    return code


def test_log_looks_as_it_is_asked_to(signals: dict[int, Callable[[], object]], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(program.logging, "basicConfig", lambda *, level, format: asked.append(f"{level} {format}"))  # noqa: A006

    run([APP, *FREE], signals)
    run([APP, *FREE, "--log-format", "%(call_id)s %(message)s"], signals)

    assert asked == [f"WARNING {program.LOG_FORMAT}", "WARNING %(call_id)s %(message)s"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_banner_says_what_was_bound_and_a_signal_ends_it_well(
    signals: dict[int, Callable[[], object]], capsys: pytest.CaptureFixture[str], number: int
) -> None:
    assert run([APP, *FREE], signals, number) == 0

    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["sip-udp", "sip-tcp", "http", "ready"]
    assert lines[0].rpartition(":")[2] == lines[1].rpartition(":")[2] != "0"


def test_demo_registers_two_phones_and_says_what_to_try(
    signals: dict[int, Callable[[], object]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([APP, *FREE, "--demo"], signals) == 0

    assert "try: open http://127.0.0.1:" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::1]", "[::]"])
def test_demo_phones_register_whatever_the_server_is_bound_to(opened: list[Node], host: str) -> None:
    running = node(sip=f"{host}:0")
    opened.append(running)
    running.start()

    phones = start_demo(*running.udp.local)
    registered = [phone.registered.is_set() for phone in phones]
    for phone in phones:
        phone.stop()

    assert registered == [True, True]


def test_certificates_that_cannot_be_read_again_are_no_end(
    signals: dict[int, Callable[[], object]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(node: Node) -> None:
        raise ConfigError(["tls.certificate: gone"])

    monkeypatch.setattr(Node, "reload_certificates", fail)
    running = spawn("program", program.main, [APP, *FREE])
    with gevent.Timeout(10):
        while signal.SIGHUP not in signals:
            gevent.sleep(0.01)
    gevent.sleep(0.05)
    signals[signal.SIGHUP]()
    signals[signal.SIGTERM]()

    assert running.get(timeout=10) == 0
    assert "tls.certificate: gone" in capsys.readouterr().err


def test_all_faults_of_the_configuration_are_printed_and_nothing_starts(
    signals: dict[int, Callable[[], object]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "server.toml"
    path.write_text("[sip]\nlisen = 'x'\nt1 = 'y'\n")

    assert run([APP, "--config", str(path)], signals) == 2

    assert [line.partition(": ")[0] for line in capsys.readouterr().err.splitlines()] == [f"{path}:2", f"{path}:3"]
    assert signals == {}


@pytest.mark.parametrize(("option", "other"), [("--sip", "--http"), ("--http", "--sip")])
def test_port_that_is_taken_is_said(
    signals: dict[int, Callable[[], object]], capsys: pytest.CaptureFixture[str], option: str, other: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        assert run([APP, option, address, other, "127.0.0.1:0"], signals) == 1

    said = capsys.readouterr().err
    assert said.startswith("cannot listen: ")
    assert address in said


def node(**settings: str) -> Node:
    given: dict[str, Any] = {"sip": "127.0.0.1:0", "http": "", "outbound_proxy": None, **settings}
    return Node(load_config().with_command_line(**given), [APP])


@pytest.fixture
def opened() -> Iterator[list[Node]]:
    nodes: list[Node] = []
    yield nodes
    for one in nodes:
        one.stop(0)


def test_address_that_is_given_to_peers_can_be_reached_when_all_are_bound(opened: list[Node]) -> None:
    opened.append(node(sip="0.0.0.0:0"))

    host, port = opened[0].container.routing.addresses.first("UDP")

    assert host not in {"0.0.0.0", ""}
    assert port == opened[0].udp.local[1]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"sip": "nowhere"}, "sip.listen: 'nowhere' is not HOST:PORT"),
        ({"http": "127.0.0.1:x"}, "http.listen: '127.0.0.1:x' is not HOST:PORT"),
        ({"outbound_proxy": "proxy.example"}, "sip.outbound_proxy: "),
        ({"outbound_proxy": "tel:+4930"}, "sip.outbound_proxy: 'tel:+4930' is not sip:HOST:PORT"),
    ],
)
def test_address_that_is_none_is_a_fault_with_its_setting(settings: dict[str, str], fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        node(**settings)

    assert [one.startswith(fault) for one in caught.value.faults] == [True]


def test_node_counts_what_it_does(opened: list[Node]) -> None:
    opened.append(node())

    statistics = opened[0].statistics()

    assert (statistics.engine.messages, statistics.servlet_errors) == (0, 0)
