from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from monitors import common_flags, dye_rules, http_flags, sip_flags, throttle
from monitors.dye_injection import DyeInjectionAction
from monitors.message_facts import Facts, MessageFacts, RequestFacts
from monitors.sip_flags import any_header
from tests.monitors.messages import Flow, Message
from tests.weaver.targets import make_module
from weaver import context
from weaver.dye import SPACE, mask_of
from weaver.dye_rules import RuleBook
from weaver.errors import InvalidAttributeError
from weaver.event import EventBuffer
from weaver.monitor import MonitorDefinition
from weaver.plugins import Plugins
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

TARGET = """
from weaver import context
from weaver.dye import names_of
def dyes():
    return set(names_of(context.dye_vector()))
def process_inbound(item, call):
    if item.action is not None:
        return item.action(call)
    return dyes()
def send_outbound(message, flow, transports):
    return dyes()
def handle_request(request, servlet, send):
    return servlet(request) if servlet else dyes()
def authenticate(self, request, *, proxy):
    return request
def remove(self, checkout, *, tombstone=0.0):
    return None
"""
CALL = SimpleNamespace(key="0123456789abcdef0123")


class Server:
    """The dye points of a server, with DyeInjection on."""

    def __init__(self, **settings: Any) -> None:
        self.registry = Registry(EventBuffer(10))
        plugins = Plugins(self.registry)
        for module in (common_flags, sip_flags, http_flags, throttle, dye_rules):
            module.register(plugins)
        self.rules: RuleBook = plugins.rules
        self.action = DyeInjectionAction(plugins.dye_flags, plugins.rules)
        pointcut = parse_pointcut("execution(* woven_target.*(..)) and not execution(* woven_target.dyes(..))")
        self.registry.add(
            MonitorDefinition(
                "DyeInjection", "server", "standard", "around", pointcut, actions=(self.action.name,),
                action=self.action, precedence=0,
            )
        )  # fmt: skip
        self.module = make_module(TARGET)
        self.registry.on_module(self.module)
        self.registry.set("DyeInjection", enabled=True, **settings)

    def configure(self, **properties: object) -> None:
        self.registry.set("DyeInjection", properties=properties)

    def take(self, message: object, flow: object = None, call: object = CALL, action: object = None) -> set[str]:
        """The dyes while an item is worked on."""
        item = SimpleNamespace(message=message, flow=flow, action=action)
        found: set[str] = self.module.process_inbound(item, call)
        assert context.current_context.get() is None
        assert context.current_dyes.get() is context.UNDYED
        return found

    def send(self, message: object, flow: object = None) -> set[str]:
        """The dyes while a message is sent."""
        found: set[str] = self.module.send_outbound(message, flow, {})
        return found


