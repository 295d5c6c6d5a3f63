import msgspec
import pytest

from server.transport.flow import Flow


def test_flow_reads_as_text() -> None:
    assert str(Flow("UDP", "127.0.0.1", 5060, "127.0.0.1", 5070)) == "UDP 127.0.0.1:5060 -> 127.0.0.1:5070"
    assert str(Flow("TCP", "::1", 5060, "2001:db8::2", 5070)) == "TCP [::1]:5060 -> [2001:db8::2]:5070"


@pytest.mark.parametrize(("transport", "reliable"), [("UDP", False), ("TCP", True)])
def test_only_udp_loses_messages(transport: str, reliable: bool) -> None:
    assert Flow(transport, "a", 1, "b", 2).reliable is reliable


def test_flow_can_stand_in_a_call_state() -> None:
    flow = Flow("TCP", "127.0.0.1", 5060, "127.0.0.1", 5070, "tcp-1")

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(flow), type=Flow) == flow
