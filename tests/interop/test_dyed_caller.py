"""A thousand calls at the same time, and one caller among them is dyed while they run: only his call tells anything."""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from tests.interop.conftest import StartServer, StartSipp
from tests.interop.processes import ROOT, ServerProcess, free_ports, wait_until
from weaver.cli.client import Client

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(300)]

CALLS, RATE = 1000, 50
DYED, WHEN = 700, 500
"""The call of the dyed caller, and the call at which the rule comes."""

MONITORS = {
    "Inbound": "execution(* server.engine.turn.process_inbound(..))",
    "Outbound": "execution(* server.engine.outbound.send_outbound(..))",
    "Http": "execution(* apps.click2call.web.CallsServlet.do_*(..))",
}
SENT = Counter({"INVITE": 2, "ACK": 2, "BYE": 2})
RECEIVED = Counter({("INVITE", 180): 2, ("INVITE", 200): 2, ("BYE", 200): 2})


class Browser:
    """Asks the server for JSON, with the cookies that it has given."""

    def __init__(self, server: ServerProcess) -> None:
        self._url = f"http://{server.bound['http']}"
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)
        with self._opener.open(request, timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read() or b"{}")
        return found


def test_only_the_dyed_one_of_a_thousand_calls_tells_anything(
    start_server: StartServer, start_sipp: StartSipp, tmp_path: Path
) -> None:
    first_port, second_port = free_ports(2)
    first, second = start_sipp("first_phone", first_port, CALLS), start_sipp("callee", second_port, CALLS)
    file, socket = str(ROOT / "instrumentation.toml"), tmp_path / "admin.sock"
    server = start_server(
        "apps.click2call", "--instrumentation", file, "--admin-socket", str(socket), module="weaver.run"
    )
    browsers = [Browser(server) for _ in range(CALLS)]
    dyed = f"sip:u{DYED}@127.0.0.1:{first_port}"

    def call(number: int) -> str:
        threading.Event().wait(max(0.0, begin + number / RATE - time.monotonic()))
        if number == WHEN:
            dye_the_caller(socket, dyed)
        parties = [f"sip:{one}{number}@127.0.0.1:{port}" for one, port in (("u", first_port), ("v", second_port))]
        return str(browsers[number].ask("POST", "/calls", dict(zip(("caller", "callee"), parties, strict=True)))["id"])

    begin = time.monotonic() + 0.2
    with ThreadPoolExecutor(20) as callers:
        calls = list(callers.map(call, range(CALLS)))
        states = list(callers.map(lambda one: wait_answered(server, one), calls))
        list(callers.map(lambda n: browsers[n].ask("DELETE", f"/calls/{calls[n]}"), range(CALLS)))
    outcomes = [(c.successful, c.failed, c.exit_code) for c in (phone.counts(timeout=60) for phone in (first, second))]
    with Client(socket) as operator:
        told = operator.call("event.recent", limit=1000)

    assert states == ["answered"] * CALLS
    assert outcomes == [(CALLS, 0, 0)] * 2
    of = {name: [event for event in told if event["monitor"] == name] for name in MONITORS}
    facts = {name: [event["context_payload"] for event in events] for name, events in of.items()}
    assert sum(map(len, of.values())) == len(told)
    assert {fact["call_key"] for name in ("Inbound", "Outbound") for fact in facts[name]} == {calls[DYED][-20:]}
    assert Counter(fact["method"] for fact in facts["Outbound"]) == SENT
    received = Counter((f["method"], f["status"]) for f in facts["Inbound"] if f.get("status"))
    assert received == RECEIVED
    assert {fact["path"] for fact in facts["Http"]} <= {"/calls", f"/calls/{calls[DYED]}"}
    (ended,) = [event for event in of["Http"] if event["method"] == "do_delete"]
    byes = [one["context_id"] for one in of["Outbound"] if one["context_payload"]["method"] == "BYE"]
    assert byes == [ended["context_id"]] * 2


def dye_the_caller(socket: Path, uri: str) -> None:
    """Dye a caller, and have the monitors look at him only."""
    with Client(socket) as operator:
        operator.call("dye.add", kind="callee", value=uri, name="CALLER", reason="his calls fail")
        for name, pointcut in MONITORS.items():
            attributes = {"enabled": True, "dye_mask": ["CALLER"], "actions": ["TraceAction"]}
            operator.call("monitor.add", name=name, pointcut=pointcut, attributes=attributes)


def wait_answered(server: ServerProcess, call: str) -> str:
    """Return the state of a call once it is up or over."""

    def state() -> str | None:
        found = str(server.ask("GET", f"/calls/{call}")[1].get("state"))
        return found if found in {"answered", "ended", "failed"} else None

    return str(wait_until(state, 60, f"call {call} is answered"))
