import json
from typing import Any

import gevent
import pytest
from werkzeug.test import Client

from server.node import Node
from server.testing.phone import ScriptedPhone

Phones = tuple[ScriptedPhone, ScriptedPhone]
pytestmark = pytest.mark.slow


def client(node: Node, cookies: bool = True) -> Client:
    assert node.http is not None
    return Client(node.http._server.application, use_cookies=cookies)


def call(web: Client, caller: str, callee: str) -> tuple[int, dict[str, Any]]:
    answer = web.post("/calls", json={"caller": caller, "callee": callee})
    return answer.status_code, json.loads(answer.data)


def wait_state(web: Client, call_id: str, *states: str) -> dict[str, Any]:
    with gevent.Timeout(5):
        while True:
            shown: dict[str, Any] = json.loads(web.get(f"/calls/{call_id}").data)
            if shown["state"] in states:
                return shown
            gevent.sleep(0.01)


def test_B4_two_phones_are_joined_and_the_page_hangs_up(node: Node, phones: Phones) -> None:
    alice, bob = phones
    web = client(node)

    status, started = call(web, alice.uri, bob.uri)
    wait_state(web, started["id"], "answered")
    ended = json.loads(web.delete(f"/calls/{started['id']}").data)

    assert (status, started["state"], ended["state"]) == (201, "calling", "ended")
    for phone in phones:
        assert phone.wait_for(lambda phone=phone: any(line.startswith("BYE") for line in phone.received))
        assert any(line.startswith("ACK") for line in phone.received)


def test_callee_hangs_up_and_both_legs_end(node: Node, phones: Phones) -> None:
    alice, bob = phones
    bob.talk = 0.05
    web = client(node)

    _, started = call(web, alice.uri, bob.uri)
    wait_state(web, started["id"], "ended")

    assert alice.wait_for(lambda: any(line.startswith("BYE") for line in alice.received))


def test_callee_who_rings_long_is_joined_by_flow_iii(node: Node, phones: Phones) -> None:
    alice, bob = phones
    bob.ring = 0.6
    web = client(node)

    _, started = call(web, alice.uri, bob.uri)
    wait_state(web, started["id"], "answered")

    assert alice.wait_for(lambda: sum(line.startswith("INVITE") for line in alice.received) == 2)
    assert alice.wait_for(lambda: sum(line.startswith("ACK") for line in alice.received) == 2)
    web.delete(f"/calls/{started['id']}")


@pytest.mark.parametrize(("status", "words"), [(486, "busy"), (603, "declined"), (480, "switched off")])
def test_refusal_of_the_callee_is_shown_in_plain_words(node: Node, phones: Phones, status: int, words: str) -> None:
    alice, bob = phones
    bob.final = status
    web = client(node)

    _, started = call(web, alice.uri, bob.uri)
    shown = wait_state(web, started["id"], "failed")

    assert shown["status"] == status
    assert words in shown["reason"]
    assert alice.wait_for(lambda: any(line.startswith(("BYE", "CANCEL")) for line in alice.received))


def test_hang_up_while_ringing_cancels(node: Node, phones: Phones) -> None:
    alice, bob = phones
    alice.ring = 2.0
    web = client(node)

    _, started = call(web, alice.uri, bob.uri)
    wait_state(web, started["id"], "ringing")
    web.delete(f"/calls/{started['id']}")

    assert alice.wait_for(lambda: any(line.startswith("CANCEL") for line in alice.received))
    assert wait_state(web, started["id"], "ended")["state"] == "ended"


