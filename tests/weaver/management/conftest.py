"""An admin socket over a fake registry."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.management.fakes import FakeRegistry
from weaver.event import EventBuffer
from weaver.gevent_support import GeventRuntime
from weaver.management.methods import standard_methods
from weaver.management.session import Limits
from weaver.management.socket import AdminSocket

OpenSocket = Callable[..., AdminSocket]


@pytest.fixture
def events() -> EventBuffer:
    return EventBuffer()


@pytest.fixture
def open_socket(tmp_path: Path, events: EventBuffer) -> Iterator[OpenSocket]:
    opened: list[AdminSocket] = []

    def open_one(
        file: str = "web-1.sock", name: str = "web", registry: Any = None, more: Any = None, **limits: Any
    ) -> AdminSocket:
        methods = {**standard_methods(registry or FakeRegistry(), events), **(more or {})}
        runtime = GeventRuntime()
        admin = AdminSocket(tmp_path / file, methods, events, runtime, name=name, limits=Limits(**limits))
        admin.start()
        opened.append(admin)
        return admin

    yield open_one
    for admin in opened:
        admin.stop()
