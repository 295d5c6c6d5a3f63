"""Dye flags, masks and rules over the running server: the rows of the original's tables, and what a rule dyes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from werkzeug.test import Client

from server.node import Node
from server.testing.phone import ScriptedPhone
from tests.scenarios.woven import weaving
from weaver.event import Event
from weaver.run import Weaver

pytestmark = pytest.mark.slow

MONITORS = """
[monitors.DyeInjection]
enabled = true

[monitors.Http]
kind = "custom"
pointcut = "execution(* apps.click2call.web.*.do_get(..)) or execution(* apps.click2call.web.*.do_post(..))"
actions = ["TraceAction"]

[monitors.Service]
kind = "custom"
pointcut = "execution(* server.engine.turn.process_inbound(..))"
actions = ["TraceAction"]

[monitors.Send]
kind = "custom"
pointcut = "execution(* server.engine.outbound.send_outbound(..))"
actions = ["TraceAction"]
"""


@pytest.fixture
def weaver(tmp_path: Path) -> Iterator[Weaver]:
    with weaving(tmp_path, MONITORS) as running:
        yield running


@pytest.fixture
def web(weaver: Weaver, node: Node) -> Client:
    del weaver
    assert node.http is not None
    return Client(node.http._server.application)


def events(weaver: Weaver, monitor: str) -> list[Event]:
    return [event for event in weaver.buffer.recent() if event.monitor == monitor]


def facts(event: Event) -> dict[str, Any]:
    return event.context_payload or {}


HTTP_ROWS = [
    ("ADDR1", {"ADDR1": "127.0.0.1"}, {}, True),
    ("ADDR2", {"ADDR2": "10.0.0.1"}, {}, False),
    ("USER1", {"USER1": "alice"}, {"REMOTE_USER": "alice"}, True),
    ("USER2", {"USER2": "alice"}, {"REMOTE_USER": "bob"}, False),
    ("COOKIE1", {"COOKIE1": "red"}, {"HTTP_COOKIE": "weaver.diagnostics.dye=red"}, True),
    ("COOKIE4", {"COOKIE4": "red"}, {"HTTP_COOKIE": "weaver.diagnostics.dye=blue"}, False),
    ("QUERY1", {"QUERY1": "trace=on"}, {"QUERY_STRING": "trace=on"}, True),
    ("QUERY4", {"QUERY4": "trace=on"}, {"QUERY_STRING": "trace=off"}, False),
    ("PROTOCOL_HTTP", {}, {}, True),
    ("PROTOCOL_SSL", {}, {}, False),
    ("PROTOCOL_SSL", {}, {"wsgi.url_scheme": "https"}, True),
    ("PROTOCOL_SIP", {}, {}, False),
    ("THROTTLE", {"THROTTLE_RATE": "1"}, {}, True),
    ("THROTTLE", {"THROTTLE_RATE": "2"}, {}, False),
    ("CONNECTOR1", {}, {}, False),
    *((f"PROTOCOL_{name}", {}, {}, False) for name in ("IIOP", "JRMP", "RMI", "SOAP", "T3")),
]


def test_flags_of_http_requests(weaver: Weaver, web: Client) -> None:
    wrong = []
    plain = Client(web.application, use_cookies=False)
    for flag, properties, environ, expected in HTTP_ROWS:
        weaver.registry.set("DyeInjection", properties=properties)
        weaver.registry.set("Http", enabled=True, dye_mask=[flag])
        before = len(events(weaver, "Http"))
        plain.get("/config", environ_overrides={"REMOTE_ADDR": "127.0.0.1", **environ})
        if len(events(weaver, "Http")) - before != expected:
            wrong.append((flag, properties, environ))

    assert wrong == []


def test_requests_of_one_connection_have_their_own_dyes_each(weaver: Weaver, web: Client, node: Node) -> None:
    weaver.registry.set("DyeInjection", properties={"COOKIE1": "red"})
    weaver.registry.set("Http", enabled=True, dye_mask=["COOKIE1"])
    cookies = ["red", "blue", "red", ""]
    text = "".join(
        f"GET /config?{n} HTTP/1.1\r\nHost: x\r\nCookie: weaver.diagnostics.dye={value}\r\n\r\n"
        for n, value in enumerate(cookies)
    )

    assert node.http is not None
    with gevent.socket.create_connection(node.http.local) as connection:
        connection.sendall(text.encode())
        answered = b""
        while answered.count(b"HTTP/1.1 200") < len(cookies):
            answered += connection.recv(65_536)

    assert len(events(weaver, "Http")) == 2


MASK_ROWS: list[tuple[dict[str, Any], bool, bool]] = [
    ({"enabled": False, "dye_mask": []}, True, False),
    ({"dye_mask": ["ADDR2"], "dye_filtering": False}, True, True),
    ({"dye_mask": ["ADDR1", "PROTOCOL_HTTP"]}, True, True),
    ({"dye_mask": ["ADDR1", "PROTOCOL_SIP"]}, True, False),
    ({"dye_mask": ["ADDR1"]}, True, True),
    ({"dye_mask": []}, True, True),
    ({"dye_mask": "ADDR1 and not PROTOCOL_SIP"}, True, True),
    ({"dye_mask": "ADDR2 or PROTOCOL_SIP"}, True, False),
    ({"dye_mask": "not (ADDR2 or PROTOCOL_SIP)"}, True, True),
    ({"dye_mask": ["ADDR1"]}, False, False),
    ({"dye_mask": []}, False, True),
]


def test_masks_and_filtering(weaver: Weaver, web: Client) -> None:
    wrong = []
    for settings, injection, fired in MASK_ROWS:
        weaver.registry.set("DyeInjection", enabled=injection, properties={"ADDR1": "127.0.0.1"})
        weaver.registry.set("Http", **{"enabled": True, "dye_filtering": True, **settings})
        before = len(events(weaver, "Http"))
        web.get("/config", environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
        if (len(events(weaver, "Http")) > before) is not fired:
            wrong.append((settings, injection))

    assert wrong == []


def start(web: Client, alice: ScriptedPhone, bob: ScriptedPhone) -> str:
    web.get("/")
    started = json.loads(web.post("/calls", json={"caller": alice.uri, "callee": bob.uri}).data)
    with gevent.Timeout(5):
        while json.loads(web.get(f"/calls/{started['id']}").data)["state"] != "answered":
            gevent.sleep(0.02)
    return str(started["id"])


def test_rule_for_one_party_dyes_both_legs_and_the_http_requests_of_the_call_and_nothing_else(
    weaver: Weaver, web: Client, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    alice, bob = phones
    weaver.registry.rules.add("callee", bob.uri, "BOB", reason="ticket 17")
    for name in ("Http", "Service", "Send"):
        weaver.registry.set(name, enabled=True, dye_mask=["BOB"])
    assert node.http is not None
    other = Client(node.http._server.application)
    other.get("/")

    call = start(web, alice, bob)
    web.delete(f"/calls/{call}")
    assert bob.wait_for(lambda: any(line.startswith("BYE") for line in bob.received))

    key = call[-20:]
    sent = [facts(event) for event in events(weaver, "Send")]
    assert {fact["call_key"] for fact in sent} == {key}
    assert len({fact["call_id"] for fact in sent}) == 2
    assert {facts(event)["call_key"] for event in events(weaver, "Service")} == {key}
    assert {facts(event)["path"] for event in events(weaver, "Http")} == {f"/calls/{call}"}


def test_rule_for_a_cookie_dyes_the_call_that_its_browser_starts(
    weaver: Weaver, web: Client, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    alice, bob = phones
    weaver.registry.rules.add("cookie", "red", "RED")
    weaver.registry.set("Send", enabled=True, dye_mask=["RED"])
    web.set_cookie("weaver.diagnostics.dye", "red")

    call = start(web, alice, bob)

    sent = [facts(event) for event in events(weaver, "Send")]
    assert {fact["call_key"] for fact in sent} == {call[-20:]}
    assert {"INVITE", "ACK"} <= {fact["method"] for fact in sent}


def test_user_of_the_registrar_is_dyed_from_where_he_is_known(weaver: Weaver, node: Node) -> None:
    weaver.registry.set("DyeInjection", properties={"USER1": "carol"})
    weaver.registry.rules.add("user", "carol", "CAROL")
    weaver.registry.set("Send", enabled=True, dye_mask=["CAROL"])
    weaver.registry.set("Service", enabled=True, dye_mask=["CAROL"])
    carol = ScriptedPhone("carol", node.udp.local)

    carol.start()
    assert carol.registered.wait(5)
    carol.stop()

    answered = next(event for event in events(weaver, "Send") if facts(event)["method"] == "REGISTER")
    assert "CAROL" in (answered.payload or {})["dyes"]
    assert facts(answered)["status"] == 200
    assert [event for event in events(weaver, "Service") if facts(event).get("method") == "REGISTER"] == []
