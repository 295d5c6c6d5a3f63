"""Monitors are switched through the admin socket while calls run; afterwards the original code objects are back."""

from pathlib import Path

import gevent
import pytest
from werkzeug.test import Client

from server.greenlets import spawn
from server.node import Node
from server.servlet.sip_servlet import SipServlet
from server.testing.phone import ScriptedPhone
from tests.scenarios.woven import weaving
from weaver.cli.client import Client as Admin
from weaver.cli.client import RemoteError

pytestmark = pytest.mark.slow

MONITORS = """
[monitors.DyeInjection]
enabled = true
properties = { ADDR1 = "127.0.0.1" }
[monitors.Sip_Servlet_Around_Service]
actions = ["TraceElapsedTimeAction"]
"""
NAME = "Sip_Servlet_Around_Service"


def test_around_service_is_toggled_while_calls_run(
    tmp_path: Path, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    with weaving(tmp_path, MONITORS) as weaver:
        functions = [shadow.function for shadow in weaver.registry._monitors[NAME].shadows]
        originals = [function.__code__ for function in functions]
        socket = weaver.open_socket(tmp_path / "admin.sock")
        assert socket.stat().st_mode & 0o777 == 0o600
        ended = []

        def calls() -> None:
            alice, bob = phones
            for _ in range(8):
                call_id = alice.dial(bob.uri)
                assert alice.wait_for(lambda call_id=call_id: bool(alice._dialogs[call_id].log))
                alice.hang_up(call_id)
                ended.append(call_id)

        running = spawn("calls", calls)
        admin = Admin(socket)
        woven = 0
        while not running.ready():
            assert admin.call("monitor.set", name=NAME, attributes={"enabled": True})["enabled"]
            woven += sum(f.__code__ is not o for f, o in zip(functions, originals, strict=True))
            gevent.sleep(0.01)
            assert not admin.call("monitor.set", name=NAME, attributes={"enabled": False})["enabled"]
            assert all(f.__code__ is o for f, o in zip(functions, originals, strict=True))
        running.get()
        status = admin.call("monitor.get", name=NAME)

        assert SipServlet.service in functions
        assert woven >= len(functions)
        assert len(ended) == 8
        assert status["counters"]["fired"] > 0
        assert (status["counters"]["errors"], status["failures"]) == (0, [])
        with pytest.raises(RemoteError, match="did you mean"):
            admin.call("monitor.get", name=NAME[:-1])
        with pytest.raises(RemoteError, match="no dye flag"):
            admin.call("monitor.set", name=NAME, attributes={"dye_mask": ["ADDR9"]})
        admin.close()
    assert all(f.__code__ is o for f, o in zip(functions, originals, strict=True))


def test_change_of_the_mask_takes_effect_on_the_next_message(
    tmp_path: Path, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    alice, bob = phones
    with weaving(tmp_path, MONITORS) as weaver:
        weaver.registry.set(NAME, enabled=True, dye_mask=["SIP_REQ"])
        call_id = alice.dial(bob.uri)
        assert alice.wait_for(lambda: bool(alice._dialogs[call_id].log))
        before = weaver.registry.get(NAME)["counters"]["fired"]

        weaver.registry.set(NAME, dye_mask=["ADDR1"])
        alice.hang_up(call_id)
        assert bob.wait_for(lambda: any(line.startswith("BYE") for line in bob.received))

        assert before == 0
        assert weaver.registry.get(NAME)["counters"]["fired"] > 0


def test_events_reach_a_subscriber(tmp_path: Path, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]) -> None:
    alice, bob = phones
    with weaving(tmp_path, MONITORS) as weaver:
        admin = Admin(weaver.open_socket(tmp_path / "admin.sock"))
        admin.call("event.subscribe", monitor=NAME)
        weaver.registry.set(NAME, enabled=True, dye_mask=["ADDR1"])

        alice.dial(bob.uri)
        with gevent.Timeout(5):
            event = next(admin.events())["params"]
        admin.close()

    assert (event["monitor"], event["context_payload"]["method"]) == (NAME, "INVITE")


def test_file_is_taken_again_and_again_while_calls_run(
    tmp_path: Path, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    alice, bob = phones
    texts = [
        MONITORS,
        MONITORS + "enabled = true\n" + EVERYTHING,
        MONITORS.replace("ADDR1", "ADDR2") + "enabled = true\ndye_mask = ['ADDR2']\n",
        MONITORS + "enabled = 'wrong'\n",
    ]
    with weaving(tmp_path, MONITORS) as weaver:
        file = weaver.path
        head = file.read_text().removesuffix(MONITORS)
        functions = [shadow.function for shadow in weaver.registry._monitors[NAME].shadows]
        originals = [function.__code__ for function in functions]
        admin = Admin(weaver.open_socket(tmp_path / "admin.sock"))
        ended, refused, taken = [], [], 0

        def calls() -> None:
            for _ in range(8):
                call_id = alice.dial(bob.uri)
                assert alice.wait_for(lambda call_id=call_id: bool(alice._dialogs[call_id].log))
                alice.hang_up(call_id)
                ended.append(call_id)

        running = spawn("calls", calls)
        while not running.ready():
            for text in texts:
                file.write_text(head + text)
                try:
                    admin.call("config.reload")
                    taken += 1
                except RemoteError as error:
                    refused.append(str(error))
                gevent.sleep(0.005)
        running.get()
        statuses = admin.call("monitor.list")
        admin.close()

    assert len(ended) == 8
    assert taken == 3 * len(refused) > 3
    assert all("must be true or false" in fault for fault in refused)
    assert [status["counters"]["errors"] for status in statuses] == [0] * len(statuses)
    assert all(f.__code__ is o for f, o in zip(functions, originals, strict=True))


EVERYTHING = """
[monitors.All]
kind = "custom"
enabled = true
actions = ["TraceAction"]
pointcut = "execution(* server..*(..)) or execution(* apps..*(..))"
"""


def test_page_works_while_everything_is_woven(tmp_path: Path, node: Node) -> None:
    with weaving(tmp_path, EVERYTHING):
        assert node.http is not None
        assert Client(node.http._server.application).get("/").status_code == 200
