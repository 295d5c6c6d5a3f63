"""Several sockets of one transport, here without sockets."""

import pytest

from server.errors import TransportError
from server.transport.flow import Flow
from server.transport.listeners import Listeners


class Fake:
    """A transport that remembers what it was given."""

    def __init__(self, host: str, port: int) -> None:
        self.local = (host, port)
        self.calls: list[object] = []

    def start(self) -> None:
        self.calls.append("start")

    def stop(self, timeout: float) -> None:
        self.calls.append(timeout)

    def statistics(self) -> object:
        return self.local

    def flow_to(self, host: str, port: int, name: str = "") -> Flow:
        return Flow("UDP", *self.local, host, port, None, name)

    def is_open(self, flow: Flow) -> bool:
        return flow.local_port == self.local[1]

    def send(self, data: bytes, flow: Flow) -> None:
        self.calls.append(data)


@pytest.fixture
def fakes() -> list[Fake]:
    return [Fake("192.0.2.1", 1), Fake("127.0.0.1", 2), Fake("::1", 3)]


def test_flow_goes_out_where_it_is_of(fakes: list[Fake]) -> None:
    listeners = Listeners(fakes)
    flow = Flow("UDP", "127.0.0.1", 2, "192.0.2.9", 5060)

    listeners.send(b"data", flow)

    assert [fake.calls for fake in fakes] == [[], [b"data"], []]
    assert listeners.is_open(flow)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.9", 1), ("2001:db8::1", 3)])
def test_flow_of_an_address_that_is_no_more_goes_out_from_the_first_of_its_family(
    fakes: list[Fake], host: str, port: int
) -> None:
    Listeners(fakes).send(b"data", Flow("UDP", "198.51.100.1", 9, host, 5060))

    assert [fake.local[1] for fake in fakes if fake.calls] == [port]


def test_new_flow_begins_where_this_machine_would_send_from(fakes: list[Fake]) -> None:
    assert Listeners(fakes).flow_to("127.0.0.1", 5060).local_port == 2
    assert Listeners(fakes).flow_to("::1", 5060, "name").name == "name"


def test_family_that_is_not_listened_on_has_no_flow(fakes: list[Fake]) -> None:
    with pytest.raises(TransportError, match="no address of its family"):
        Listeners(fakes[:2]).flow_to("::1", 5060)


def test_start_stop_and_counts_reach_every_one(fakes: list[Fake]) -> None:
    listeners = Listeners(fakes)

    listeners.start()
    listeners.stop(1.5)

    assert [fake.calls for fake in fakes] == [["start", 1.5]] * 3
    assert listeners.statistics() == tuple(fake.local for fake in fakes)
    assert listeners.local == ("192.0.2.1", 1)