@pytest.fixture(params=["compiled", "general"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that is woven in both forms."""
    running = Server(includes=["woven_target"] if request.param == "general" else [])
    yield running
    running.registry.set("DyeInjection", enabled=False)
    for rule in running.rules.list():
        running.rules.remove(str(rule["id"]))
    SPACE.want(0)


def test_message_gets_the_flags_that_match(server: Server) -> None:
    server.configure(ADDR1="127.0.0.1", ADDR2="10.0.0.1", SIP_REQ="invite", SIP_RES=180)

    assert server.take(Message(), Flow()) == {"ADDR1", "SIP_REQ", "PROTOCOL_SIP"}
    assert server.take(Message("BYE"), Flow("10.0.0.1")) == {"ADDR2", "PROTOCOL_SIP"}
    assert server.send(Message(status=180), Flow("::1")) == {"SIP_RES", "PROTOCOL_SIP"}


def test_message_has_the_flag_of_its_protocol_when_nothing_is_configured(server: Server) -> None:
    assert server.take(Message(), Flow()) == {"PROTOCOL_SIP"}
    assert server.send(Message(), Flow()) == {"PROTOCOL_SIP"}
    assert server.module.handle_request(None, None, None) == {"PROTOCOL_HTTP"}


def test_item_without_a_message_has_no_flags(server: Server) -> None:
    assert server.take(None, Flow()) == set()
    server.configure(ADDR1="10.0.0.9")
    assert server.take(None, Flow()) == set()


def test_properties_change_from_one_message_to_the_next(server: Server) -> None:
    server.configure(SIP_REQ="BYE")
    assert "SIP_REQ" not in server.take(Message())
    server.configure(SIP_REQ="INVITE")
    assert "SIP_REQ" in server.take(Message())


def test_header_is_looked_at_only_while_a_monitor_wants_it(server: Server) -> None:
    server.configure(SIP_ANY_HEADER="request.Contact=x")
    message = Message(values={"contact": ["x"]})
    assert server.take(message) == {"PROTOCOL_SIP"}

    SPACE.want(mask_of(["SIP_ANY_HEADER"]))
    assert "SIP_ANY_HEADER" in server.take(message)

    SPACE.want(mask_of(["ADDR1"]))
    assert server.take(message) == {"PROTOCOL_SIP"}


def test_flag_that_has_not_changed_keeps_what_it_has_counted(server: Server) -> None:
    server.configure(THROTTLE_RATE="2")
    server.take(Message())

    server.configure(THROTTLE_RATE="2", SIP_REQ="BYE")

    assert "THROTTLE" in server.take(Message())


def test_test_that_cannot_read_a_message_says_no_and_the_others_are_asked(server: Server) -> None:
    class Unreadable(Message):
        @property
        def headers(self) -> Any:
            raise ValueError("malformed")

    server.configure(SIP_ANY_HEADER="request.Contact=x", SIP_REQ="INVITE")
    SPACE.want(mask_of(["SIP_ANY_HEADER"]))

    assert server.take(Unreadable()) == {"SIP_REQ", "PROTOCOL_SIP"}
    assert server.action.dyer.unreadable == 1
    assert server.registry.get("DyeInjection")["counters"]["errors"] == 0


def test_what_could_not_be_read_and_the_calls_that_keep_dyes_are_counted(server: Server) -> None:
    class Unreadable(Message):
        @property
        def uri(self) -> Any:
            raise ValueError("malformed")

    server.configure(SIP_REQURI="sip:bob@x")
    server.rules.add("caller", "sip:alice@x")

    server.take(Unreadable(values={"from": ["<sip:alice@x>"]}))

    assert server.action.dyer.statistics({}) == {"unreadable": 1, "calls": 1, "calls_forgotten": 0}


def test_user_is_dyed_from_where_he_is_known(server: Server) -> None:
    server.configure(USER1="alice", USER2="bob")

    def serve(call: object) -> list[set[str]]:
        before = server.module.dyes()
        server.module.authenticate(None, "alice", proxy=False)
        return [before, server.module.dyes()]

    found: Any = server.take(Message(), action=serve)

    assert found == [{"PROTOCOL_SIP"}, {"PROTOCOL_SIP", "USER1"}]
    assert server.take(Message()) == {"PROTOCOL_SIP"}


def test_user_who_is_not_known_dyes_nothing(server: Server) -> None:
    server.configure(USER1="alice")

    def serve(call: object) -> set[str]:
        for nobody in (None, "", "carol", 7):
            server.module.authenticate(None, nobody, proxy=False)
        found: set[str] = server.module.dyes()
        return found

    assert server.take(Message(), action=serve) == {"PROTOCOL_SIP"}


def test_connector_sets_its_own_flags(server: Server) -> None:
    from weaver.message_context import set_connector_dye

    def serve(call: object) -> list[set[str]]:
        set_connector_dye("CONNECTOR2")
        first = server.module.dyes()
        set_connector_dye("CONNECTOR2", on=False)
        return [first, server.module.dyes()]

    found: Any = server.take(Message(), action=serve)

    assert found == [{"PROTOCOL_SIP", "CONNECTOR2"}, {"PROTOCOL_SIP"}]


def test_error_of_the_call_leaves_no_dye(server: Server) -> None:
    server.configure(SIP_REQ="INVITE")

    def fail(call: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        server.take(Message(), action=fail)

    assert context.current_context.get() is None
    assert context.dye_vector() == 0


def test_message_that_is_sent_within_another_has_its_own_flags_and_the_same_id(server: Server) -> None:
    server.configure(SIP_REQ="INVITE")
    ids: list[str | None] = []

    def serve(call: object) -> set[str]:
        ids.append(context.context_id())
        found = server.send(Message("BYE"))
        ids.append(context.context_id())
        return found

    assert server.take(Message(), action=serve) == {"PROTOCOL_SIP"}
    assert ids[0] == ids[1] is not None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ADDR1", "localhost", "ADDR1"),
        ("SIP_REQ", "", "no SIP method"),
        ("SIP_RES", "99", "no SIP status"),
        ("SIP_ANY_HEADER", "Contact=x", "request.HEADER=VALUE"),
        ("SIP_ANY_HEADER", "request.Contact=(", "refused"),
        ("SIP_ANY_HEADER", "request.Contact=" + "x" * 2_000, "longer than"),
        ("THROTTLE_RATE", "often", "THROTTLE_INTERVAL, THROTTLE_RATE"),
        ("CONNECTOR1", "x", "no property"),
        ("PROTOCOL_T3", "x", "no property"),
    ],
)
def test_bad_property_is_refused_with_the_reason_and_the_old_ones_stay(
    server: Server, key: str, value: str, words: str
) -> None:
    server.configure(SIP_REQ="INVITE")

    with pytest.raises(InvalidAttributeError, match=words):
        server.configure(**{"SIP_RES": "180", key: value})

    assert "SIP_REQ" in server.take(Message())


@pytest.mark.parametrize(
    ("pattern", "status", "value", "matches"),
    [
        (r"request.Contact=sip:.*@10\..*", None, "<sip:alice@10.1.2.3>", True),
        (r"request.Contact=sip:.*@10\..*", None, "<SIP:ALICE@10.1.2.3>", True),
        (r"request.Contact=sip:.*@10\..*", None, "<sip:alice@192.0.2.1>", False),
        (r"request.Contact=sip:.*@10\..*", 200, "<sip:alice@10.1.2.3>", False),
        (r"RESPONSE.contact=sip:bob@x", 200, "<sip:bob@x>", True),
        (r"request.Contact=a=b", None, "a=b", True),
        (r"request.Contact=x", None, "", False),
        (r"request.Contact=needle", None, "y" * 9_000 + "needle", False),
        (r"request.Contact=.", None, "\udcff", True),
    ],
)
def test_any_header_matches_text_and_patterns(pattern: str, status: int | None, value: str, matches: bool) -> None:
    test = any_header(pattern)

    assert test(Facts(Message(status=status, values={"contact": [value]}))) is matches


@pytest.mark.timeout(5)
def test_pattern_that_would_keep_a_backtracking_engine_for_ever_is_harmless() -> None:
    test = any_header("request.Contact=(a+)+$")

    assert not test(Facts(Message(values={"contact": ["a" * 8_000 + "!"]})))


def test_facts_of_a_message_that_cannot_be_read_are_none() -> None:
    class Unreadable:
        @property
        def method(self) -> str:
            raise ValueError("malformed CSeq")

    facts = MessageFacts(Unreadable(), SimpleNamespace(key="k1"))

    assert {name for name, value in facts.items() if value is not None} == {"call_key"}
    assert len(facts) == 7
    with pytest.raises(KeyError):
        facts["other"]


def test_facts_of_an_http_request_are_its_method_and_path() -> None:
    request = SimpleNamespace(method="POST", path="/call")

    assert {name: value for name, value in RequestFacts(request, None).items() if value is not None} == {
        "method": "POST",
        "path": "/call",
    }


def test_properties_that_are_only_judged_change_nothing(server: Server) -> None:
    server.configure(SIP_REQ="BYE")
    definition = server.registry.definition("DyeInjection")

    server.registry.judge(definition, {"properties": {"SIP_REQ": "INVITE"}})
    with pytest.raises(InvalidAttributeError):
        server.registry.judge(definition, {"properties": {"SIP_REQ": ""}})

    assert server.take(Message()) == {"PROTOCOL_SIP"}
