"""A phone registers, asks, renews, leaves; and what the registrar refuses."""

from collections.abc import Callable

import pytest

from server.servlet import InvalidStateError, SipRequest, SipServlet
from server.sip.message import Response
from tests.server.container.kit import House, lines

ALICE = "<sip:alice@127.0.0.1>"


class Registering(SipServlet):
    """Gives every request to the registrar."""

    def do_register(self, request: SipRequest) -> None:
        self.context.registrar.register(request)

    def do_message(self, request: SipRequest) -> None:
        with pytest.raises(InvalidStateError, match="MESSAGE is no REGISTER"):
            self.context.registrar.register(request)
        request.create_response(200).send()


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build(Registering)


def register(
    house: House, cseq: int, contact: str | None = "<sip:alice@192.0.2.1>", expires: str = "", call_id: str = "r-1"
) -> Response:
    """Send a REGISTER; return the answer."""
    extra = (("Expires", expires),) if expires else ()
    request = house.request("REGISTER", cseq, contact=contact, extra=extra, call_id=call_id, call_to=ALICE)
    (answer,) = house.receive(request)
    assert isinstance(answer, Response)
    return answer


def bound(house: House) -> list[str]:
    return [found.contact for found in house.container.registrar.lookup("sip:alice@127.0.0.1")]


def test_contact_is_bound_for_the_time_that_was_asked_for(house: House) -> None:
    answer = register(house, 1, expires="60")

    assert (answer.status, answer.headers.get("contact")) == (200, "<sip:alice@192.0.2.1>;expires=60")
    assert bound(house) == ["sip:alice@192.0.2.1"]


@pytest.mark.parametrize(("asked", "granted"), [("", 3600), ("100000", 7200), ("7200", 7200)])
def test_time_is_the_default_and_never_above_the_most(house: House, asked: str, granted: int) -> None:
    answer = register(house, 1, expires=asked)

    assert (answer.headers.get("contact") or "").endswith(f";expires={granted}")


def test_time_of_the_contact_goes_before_that_of_the_header(house: House) -> None:
    answer = register(house, 1, "<sip:alice@192.0.2.1>;expires=30", expires="60")

    assert (answer.headers.get("contact") or "").endswith(";expires=30")


def test_binding_ends_when_it_is_not_renewed(house: House) -> None:
    register(house, 1, expires="60")

    house.pass_time(59)
    before = bound(house)
    house.pass_time(2)

    assert (before, bound(house)) == (["sip:alice@192.0.2.1"], [])


def test_binding_is_taken_back_with_zero_seconds(house: House) -> None:
    register(house, 1)

    assert register(house, 2, expires="0").status == 200
    assert bound(house) == []


def test_all_bindings_are_taken_back_with_a_star(house: House) -> None:
    register(house, 1, "<sip:alice@192.0.2.1>, <sip:alice@192.0.2.3>")

    assert register(house, 2, "*", "0").status == 200
    assert bound(house) == []


@pytest.mark.parametrize("expires", ["", "60"])
def test_star_that_takes_nothing_back_is_400(house: House, expires: str) -> None:
    register(house, 1)

    assert register(house, 2, "*", expires).status == 400
    assert len(bound(house)) == 1


def test_query_lists_what_is_bound(house: House) -> None:
    register(house, 1, "<sip:alice@192.0.2.1>, <sip:alice@192.0.2.3>", "60")

    answer = register(house, 2, None)

    assert answer.headers.get("contact") == "<sip:alice@192.0.2.1>;expires=60, <sip:alice@192.0.2.3>;expires=60"


def test_time_that_is_too_short_is_423_with_the_least(house: House) -> None:
    answer = register(house, 1, expires="9")

    assert (answer.status, answer.headers.get("min-expires")) == (423, "10")
    assert bound(house) == []


def test_number_that_does_not_rise_is_refused_and_changes_nothing(house: House) -> None:
    register(house, 5, expires="60")

    assert register(house, 5, "<sip:alice@192.0.2.1>", "0").status == 500
    assert len(bound(house)) == 1
    assert register(house, 1, expires="60", call_id="r-2").status == 200


def test_more_contacts_than_are_allowed_are_refused(house: House) -> None:
    many = ", ".join(f"<sip:alice@192.0.2.{n}>" for n in range(1, 12))

    assert register(house, 1, many).status == 403
    assert bound(house) == []


def test_phone_that_is_bound_is_called_where_it_is(house: House) -> None:
    register(house, 1)

    hop = house.container.routing.next_hop("sip:alice@127.0.0.1")

    assert (hop.uri, hop.flow.remote_host) == ("sip:alice@192.0.2.1", "192.0.2.1")


def test_registrar_takes_nothing_but_register(house: House) -> None:
    assert lines(house.receive(house.request("MESSAGE"))) == ["200 MESSAGE"]
