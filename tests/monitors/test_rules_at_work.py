"""Dye rules at the dye points: what they dye, and what keeps the dye."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from monitors.call_dyes import CallDyes
from tests.monitors.messages import Flow, Message
from tests.monitors.test_dye_injection import CALL, Server
from tests.monitors.test_http_flags import facts as http_facts

ALICE = Message(values={"from": ["<sip:alice@example.com>;tag=1"], "to": ["<sip:bob@example.com>"]})
BOB = Message("BYE", values={"from": ["<sip:bob@example.com>;tag=2"], "to": ["<sip:alice@example.com>"]})
CAROL = Message(values={"from": ["<sip:carol@example.com>"], "to": ["<sip:dan@example.com>"]})
OTHER = SimpleNamespace(key="ffffffffffffffffffff")


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.registry.set("DyeInjection", enabled=False)
    running.rules.clear()


def test_rule_dyes_who_it_is_for_and_nobody_else(server: Server) -> None:
    server.rules.add("caller", "sip:alice@example.com", "ALICE")

    assert server.take(ALICE, Flow()) == {"PROTOCOL_SIP", "ALICE"}
    assert server.take(CAROL, Flow(), OTHER) == {"PROTOCOL_SIP"}


def test_call_keeps_the_dye_for_the_other_leg_timers_and_what_is_sent(server: Server) -> None:
    server.rules.add("caller", "sip:alice@example.com", "ALICE")
    server.take(ALICE, Flow())

    assert server.take(BOB, Flow()) == {"PROTOCOL_SIP", "ALICE"}
    assert server.take(None) == {"ALICE"}
    assert server.take(None, action=lambda call: server.send(CAROL, Flow())) == {"PROTOCOL_SIP", "ALICE"}
    assert server.take(BOB, Flow(), OTHER) == {"PROTOCOL_SIP"}


def test_what_is_sent_dyes_its_call(server: Server) -> None:
    server.rules.add("callee", "sip:dan@example.com", "DAN")

    server.take(BOB, action=lambda call: server.send(CAROL))

    assert server.take(BOB) == {"PROTOCOL_SIP", "DAN"}


def test_message_that_no_turn_has_made_belongs_to_the_call_in_its_branch_or_tag(server: Server) -> None:
    server.rules.add("caller", "sip:alice@example.com", "ALICE")
    server.take(ALICE)
    ours = f"SIP/2.0/UDP x;branch=z9hG4bK0123456789ab.{CALL.key}"

    assert server.send(Message(values={"via": [ours]})) == {"PROTOCOL_SIP", "ALICE"}
    assert server.send(Message(values={"to": [f"<sip:b@x>;tag=01234567.{CALL.key}"]})) == {"PROTOCOL_SIP", "ALICE"}
    assert server.send(Message(values={"via": [ours + "0"]})) == {"PROTOCOL_SIP"}


def test_call_that_has_ended_is_forgotten(server: Server) -> None:
    server.rules.add("caller", "sip:alice@example.com", "ALICE")
    server.take(ALICE)

    server.module.remove(None, SimpleNamespace(key=CALL.key))

    assert server.take(BOB) == {"PROTOCOL_SIP"}
    assert len(server.action.dyer.calls) == 0


def test_rule_that_is_taken_away_leaves_no_call_dyed(server: Server) -> None:
    server.rules.add("caller", "sip:alice@example.com", "ALICE")
    server.take(ALICE)

    server.rules.remove("ALICE")

    assert server.take(BOB) == {"PROTOCOL_SIP"}
    assert server.action.dyer.sip is None


def test_name_that_another_rule_shares_stays_on_its_calls(server: Server) -> None:
    server.rules.add("caller", "sip:alice@example.com", "TEAM")
    server.rules.add("callee", "sip:nobody@example.com", "TEAM")
    server.take(ALICE)

    server.rules.remove("1" if server.rules.list()[0]["id"] == 1 else "TEAM")

    assert server.take(BOB) == {"PROTOCOL_SIP", "TEAM"}


def test_calls_keep_the_dye_of_a_rule_that_has_run_out(server: Server) -> None:
    server.rules.add("caller", "sip:alice@example.com", "ALICE", hits=1)
    server.take(ALICE)

    assert server.take(ALICE, call=OTHER) == {"PROTOCOL_SIP"}
    assert server.take(BOB) == {"PROTOCOL_SIP", "ALICE"}


def test_rule_may_end_in_the_middle_of_a_message_that_others_match(server: Server) -> None:
    server.rules.add("caller", "sip:alice@example.com", "FIRST", hits=1)
    server.rules.add("header", "from~alice", "SECOND", hits=1)
    server.rules.add("callee", "sip:bob@example.com", "THIRD", hits=1)

    assert server.take(ALICE) == {"PROTOCOL_SIP", "FIRST", "SECOND", "THIRD"}
    assert server.rules.list() == []


def test_bit_of_a_name_goes_to_another_and_no_call_has_it_any_more(server: Server) -> None:
    rule = server.rules.add("caller", "sip:alice@example.com", "ALICE", hits=1)
    server.take(ALICE)

    for tell in server.rules.names.on_reuse:
        tell(rule.bit.bit_length() - 1)

    assert server.take(BOB) == {"PROTOCOL_SIP"}


def test_message_that_cannot_be_read_is_nobodys_and_other_rules_are_asked(server: Server) -> None:
    class Unreadable(Message):
        @property
        def headers(self) -> Any:
            raise ValueError("malformed")

    server.rules.add("caller", "sip:alice@example.com", "ALICE")
    server.rules.add("header", "X~y", "X")
    server.rules.add("call-id", "c1", "CALL")

    assert server.take(Unreadable()) == {"PROTOCOL_SIP", "CALL"}
    assert server.registry.get("DyeInjection")["counters"]["errors"] == 0


def test_user_gets_his_dye_from_where_he_is_known_and_so_does_his_call(server: Server) -> None:
    server.rules.add("user", "alice", "ALICE")

    def serve(call: object) -> set[str]:
        server.module.authenticate(None, "alice", proxy=False)
        found: set[str] = server.module.dyes()
        return found

    assert server.take(CAROL, action=serve) == {"PROTOCOL_SIP", "ALICE"}
    assert server.take(BOB) == {"PROTOCOL_SIP", "ALICE"}


def test_http_request_dyes_the_call_that_it_works_on(server: Server) -> None:
    server.rules.add("cookie", "red", "RED")
    request = http_facts(HTTP_COOKIE="weaver.diagnostics.dye=red").request

    found = server.module.handle_request(request, lambda request: work_on(server), None)

    assert found == {"RED"}
    assert server.take(BOB) == {"PROTOCOL_SIP", "RED"}
    assert server.take(BOB, call=OTHER) == {"PROTOCOL_SIP"}


def work_on(server: Server) -> set[str]:
    found: set[str] = server.module.process_inbound(
        SimpleNamespace(message=None, flow=None, action=lambda call: server.module.dyes()), CALL
    )
    return found


@pytest.mark.parametrize(
    ("cookie", "dyed"),
    [
        (f"WSESSION=a1.{CALL.key}.signature", True),
        (f"WSESSION=a1.{OTHER.key}.signature", False),
        (f"WSESSION=a1.{CALL.key}0.signature", False),
        ("WSESSION=", False),
        ("other=1", False),
    ],
)
def test_http_request_of_a_dyed_call_is_dyed_by_its_session(server: Server, cookie: str, dyed: bool) -> None:
    server.rules.add("caller", "sip:alice@example.com", "ALICE")
    server.take(ALICE)

    found = server.module.handle_request(http_facts(HTTP_COOKIE=cookie).request, None, None)

    assert found == {"PROTOCOL_HTTP"} | ({"ALICE"} if dyed else set())


def test_unused_rules_cost_nothing(server: Server) -> None:
    assert (server.action.dyer.sip, server.action.dyer.http, server.action.dyer.user) == (None, None, None)

    server.rules.add("cookie", "red", "RED")
    assert server.action.dyer.http is not None

    server.rules.remove("RED")
    assert (server.action.dyer.sip, server.action.dyer.http, server.action.dyer.user) == (None, None, None)


def test_call_that_was_dyed_first_is_forgotten_when_there_are_too_many() -> None:
    calls = CallDyes(limit=2)

    for key in ("a", "b", "a", "c"):
        calls.add(key, 1)

    assert list(calls.vectors.items()) == [("b", 1), ("c", 1)]
    assert calls.forgotten == 1


def test_washing_takes_a_dye_from_all_calls_and_leaves_others() -> None:
    calls = CallDyes()
    calls.add("a", 3)
    calls.add("b", 1)

    calls.wash(1)

    assert list(calls.vectors.items()) == [("a", 2)]
