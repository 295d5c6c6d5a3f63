"""What a servlet logs has the ids of its message; DEBUG is logged for dyed messages only, and that changes live."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.servlet import SipRequest, SipServlet
from tests.scenarios.woven import weaving
from tests.server.container.kit import ALICE, BOB, House
from weaver.run import Weaver

INSTRUMENTATION = """
[logging]
dyed_debug = ["ADDR1"]

[monitors.DyeInjection]
enabled = true
properties = { ADDR1 = "192.0.2.1" }
"""

log = logging.getLogger("tests.logging_servlet")


class Logging(SipServlet):
    def do_options(self, request: SipRequest) -> None:
        log.debug("a detail")
        log.warning("a decision")
        request.create_response(200).send()


@pytest.fixture
def weaver(tmp_path: Path) -> Iterator[Weaver]:
    with weaving(tmp_path, INSTRUMENTATION) as running:
        yield running


def records_of(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [record for record in caplog.records if record.name == log.name]


def test_records_of_a_servlet_have_the_ids_of_its_message(
    weaver: Weaver, build: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    house = build(Logging)

    house.receive(house.request("OPTIONS", call_id="dyed"), ALICE)
    house.receive(house.request("OPTIONS", call_id="undyed"), BOB)

    records = records_of(caplog)
    assert [(record.levelname, record.call_id, record.dyes) for record in records] == [
        ("DEBUG", "dyed", "ADDR1,PROTOCOL_SIP"),
        ("WARNING", "dyed", "ADDR1,PROTOCOL_SIP"),
        ("WARNING", "undyed", "PROTOCOL_SIP"),
    ]
    detail, decision, other = (record.context_id for record in records)
    assert detail == decision != other


def test_flags_of_debug_change_with_the_file(
    weaver: Weaver, build: Callable[..., House], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    house = build(Logging)
    file = tmp_path / "instrumentation.toml"
    file.write_text(file.read_text().replace('dyed_debug = ["ADDR1"]', "dyed_debug = []"))
    weaver._reload.try_to_take("the test has changed the file")

    house.receive(house.request("OPTIONS"), ALICE)

    assert [record.levelname for record in records_of(caplog)] == ["WARNING"]
