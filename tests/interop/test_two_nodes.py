"""Two nodes under the weaver, each a process of its own: a call that one passes to the other is one context in both."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.testing.phone import ScriptedPhone
from tests.interop.conftest import StartServer
from tests.interop.processes import ROOT, ServerProcess, wait_until

pytestmark = [pytest.mark.interop, pytest.mark.slow]

FIRST, SECOND = "127.0.0.1", "127.0.0.2"

INSTRUMENTATION = """
[weaving]
prefixes = ["server", "apps"]

[weaver]
plugins = [{plugins}]

[events]
json_lines = "{events}"

[monitors.DyeInjection]
enabled = true
properties = {{ {dyes} }}

[monitors.ContextPropagation]
enabled = true
properties = {{ peers = "{peer}", node = "{name}" }}

[monitors.Sip_Servlet_Before_Service]
enabled = true
actions = ["TraceAction"]
{mask}

[monitors.Sip_Servlet_Before_Message_Send_Internal]
enabled = true
actions = ["TraceAction"]
dye_mask = ["ADDR1"]
"""


class WovenNode:
    """A node, and the events that it wrote."""

    def __init__(
        self, start: StartServer, folder: Path, app: str, name: str, sip: str, peer: str, dyes: str, mask: str
    ) -> None:
        self._events = folder / f"{name}.jsonl"
        file = folder / f"{name}.toml"
        file.write_text(
            INSTRUMENTATION.format(plugins=plugins(), events=self._events, dyes=dyes, peer=peer, name=name, mask=mask)
        )
        config = folder / f"{name}-server.toml"
        config.write_text(f'[sip]\ndomains = ["{sip}"]\n')
        arguments = ("--instrumentation", str(file), "--config", str(config), "--admin-socket", str(folder / name))
        self.server: ServerProcess = start(*arguments, app, module="weaver.run", sip=f"{sip}:0")

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.server.sip.rpartition(":")
        return host, int(port)

    def event(self, monitor: str, method: str) -> dict[str, Any]:
        """Return the first event of a monitor for a request of a method."""

        def found() -> dict[str, Any] | None:
            lines = self._events.read_text().splitlines() if self._events.exists() else []
            events = (json.loads(line) for line in lines)
            return next((one for one in events if is_about(one, monitor, method)), None)

        shown: dict[str, Any] = wait_until(found, 10, f"an event of {monitor} for {method}: {self.server.output()}")
        return shown


def plugins() -> str:
    """The plugins of the shipped file."""
    shipped = (ROOT / "instrumentation.toml").read_text().partition("plugins = [")[2].partition("\n]")[0]
    return ", ".join(line.partition(",")[0].strip() for line in shipped.splitlines() if line.strip().startswith('"'))


def is_about(event: dict[str, Any], monitor: str, method: str) -> bool:
    facts = event["context_payload"] or {}
    return event["monitor"] == monitor and facts.get("method") == method and facts.get("status") is None


@pytest.fixture
def nodes(start_server: StartServer, tmp_path: Path) -> tuple[WovenNode, WovenNode]:
    """The first passes calls on and dyes what goes to the second, which dyes nothing and sees what is dyed only."""
    first = WovenNode(start_server, tmp_path, "tests.chain.first", "node-a", FIRST, SECOND, f'ADDR1 = "{SECOND}"', "")
    second = WovenNode(
        start_server, tmp_path, "apps.proxy_registrar", "node-b", SECOND, FIRST, "", 'dye_mask = ["ADDR1"]'
    )
    return first, second


@pytest.fixture
def phones(nodes: tuple[WovenNode, WovenNode]) -> Iterator[tuple[ScriptedPhone, ScriptedPhone]]:
    """Alice at the first node; bob is registered at the second."""
    first, second = nodes
    alice, bob = ScriptedPhone("alice", first.address), ScriptedPhone("bob", second.address, ring=0.0)
    alice.start(register=False)
    bob.start()
    assert bob.registered.wait(5)
    yield alice, bob
    alice.stop()
    bob.stop()


def test_call_that_reaches_the_wrong_node_is_one_context_in_both(
    nodes: tuple[WovenNode, WovenNode], phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    first, second = nodes
    alice, bob = phones

    alice.dial(f"sip:bob@{second.server.sip}")
    assert bob.wait_for(lambda: any(line.startswith("ACK") for line in bob.received))

    entered = first.event("Sip_Servlet_Before_Service", "INVITE")
    sent = first.event("Sip_Servlet_Before_Message_Send_Internal", "INVITE")
    served = second.event("Sip_Servlet_Before_Service", "INVITE")
    assert entered["context_id"] == sent["context_id"] == served["context_id"]
    assert "ADDR1" not in entered["payload"]["dyes"]
    assert "ADDR1" in sent["payload"]["dyes"]
    assert "ADDR1" in served["payload"]["dyes"]
    assert served["context_payload"]["node"] == "node-a"
    assert served["context_payload"]["parent"] == sent["context_payload"]["hop"]