def test_one_application_session_holds_http_and_both_sip_sessions(node: Node, phones: Phones) -> None:
    alice, bob = phones
    web = client(node)

    _, started = call(web, alice.uri, bob.uri)
    wait_state(web, started["id"], "answered")
    key = started["id"][-20:]
    stored = node.engine.store.peek(key)

    assert stored is not None
    sessions = node.container.sessions_of(stored[1])
    assert (len(sessions.applications), len(sessions.https), len(sessions.sips)) == (1, 1, 2)
    web.delete(f"/calls/{started['id']}")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"caller": "nonsense", "callee": "sip:bob@127.0.0.1"}, 400, "caller"),
        ({"caller": "sip:a@127.0.0.1"}, 400, "callee"),
        ({"caller": "sip:a@127.0.0.1", "callee": 7}, 400, "callee"),
        ({"caller": "sip:a@127.0.0.1", "callee": "sip:b@10.1.2.3"}, 403, "callee"),
        ({"caller": "tel:+4930", "callee": "sip:b@127.0.0.1"}, 400, "caller"),
        ({"caller": "sip:a@127.0.0.1", "callee": "sip:b@127.0.0.1\r\nX: y"}, 400, "callee"),
        ({"caller": "sip:a@127.0.0.1", "callee": "sip:b@127.0.0.1", "x": 1}, 400, "x"),
        ([1], 400, ""),
    ],
)
def test_bad_form_value_names_its_field(node: Node, body: object, status: int, field: str) -> None:
    answer = client(node).post("/calls", json=body)

    assert (answer.status_code, json.loads(answer.data)["field"]) == (status, field)


def test_unregistered_callee_fails_with_404(node: Node, phones: Phones) -> None:
    web = client(node)
    host, port = node.udp.local

    _, started = call(web, phones[0].uri, f"sip:nobody@{host}:{port}")
    shown = wait_state(web, started["id"], "failed")

    assert (shown["status"], shown["reason"]) == (404, "the callee: nobody is registered under this address")


def test_rate_of_one_session_is_capped_and_another_is_not(node: Node) -> None:
    web, host, port = client(node), *node.udp.local
    web.get("/")
    target = f"sip:nobody@{host}:{port}"

    codes = [call(web, target, target)[0] for _ in range(6)]

    assert codes == [201] * 5 + [429]
    assert call(client(node), target, target)[0] == 201


def test_call_of_a_foreign_page_is_refused(node: Node) -> None:
    answer = client(node).post(
        "/calls",
        json={"caller": "sip:a@127.0.0.1", "callee": "sip:b@127.0.0.1"},
        headers={"Origin": "http://evil.test"},
    )

    assert answer.status_code == 403


def test_page_and_its_files_are_served(node: Node) -> None:
    web = client(node)

    assert b"Click to call" in web.get("/").data
    assert json.loads(web.get("/config").data)["demo"] is True
    assert web.get("/page.js").headers["Content-Type"].startswith("text/javascript")
    assert (web.get("/nothing").status_code, web.get("/calls/x").status_code, web.put("/calls").status_code) == (
        404,
        404,
        405,
    )


def test_phone_calls_phone_through_the_server(node: Node, phones: Phones) -> None:
    alice, bob = phones

    dialled = alice.dial(bob.uri)
    assert alice.wait_for(lambda: bool(alice._dialogs[dialled].log))
    assert bob.wait_for(lambda: any(line.startswith("ACK") for line in bob.received))
    alice.hang_up(dialled)

    assert bob.wait_for(lambda: any(line.startswith("BYE") for line in bob.received))
    assert alice.wait_for(lambda: "SIP/2.0 200 OK" in alice.received)


def test_phone_may_not_call_outside(node: Node, phones: Phones) -> None:
    alice, _ = phones

    alice.dial("sip:expensive@10.1.2.3")

    assert alice.wait_for(lambda: any(line.startswith("SIP/2.0 403") for line in alice.received))


def test_ended_calls_leave_no_living_session_behind(node: Node, phones: Phones) -> None:
    alice, bob = phones
    dialled = alice.dial(bob.uri)
    assert bob.wait_for(lambda: any(line.startswith("ACK") for line in bob.received))
    alice.hang_up(dialled)
    assert bob.wait_for(lambda: any(line.startswith("BYE") for line in bob.received))
    gevent.sleep(0.05)

    states = [node.container.sessions_of(entry.state) for entry in node.engine.store._entries.values() if entry.state]  # type: ignore[attr-defined]

    # one that has sent a BYE stays until that transaction has ended
    assert {record.state for sessions in states for record in sessions.sips.values()} <= {"TERMINATED"}
