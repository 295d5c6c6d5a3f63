"""A request that reaches the wrong node of two and is forwarded: one context, from the first message to the last."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.servlet import ProxyOptions, SipRequest, SipServlet
from server.sip.message import Request, Response
from tests.scenarios.woven import weaving
from tests.server.container.kit import ALICE, House, lines
from weaver.event import Event
from weaver.run import Weaver

ONE, TWO = ("192.0.2.10", 5060), ("192.0.2.20", 5060)

MONITORS = """
[monitors.DyeInjection]
enabled = true
properties = { ADDR1 = "192.0.2.20" }

[monitors.ContextPropagation]
enabled = true
properties = { peers = "192.0.2.8/29 192.0.2.20", node = "node-a" }

[monitors.Sip_Servlet_Before_Service]
enabled = true
actions = ["TraceAction"]

[monitors.Sip_Servlet_Before_Message_Send_Internal]
enabled = true
dye_mask = ["ADDR1"]
actions = ["TraceAction"]
"""


class Forwarding(SipServlet):
    """The first node: what it gets is for the second."""

    def do_message(self, request: SipRequest) -> None:
        request.create_proxy(ProxyOptions()).proxy_to("sip:bob@192.0.2.20")

    do_options = do_invite = do_message


class Answering(SipServlet):
    """The second node."""

    def do_options(self, request: SipRequest) -> None:
        request.create_response(200).send()

    do_invite = do_info = do_bye = do_options


@pytest.fixture
def weaver(tmp_path: Path) -> Iterator[Weaver]:
    with weaving(tmp_path, MONITORS) as running:
        yield running


@pytest.fixture
def nodes(weaver: Weaver, build: Callable[..., House]) -> tuple[House, House]:
    return build(Forwarding), build(Answering)


def facts(event: Event) -> dict[str, object]:
    return event.context_payload or {}


def counts(weaver: Weaver) -> dict[str, int]:
    found: dict[str, int] = weaver.plugins.methods["propagation.statistics"].function({})
    return found


def test_second_node_has_the_context_of_the_first_and_knows_the_hop(weaver: Weaver, nodes: tuple[House, House]) -> None:
    first, second = nodes

    (forwarded,) = first.receive(first.request("OPTIONS"), ALICE)
    answer = second.receive(forwarded, ONE)
    passed_on = first.receive(answer[0], TWO)

    assert (lines(answer), lines(passed_on)) == (["200 OPTIONS"], ["200 OPTIONS"])
    entered, sent, served, answered, *_ = weaver.buffer.recent()
    assert [event.monitor for event in (entered, sent, served)] == [
        "Sip_Servlet_Before_Service", "Sip_Servlet_Before_Message_Send_Internal", "Sip_Servlet_Before_Service",
    ]  # fmt: skip
    assert entered.context_id == sent.context_id == served.context_id
    assert "ADDR1" not in dyes(entered)
    assert "ADDR1" in dyes(sent)
    assert "ADDR1" in dyes(served)
    assert facts(served)["parent"] == facts(sent)["hop"]
    assert facts(served)["node"] == "node-a"
    assert facts(answered)["parent"] == facts(served)["parent"]
    assert "parent" not in facts(sent)


def dyes(event: Event) -> list[str]:
    found: list[str] = (event.payload or {})["dyes"]
    return found


def test_phones_get_nothing_of_it(weaver: Weaver, nodes: tuple[House, House]) -> None:
    first, second = nodes
    (forwarded,) = first.receive(first.request("OPTIONS"), ALICE)
    (answer,) = second.receive(forwarded, ONE)

    (passed_on,) = first.receive(answer, TWO)

    assert (carries(forwarded), carries(answer), carries(passed_on)) == (True, True, False)
    assert passed_on.headers.get("traceparent") is None


def test_call_keeps_the_dyes_of_a_peer_for_what_comes_another_way_to_its_end(
    weaver: Weaver, nodes: tuple[House, House]
) -> None:
    first, second = nodes
    (forwarded,) = [m for m in first.receive(first.request(), ALICE) if isinstance(m, Request)]
    (answer,) = second.receive(forwarded, ONE)

    within = [second.in_dialog(method, cseq, answer) for cseq, method in ((1, "ACK"), (2, "INFO"))]
    kept = [served(weaver, second, request) for request in within]
    other = served(weaver, second, second.request("OPTIONS", call_id="c-2"))
    served(weaver, second, second.in_dialog("BYE", 3, answer))
    second.pass_time(64)
    later = served(weaver, second, second.request("OPTIONS"))

    assert kept == [{"PROTOCOL_SIP", "ADDR1"}, {"PROTOCOL_SIP", "ADDR1"}]
    assert (other, later) == ({"PROTOCOL_SIP"}, {"PROTOCOL_SIP"})


def test_call_keeps_nothing_that_says_of_a_message_of_a_peer_what_it_is(
    weaver: Weaver, nodes: tuple[House, House]
) -> None:
    _, second = nodes
    weaver.registry.rules.add("caller", "sip:nobody@example.com", "CUSTOMER")
    told = "00000000000000aa-00000000000000bb;parent=00000000000000cc;dyes=CUSTOMER,DYE_2,SIP_REQ,THROTTLE,PROTOCOL_SSL"
    (answer,) = second.receive(second.request(extra=(("X-Weaver-Context", told),)), ONE)

    assert served(weaver, second, second.in_dialog("INFO", 2, answer)) == {"PROTOCOL_SIP", "CUSTOMER", "DYE_2"}


def test_stranger_gives_a_call_no_dyes(weaver: Weaver, nodes: tuple[House, House]) -> None:
    _, second = nodes
    lie = (("X-Weaver-Context", "00000000000000aa-00000000000000bb;parent=00000000000000cc;dyes=DYE_2"),)
    (answer,) = second.receive(second.request(extra=lie), ALICE)

    assert served(weaver, second, second.in_dialog("INFO", 2, answer)) == {"PROTOCOL_SIP"}


def served(weaver: Weaver, node: House, request: Request) -> set[str]:
    """Have a node serve a request of Alice; return its dyes."""
    before = weaver.buffer.statistics().emitted
    node.receive(request, ALICE)
    events = weaver.buffer.recent()[before:]
    return set(dyes(next(event for event in events if event.monitor == "Sip_Servlet_Before_Service")))


def carries(message: Request | Response) -> bool:
    return message.headers.get("x-weaver-context") is not None


def test_what_anybody_else_says_is_not_believed_and_does_not_go_on(weaver: Weaver, nodes: tuple[House, House]) -> None:
    first, _ = nodes
    lie = "00000000000000aa-00000000000000bb;parent=00000000000000cc;dyes=ADDR1"

    (forwarded,) = first.receive(first.request("OPTIONS", extra=(("X-Weaver-Context", lie),)), ALICE)

    assert counts(weaver) == {"sent": 1, "accepted": 0, "untrusted": 1, "malformed": 0}
    assert len(forwarded.headers.get_all("x-weaver-context")) == 1
    assert "00000000000000aa" not in (forwarded.headers.get("x-weaver-context") or "")
    assert "ADDR1" not in dyes(weaver.buffer.recent()[0])


def test_sender_who_has_answers_sent_to_a_peer_is_not_taken_for_one(weaver: Weaver, nodes: tuple[House, House]) -> None:
    first, _ = nodes
    lie = (("X-Weaver-Context", "00000000000000aa-00000000000000bb;parent=00000000000000cc"),)
    request = first.request("OPTIONS", extra=lie).with_first(
        "Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-x;maddr=192.0.2.20;received=192.0.2.20"
    )

    first.receive(request, ALICE)

    assert counts(weaver)["untrusted"] == 1


@pytest.mark.parametrize("value", ["x", "00000000000000aa-00000000000000bb", ";parent=;;", "é" * 50])
def test_malformed_context_of_a_peer_is_counted_and_the_request_goes_on(
    weaver: Weaver, nodes: tuple[House, House], value: str
) -> None:
    _, second = nodes

    answer = second.receive(second.request("OPTIONS", extra=(("X-Weaver-Context", value),)), ONE)

    assert lines(answer) == ["200 OPTIONS"]
    assert counts(weaver)["malformed"] == 1
    assert counts(weaver)["accepted"] == 0


def test_trace_of_a_peer_gives_the_context_its_id(weaver: Weaver, nodes: tuple[House, House]) -> None:
    _, second = nodes
    trace = (("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),)

    second.receive(second.request("OPTIONS", extra=trace), ONE)

    event = weaver.buffer.recent()[0]
    assert event.context_id == "0af7651916cd43dd-8448eb211c80319c"
    assert facts(event)["parent"] == "b7ad6b7169203331"


def test_nothing_is_added_when_the_monitor_is_off(weaver: Weaver, nodes: tuple[House, House]) -> None:
    first, _ = nodes
    weaver.registry.set("ContextPropagation", enabled=False)

    (forwarded,) = first.receive(first.request("OPTIONS"), ALICE)

    assert not carries(forwarded)
    assert forwarded.headers.get("traceparent") is None


def test_without_contexts_nothing_is_told_and_nothing_goes_through(weaver: Weaver, nodes: tuple[House, House]) -> None:
    first, _ = nodes
    weaver.registry.set("DyeInjection", enabled=False)

    (forwarded,) = first.receive(first.request("OPTIONS", extra=(("X-Weaver-Context", "forged"),)), ALICE)

    assert not carries(forwarded)
    assert counts(weaver)["sent"] == 0
