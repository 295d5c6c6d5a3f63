"""Row D22: publications of event state (RFC 3903)."""

from collections.abc import Callable
from typing import Any

import pytest

from server.servlet import InvalidStateError, SipRequest, SipServlet
from server.sip.message import Request, Response
from tests.server.container.kit import House, lines

URI = "sip:bob@192.0.2.2"
PRESENCE = ("Event", "presence")


class Presence(SipServlet):
    events = ("presence",)

    def do_message(self, request: SipRequest) -> None:
        with pytest.raises(InvalidStateError, match="MESSAGE is no PUBLISH"):
            self.context.publications.publish(request)
        request.create_response(200).send()


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build(Presence)


def publish(house: House, number: int, body: bytes = b"open", *headers: tuple[str, str], **more: Any) -> Response:
    """Publish for Bob; return the answer."""
    request: Request = house.request(
        "PUBLISH", number, extra=(more.pop("event", PRESENCE), *headers), body=body, call_id=f"p-{number}", **more
    )
    (answer,) = house.receive(request)
    assert isinstance(answer, Response)
    return answer


def state(house: House) -> list[bytes]:
    return [one.body for one in house.container.publications.lookup(URI, "presence")]


def tag(answer: Response) -> tuple[str, str]:
    return ("SIP-If-Match", answer.headers.get("sip-etag") or "")


def test_d22_publication_is_kept_for_its_time_under_an_entity_tag(house: House) -> None:
    ok = publish(house, 1, b"open", ("Expires", "60"))

    assert (ok.status, ok.headers.get("expires"), len(tag(ok)[1]) >= 8) == (200, "60", True)
    assert state(house) == [b"open"]
    house.pass_time(60)
    assert state(house) == []


def test_d22_refresh_keeps_the_state_and_changes_the_tag(house: House) -> None:
    first = publish(house, 1, b"open", ("Expires", "60"))
    house.pass_time(50)

    second = publish(house, 2, b"", tag(first), ("Expires", "60"))

    assert (second.status, tag(second) != tag(first)) == (200, True)
    house.pass_time(50)
    assert state(house) == [b"open"]


def test_d22_modification_replaces_the_state(house: House) -> None:
    publish(house, 2, b"closed", tag(publish(house, 1)))

    assert state(house) == [b"closed"]


def test_d22_removal_takes_it_away(house: House) -> None:
    gone = publish(house, 2, b"", tag(publish(house, 1)), ("Expires", "0"))

    assert (gone.status, state(house)) == (200, [])


def test_d22_two_publishers_do_not_touch_each_other(house: House) -> None:
    first = publish(house, 1, b"one")
    publish(house, 2, b"two", tag="z")
    publish(house, 3, b"", tag(first), ("Expires", "0"))

    assert state(house) == [b"two"]


def test_d22_unknown_or_old_tag_is_412_and_changes_nothing(house: House) -> None:
    first = publish(house, 1)
    publish(house, 2, b"closed", tag(first))

    assert publish(house, 3, b"x", tag(first)).status == 412
    assert publish(house, 4, b"x", ("SIP-If-Match", "none")).status == 412
    assert state(house) == [b"closed"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [(b"open", (("Expires", "59"),), 423), (b"", (), 400), (b"open", (("Expires", "0"),), 200)],
)
def test_d22_too_brief_and_empty_publications_are_refused(
    house: House, body: bytes, headers: tuple[tuple[str, str], ...], status: int
) -> None:
    answer = publish(house, 1, body, *headers)

    assert (answer.status, state(house)) == (status, [])
    assert answer.headers.get("min-expires") == ("60" if status == 423 else None)


def test_d22_unknown_event_is_489(house: House) -> None:
    answer = publish(house, 1, event=("Event", "weather"))

    assert (answer.status, answer.headers.get("allow-events")) == (489, "presence")


def test_d22_nothing_but_a_publish_is_published(house: House) -> None:
    assert lines(house.receive(house.request("MESSAGE"))) == ["200 MESSAGE"]
    assert house.container.publications.lookup("sip:nobody@192.0.2.2", "presence") == ()
