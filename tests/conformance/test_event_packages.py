"""Row D21: presence, dialog, message-summary and reg, as those who publish and those who watch see them."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from server.container import watchers
from server.servlet import EventServlet, SipRequest
from server.sip.auth_client import Account, answer
from server.sip.build import make_response
from server.sip.message import Request, Response
from tests.conformance.ladder import one, request_of
from tests.server.container.kit import ALICE, BOB, House, lines

Build = Callable[..., House]
URI = "sip:bob@192.0.2.2"
PIDF = "application/pidf+xml"
OPEN = b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@192.0.2.2"><tuple id="1"/></presence>'
USERS = {"registrar": {"realm": "here", "users": ["alice:a", "bob:b"]}}


class Events(EventServlet):
    """An event server that is the registrar, too."""

    def do_register(self, request: SipRequest) -> None:
        self.context.registrar.register(request)


@pytest.fixture
def house(build: Build) -> House:
    return build(Events)


def subscribe(house: House, event: str, *headers: tuple[str, str], **more: Any) -> Request:
    return house.request("SUBSCRIBE", call_id="w-1", extra=(("Event", event), *headers), **more)


def watch(house: House, event: str, *headers: tuple[str, str]) -> tuple[Response, Request]:
    """Have Alice watch Bob; return the answer and the NOTIFY, which is answered."""
    sent = house.receive(subscribe(house, event, *headers))
    notify, ok = request_of(sent, "NOTIFY"), one(sent, "200 SUBSCRIBE")
    house.receive(make_response(notify, 200))
    assert isinstance(ok, Response)
    return ok, notify


def publish(house: House, event: str, body: bytes, kind: str, number: int = 1, *headers: tuple[str, str]) -> list[Any]:
    request = house.request(
        "PUBLISH", number, call_id=f"p-{number}", tag="b", extra=(("Event", event), *headers), contact=None
    )
    return house.receive(request.with_body(body, kind) if body else request, BOB)


def register(house: House, contact: str, expires: int, number: int) -> list[Any]:
    extra = (("Contact", contact), ("Expires", str(expires)))
    return house.receive(
        house.request("REGISTER", number, call_id="r", tag="b", call_to=f"<{URI}>", contact=None, extra=extra), BOB
    )


def told(sent: list[Any]) -> Request:
    return request_of(sent, "NOTIFY")


def root(notify: Request) -> ET.Element:
    return ET.fromstring(notify.body)


@pytest.mark.parametrize(
    ("event", "kind", "says"),
    [
        ("presence", PIDF, b"<basic>closed</basic>"),
        ("dialog", "application/dialog-info+xml", b'version="0" state="full"'),
        ("message-summary", "application/simple-message-summary", b"Messages-Waiting: no\r\n"),
        ("reg", "application/reginfo+xml", b'state="init"'),
    ],
)
def test_d21_watcher_of_whom_nothing_is_known_is_told_so_at_once(
    house: House, event: str, kind: str, says: bytes
) -> None:
    _, notify = watch(house, event)

    assert (notify.headers.get("event"), notify.content_type) == (event, kind)
    assert says in notify.body
    if kind.endswith("xml"):
        assert root(notify).get("entity", URI) == URI


@pytest.mark.parametrize(
    ("event", "kind", "body"),
    [
        ("presence", PIDF, OPEN),
        ("dialog", "application/dialog-info+xml", b"<dialog-info/>"),
        ("message-summary", "application/simple-message-summary", b"Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n"),
    ],
)
def test_d21_what_is_published_is_told_to_who_watches(house: House, event: str, kind: str, body: bytes) -> None:
    watch(house, event)
    house.pass_time(5)

    sent = publish(house, event, body, kind)

    assert sorted(lines(sent)) == ["200 PUBLISH", "NOTIFY"]
    notify = told(sent)
    assert (notify.body, notify.content_type, notify.headers.get("event")) == (body, kind, event)


def test_d21_what_was_published_before_is_told_with_the_subscription(house: House) -> None:
    publish(house, "presence", OPEN, PIDF)

    assert watch(house, "presence")[1].body == OPEN


def test_d21_only_changes_are_told_and_at_their_rate(house: House) -> None:
    watch(house, "presence")
    sent = publish(house, "presence", OPEN, PIDF)
    etag = ("SIP-If-Match", sent[0].headers.get("sip-etag"))

    assert lines(sent) == ["200 PUBLISH"]
    house.receive(make_response(told(house.pass_time(5)), 200))
    house.pass_time(5)
    assert lines(publish(house, "presence", b"", PIDF, 2, etag)) == ["200 PUBLISH"]
    assert "NOTIFY" not in lines(house.pass_time(5))


def test_d21_end_of_a_publication_is_told(house: House) -> None:
    watch(house, "presence")
    publish(house, "presence", OPEN, PIDF, 1, ("Expires", "60"))
    house.receive(make_response(told(house.pass_time(5)), 200))

    assert b"closed" in told(house.pass_time(55)).body


def test_d21_watcher_who_has_left_is_not_told(house: House) -> None:
    ok, _ = watch(house, "presence")
    again = house.in_dialog("SUBSCRIBE", 2, ok, call_id="w-1", extra=(("Event", "presence"), ("Expires", "0")))
    house.receive(make_response(told(house.receive(again)), 200))
    house.pass_time(5)

    assert lines(publish(house, "presence", OPEN, PIDF)) == ["200 PUBLISH"]


def test_d21_watcher_who_renews_is_told_for_longer(house: House) -> None:
    ok, _ = watch(house, "presence", ("Expires", "100"))
    house.pass_time(90)
    again = house.in_dialog("SUBSCRIBE", 2, ok, call_id="w-1", extra=(("Event", "presence"), ("Expires", "100")))
    house.receive(make_response(told(house.receive(again)), 200))
    house.pass_time(50)

    assert sorted(lines(publish(house, "presence", OPEN, PIDF))) == ["200 PUBLISH", "NOTIFY"]


def test_d21_nothing_is_left_of_watchers_and_what_they_watched(house: House) -> None:
    watch(house, "presence", ("Expires", "60"))
    publish(house, "presence", OPEN, PIDF, 1, ("Expires", "60"))
    for _ in range(110):
        for message in house.pass_time(1):
            if isinstance(message, Request):
                house.receive(make_response(message, 200))

    assert house.engine.store.statistics().calls == 0


def test_d21_one_watcher_too_many_is_answered_and_not_told_of_changes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchers, "MAX_WATCHERS", 1)
    watch(house, "presence")
    other = house.receive(subscribe(house, "presence", tag="x").with_header("Call-ID", "w-2"))
    house.receive(make_response(told(other), 200))
    house.pass_time(5)

    assert lines(publish(house, "presence", OPEN, PIDF)).count("NOTIFY") == 1


def test_d21_registrations_come_and_go_before_the_eyes_of_who_watches(house: House) -> None:
    watch(house, "reg")
    house.pass_time(5)
    name = "{urn:ietf:params:xml:ns:reginfo}"

    first = told(register(house, "<sip:bob@192.0.2.2:5070>", 60, 1))
    house.receive(make_response(first, 200))
    contact = root(first).find(f".//{name}contact")
    assert contact is not None
    assert (contact.get("state"), contact.get("expires")) == ("active", "60")
    assert contact.findtext(f"{name}uri") == "sip:bob@192.0.2.2:5070"
    house.pass_time(5)
    assert "NOTIFY" not in lines(register(house, "<sip:bob@192.0.2.2:5070>", 60, 2))
    last = told(house.pass_time(60))
    assert root(last).find(f".//{name}contact") is None
    assert [root(notify).get("version") for notify in (first, last)] == ["1", "2"]


def test_d21_watcher_must_take_what_there_is_to_tell(house: House) -> None:
    refused = house.receive(subscribe(house, "presence", ("Accept", "text/plain, application/cpim-pidf+xml")))

    assert lines(refused) == ["406 SUBSCRIBE"]
    assert "200 SUBSCRIBE" in lines(house.receive(subscribe(house, "presence", ("Accept", "application/*"), tag="x")))


def test_d21_publication_of_another_type_is_415(house: House) -> None:
    (refused,) = publish(house, "presence", b"x", "text/plain")

    assert (lines([refused]), refused.headers.get("accept")) == (["415 PUBLISH"], PIDF)


def proven(house: House, request: Request, user: str, address: tuple[str, int]) -> list[Any]:
    """Send a request, and once more with the password of a user; return what is sent then."""
    (refused,) = house.receive(request, address)
    assert lines([refused]) == [f"401 {request.method}"]
    account = Account("here", user, user[0], frozenset({"house"}))
    ((name, value),) = answer(refused, request, frozenset({"house"}), (account,), 0, "c")
    again = request.with_header(name, value).with_header("CSeq", f"2 {request.method}")
    return house.receive(again.with_first("Via", f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-again-{user}"), address)


@pytest.mark.parametrize(
    ("event", "user", "status"),
    [("presence", "alice", 200), ("message-summary", "alice", 403), ("message-summary", "bob", 200)],
)
def test_d21_what_is_private_is_told_to_its_owner_only(build: Build, event: str, user: str, status: int) -> None:
    house = build(Events, sections=USERS)

    sent = proven(house, subscribe(house, event), user, ALICE)

    assert lines(sent)[0] == f"{status} SUBSCRIBE"


@pytest.mark.parametrize(("user", "status"), [("bob", 200), ("alice", 403)])
def test_d21_only_the_owner_publishes(build: Build, user: str, status: int) -> None:
    house = build(Events, sections=USERS)
    request = house.request("PUBLISH", call_id="p-1", extra=(("Event", "presence"),)).with_body(OPEN, PIDF)

    assert lines(proven(house, request, user, BOB)) == [f"{status} PUBLISH"]
