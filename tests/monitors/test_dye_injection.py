from types import SimpleNamespace

import pytest

from monitors.dye_injection import DyeInjectionAction, MessageFacts
from monitors.sip_flags import FLAGS, Facts, any_header
from tests.monitors.messages import Flow, Message
from weaver import context
from weaver.dye import SPACE, mask_of, names_of
from weaver.errors import InvalidAttributeError
from weaver.joinpoint import Invocation


@pytest.fixture
def action(monkeypatch: pytest.MonkeyPatch) -> DyeInjectionAction:
    monkeypatch.setattr(SPACE, "wanted", (1 << 64) - 1)
    return DyeInjectionAction({flag.name: flag for flag in FLAGS})


def dyes(action: DyeInjectionAction, message: object, flow: object = None) -> set[str]:
    """The flags that are set while an item is worked on."""
    shadow = SimpleNamespace(parameters=[SimpleNamespace(name="item"), SimpleNamespace(name="call")])
    arguments = (SimpleNamespace(message=message, flow=flow), SimpleNamespace(key="k1"))
    invocation = Invocation(SimpleNamespace(shadow=shadow), arguments)  # type: ignore[arg-type]
    action.enter(invocation)
    found = set(names_of(context.dye_vector()))
    action.leave(invocation)
    assert context.current_context.get() is None
    return found


def test_message_gets_the_flags_that_match(action: DyeInjectionAction) -> None:
    action.configure({"ADDR1": "127.0.0.1", "ADDR2": "10.0.0.1", "SIP_REQ": "invite", "SIP_RES": "180"})

    assert dyes(action, Message(), Flow()) == {"ADDR1", "SIP_REQ", "PROTOCOL_SIP"}
    assert dyes(action, Message("BYE"), Flow("10.0.0.1")) == {"ADDR2", "PROTOCOL_SIP"}
    assert dyes(action, Message(status=180), Flow("::1")) == {"SIP_RES", "PROTOCOL_SIP"}


def test_item_without_a_message_has_no_flags(action: DyeInjectionAction) -> None:
    action.configure({"ADDR1": "127.0.0.1"})

    assert dyes(action, None, Flow()) == set()


def test_properties_change_from_one_message_to_the_next(action: DyeInjectionAction) -> None:
    action.configure({"SIP_REQ": "BYE"})
    assert "SIP_REQ" not in dyes(action, Message())
    action.configure({"SIP_REQ": "INVITE"})
    assert "SIP_REQ" in dyes(action, Message())


def test_header_is_looked_at_only_while_a_monitor_wants_it(
    action: DyeInjectionAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    action.configure({"SIP_ANY_HEADER": "request.Contact=x"})
    message = Message(values={"contact": ["x"]})
    assert "SIP_ANY_HEADER" in dyes(action, message)

    monkeypatch.setattr(SPACE, "wanted", mask_of(["ADDR1"]))

    assert dyes(action, message) == {"PROTOCOL_SIP"}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ADDR1", "localhost", "ADDR1"),
        ("SIP_REQ", "", "no SIP method"),
        ("SIP_RES", "99", "no SIP status"),
        ("SIP_ANY_HEADER", "Contact=x", "request.HEADER=VALUE"),
        ("SIP_ANY_HEADER", "request.Contact=(", "refused"),
        ("SIP_ANY_HEADER", "request.Contact=" + "x" * 2_000, "longer than"),
        ("USER1", "x", "no property"),
    ],
)
def test_bad_property_is_refused_with_the_reason_and_the_old_ones_stay(
    action: DyeInjectionAction, key: str, value: str, words: str
) -> None:
    action.configure({"SIP_REQ": "INVITE"})

    with pytest.raises(InvalidAttributeError, match=words):
        action.configure({"SIP_RES": "180", key: value})

    assert "SIP_REQ" in dyes(action, Message())


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

    assert test(Facts(Message(status=status, values={"contact": [value]}), "")) is matches


@pytest.mark.timeout(5)
def test_pattern_that_would_keep_a_backtracking_engine_for_ever_is_harmless() -> None:
    test = any_header("request.Contact=(a+)+$")

    assert not test(Facts(Message(values={"contact": ["a" * 8_000 + "!"]}), ""))


def test_facts_of_a_message_that_cannot_be_read_are_none() -> None:
    class Unreadable:
        @property
        def method(self) -> str:
            raise ValueError("malformed CSeq")

    facts = MessageFacts(Unreadable(), SimpleNamespace(key="k1"))

    assert dict(facts) == {"call_key": "k1", "method": None, "status": None, "call_id": None}
    assert len(facts) == 4
    with pytest.raises(KeyError):
        facts["other"]
