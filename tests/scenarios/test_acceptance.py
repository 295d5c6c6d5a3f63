"""The acceptance cases of the dye-injection seed, over the real server with three applications in the chain."""

from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from server.config import load_config
from server.node import Node
from server.testing.phone import ScriptedPhone
from tests.scenarios.woven import weaving
from weaver.dye import SPACE
from weaver.event import Event
from weaver.run import Weaver

pytestmark = pytest.mark.slow

MONITORS = """
[monitors.DyeInjection]
enabled = true
properties = { ADDR1 = "127.0.0.1", SIP_REQ = "INVITE", SIP_ANY_HEADER = "request.Contact=sip:x@" }

[monitors.A_Before_Service]
kind = "custom"
location = "before"
pointcut = "execution(* tests.chain.first.servlets.FirstServlet.service(..))"
enabled = true
dye_mask = ["ADDR1"]
actions = ["TraceAction"]

[monitors.B_After_Service]
kind = "custom"
location = "after"
pointcut = "execution(* tests.chain.second.servlets.SecondServlet.service(..))"
enabled = true
dye_mask = ["SIP_REQ"]
actions = ["TraceAction"]

[monitors.C_Before_Service]
kind = "custom"
location = "before"
pointcut = "execution(* tests.chain.third.servlets.ThirdServlet.service(..))"
enabled = true
dye_mask = ["SIP_ANY_HEADER"]
actions = ["TraceAction"]
"""


@pytest.fixture
def weaver(tmp_path: Path) -> Iterator[Weaver]:
    with weaving(tmp_path, MONITORS) as running:
        yield running


@pytest.fixture
def callee() -> Iterator[ScriptedPhone]:
    phone = ScriptedPhone("bob", ("127.0.0.1", 9), ring=0.0)
    phone.start(register=False)
    yield phone
    phone.stop()


@pytest.fixture
def node(weaver: Weaver, callee: ScriptedPhone) -> Iterator[Node]:
    host, port = callee.local
    config = load_config().with_command_line(sip="127.0.0.1:0", http="127.0.0.1:0", outbound_proxy=f"sip:{host}:{port}")
    running = Node(config, ["tests.chain.first", "tests.chain.second", "tests.chain.third"])
    running.start()
    callee.server = running.udp.local
    yield running
    running.stop(0.5)


@pytest.fixture
def caller(node: Node) -> Iterator[ScriptedPhone]:
    phone = ScriptedPhone("alice", node.udp.local)
    phone.start(register=False)
    yield phone
    phone.stop()


def call(caller: ScriptedPhone, callee: ScriptedPhone) -> str:
    call_id = caller.dial("sip:bob@127.0.0.1")
    assert caller.wait_for(lambda: bool(caller._dialogs[call_id].log))
    assert callee.wait_for(lambda: any(line.startswith("ACK") for line in callee.received))
    return call_id


def fired(weaver: Weaver, method: str) -> set[str]:
    """The monitors with an event for a request of that method."""
    return {
        event.monitor
        for event in weaver.buffer.recent()
        if facts(event).get("method") == method and facts(event).get("status") is None
    }


def facts(event: Event) -> dict[str, object]:
    return event.context_payload or {}


def test_invite_from_the_address_fires_a_and_b(weaver: Weaver, caller: ScriptedPhone, callee: ScriptedPhone) -> None:
    call(caller, callee)

    assert fired(weaver, "INVITE") == {"A_Before_Service", "B_After_Service"}
    invite = next(event for event in weaver.buffer.recent() if event.monitor == "A_Before_Service")
    assert set((invite.payload or {})["dyes"]) == {"ADDR1", "SIP_REQ", "PROTOCOL_SIP"}


def test_bye_from_the_address_fires_a_only(weaver: Weaver, caller: ScriptedPhone, callee: ScriptedPhone) -> None:
    call_id = call(caller, callee)

    caller.hang_up(call_id)
    assert callee.wait_for(lambda: any(line.startswith("BYE") for line in callee.received))

    assert fired(weaver, "BYE") == {"A_Before_Service"}


def test_contact_that_matches_fires_a_and_the_third(
    weaver: Weaver, caller: ScriptedPhone, callee: ScriptedPhone
) -> None:
    weaver.registry.set("DyeInjection", properties={"ADDR1": "127.0.0.1", "SIP_ANY_HEADER": "request.Contact=sip:x@"})
    caller.user = "x"

    call(caller, callee)

    assert fired(weaver, "INVITE") == {"A_Before_Service", "C_Before_Service"}


def test_message_that_matches_nothing_fires_nothing_and_its_gates_are_shut(
    weaver: Weaver, caller: ScriptedPhone, callee: ScriptedPhone
) -> None:
    weaver.registry.set("DyeInjection", properties={"ADDR1": "10.9.9.9"})

    call(caller, callee)

    assert weaver.buffer.recent() == []
    for name in ("A_Before_Service", "B_After_Service", "C_Before_Service"):
        assert weaver.registry.get(name)["counters"]["reached"] == 0
        _, gate = SPACE.slot_of(weaver.registry._monitors[name].mask)
        assert gate.on is False


def test_second_message_of_a_call_is_undyed_when_only_the_first_matches(
    weaver: Weaver, caller: ScriptedPhone, callee: ScriptedPhone, node: Node
) -> None:
    weaver.registry.set("DyeInjection", properties={"SIP_REQ": "INVITE"})
    weaver.registry.set("A_Before_Service", dye_mask=["SIP_REQ"])
    greenlets = node.engine.workers.statistics().greenlets

    call_id = call(caller, callee)
    caller.hang_up(call_id)
    assert callee.wait_for(lambda: any(line.startswith("BYE") for line in callee.received))

    assert fired(weaver, "INVITE") == {"A_Before_Service", "B_After_Service"}
    assert {facts(event).get("method") for event in weaver.buffer.recent()} == {"INVITE"}
    assert node.engine.workers.statistics().greenlets - greenlets <= 1


def test_outbound_bye_of_the_server_is_dyed_while_it_is_sent_and_no_longer(
    weaver: Weaver, caller: ScriptedPhone, callee: ScriptedPhone
) -> None:
    weaver.registry.set("DyeInjection", properties={"SIP_REQ": "BYE"})
    weaver.registry.set(
        "Sip_Servlet_Before_Message_Send_Internal", enabled=True, actions=["TraceAction"], dye_mask=["SIP_REQ"]
    )

    call_id = call(caller, callee)
    caller.hang_up(call_id)
    assert callee.wait_for(lambda: any(line.startswith("BYE") for line in callee.received))
    assert caller.wait_for(lambda: any(line.startswith("SIP/2.0 200") for line in caller.received[-1:]))
    gevent.sleep(0.05)

    sent = [event for event in weaver.buffer.recent() if event.monitor == "Sip_Servlet_Before_Message_Send_Internal"]
    assert [facts(event)["method"] for event in sent] == ["BYE"]
    assert facts(sent[0])["status"] is None
