"""A request that one node passes to another: its events make one tree, in which every field says what is so."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.scenarios.test_two_nodes import ONE, TWO, Answering, Forwarding
from tests.scenarios.woven import weaving
from tests.server.container.kit import ALICE, House, lines
from weaver.call_tree import Branch, NodePart, build_tree, walk
from weaver.run import Weaver

MONITORS = """
[events]
domain = "lab"
server = "both"

[monitors.DyeInjection]
enabled = true

[monitors.ContextPropagation]
enabled = true
properties = { peers = "192.0.2.10 192.0.2.20", node = "node-a" }

[monitors.Sip_Servlet_Around_Service]
enabled = true
actions = ["TraceElapsedTimeAction"]

[monitors.Sip_Servlet_Around_Message_Send_Internal]
enabled = true
actions = ["TraceElapsedTimeAction"]

[monitors.Sip_Servlet_Before_Message_Send_Internal]
enabled = true
actions = ["TraceAction"]
"""


@pytest.fixture
def weaver(tmp_path: Path) -> Iterator[Weaver]:
    with weaving(tmp_path, MONITORS) as running:
        yield running


@pytest.fixture
def roots(weaver: Weaver, build: Callable[..., House]) -> list[NodePart]:
    first, second = build(Forwarding), build(Answering)
    (forwarded,) = first.receive(first.request("OPTIONS"), ALICE)
    answer = second.receive(forwarded, ONE)
    assert lines(first.receive(answer[0], TWO)) == ["200 OPTIONS"]
    records = [msgspec.to_builtins(event) for event in weaver.buffer.recent()]
    assert len({record["context_id"] for record in records}) == 1
    return build_tree(records)


def test_tree_has_what_both_nodes_did_and_the_hops_between_them(roots: list[NodePart]) -> None:
    shape = [
        "  " * depth + ("node" if isinstance(what, NodePart) else what.record["method"]) for depth, what in walk(roots)
    ]

    assert shape == [
        "node",
        "  service",
        "  send_outbound",
        "    send_outbound",
        "    node",
        "      service",
        "      send_outbound",
        "        send_outbound",
        "        node",
        "          service",
        "          send_outbound",
        "            send_outbound",
    ]
    spans = [what for _, what in walk(roots) if isinstance(what, Branch) and what.record["type"] != "TraceAction"]
    assert all(span.elapsed_ns and not span.is_open for span in spans)
    assert roots[0].branches[1].parts[0].sender == "node-a"


def test_events_say_where_they_come_from_whose_they_are_and_what_they_belong_to(
    weaver: Weaver, roots: list[NodePart]
) -> None:
    entered = weaver.buffer.recent()[0]

    assert (entered.domain, entered.server, entered.thread) == ("lab", "both", "main")
    assert (entered.user_id, (entered.context_payload or {})["user_source"]) == ("alice@192.0.2.1", "From")
    assert (entered.transaction_id or "").startswith("z9hG4bK")
    assert entered.method_descriptor == "(self, message: SipRequest | SipResponse) -> None"
    assert (entered.class_name, entered.method) == ("Forwarding", "service")
    assert roots
