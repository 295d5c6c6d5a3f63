"""Where a request may go, and the status of each way that there is not."""

from collections.abc import Callable

import pytest

from server.engine.transactions import LOCAL
from server.servlet import NotRoutableError, SipServlet
from tests.server.container.kit import House


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build(SipServlet)


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("tel:+4930123", 416),
        ("sips:bob@192.0.2.2", 416),
        ("sip:bob@192.0.2.2;transport=sctp", 501),
        ("sip:nobody@127.0.0.1", 404),
    ],
)
def test_way_that_does_not_exist_has_its_status(house: House, uri: str, status: int) -> None:
    with pytest.raises(NotRoutableError) as caught:
        house.container.routing.next_hop(uri)

    assert caught.value.status == status


@pytest.mark.parametrize(
    ("uri", "transport", "port"),
    [
        ("sip:bob@192.0.2.2", "UDP", 5060),
        ("sip:bob@192.0.2.2:5070;transport=tcp", "TCP", 5070),
    ],
)
def test_numeric_address_is_its_own_way(house: House, uri: str, transport: str, port: int) -> None:
    hop = house.container.routing.next_hop(uri)

    assert (hop.flow.transport, hop.flow.remote_host, hop.flow.remote_port) == (transport, "192.0.2.2", port)


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        ("sip:alice@127.0.0.1", "sip:alice@local"),
        ("sip:alice@192.0.2.7", "sip:alice@192.0.2.7"),
        ("sips:alice@192.0.2.7", "sip:alice@192.0.2.7"),
        ("tel:+49-30", "tel:+49-30"),
    ],
)
def test_address_of_record_has_one_spelling(house: House, uri: str, canonical: str) -> None:
    assert house.container.routing.canonical(uri) == canonical


def test_request_in_a_dialog_keeps_its_flow_when_the_target_cannot_be_reached(house: House) -> None:
    routing = house.container.routing
    last = routing.next_hop("sip:bob@192.0.2.2").flow

    assert routing.dialog_flows("tel:+4930", last) == (last,)
    assert [flow.remote_host for flow in routing.dialog_flows("sip:bob@192.0.2.5", last)] == ["192.0.2.5"]


def test_request_to_the_next_application_goes_over_no_network(house: House) -> None:
    assert house.container.routing.dialog_flows("sip:bob@192.0.2.2", LOCAL) == (LOCAL,)
