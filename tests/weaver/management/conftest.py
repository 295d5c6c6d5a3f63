"""An admin socket over a fake registry."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.management.fakes import FakeRegistry
from weaver.event import EventBuffer
from weaver.gevent_support import GeventRuntime
from weaver.look_back import LookBack
from weaver.management.look_back_methods import look_back_methods
from weaver.management.methods import standard_methods
from weaver.management.notice_methods import notice_methods
from weaver.management.session import Limits
from weaver.management.socket import AdminSocket
from weaver.management.watch_methods import watch_methods
from weaver.notices import NoticeBoard
from weaver.watch import ACTIONS
from weaver.watches import Watches

OpenSocket = Callable[..., AdminSocket]


@pytest.fixture
def events() -> EventBuffer:
    return EventBuffer()


@pytest.fixture
def notices() -> NoticeBoard:
    return NoticeBoard()


@pytest.fixture
def look_back() -> LookBack:
    return LookBack()


@pytest.fixture
def watches(notices: NoticeBoard) -> Watches:
    return Watches(notices, {name: lambda _: None for name in ACTIONS}, lambda _: None)


@pytest.fixture
def open_socket(
    tmp_path: Path, events: EventBuffer, notices: NoticeBoard, look_back: LookBack, watches: Watches
) -> Iterator[OpenSocket]:
    opened: list[AdminSocket] = []

    def open_one(
        file: str = "web-1.sock", name: str = "web", registry: Any = None, more: Any = None, **limits: Any
    ) -> AdminSocket:
        methods = {
            **standard_methods(registry or FakeRegistry(), events),
            **notice_methods(notices),
            **look_back_methods(look_back),
            **watch_methods(watches),
            **(more or {}),
        }
        runtime = GeventRuntime()
        admin = AdminSocket(
            tmp_path / file, methods, events, runtime, notices=notices, name=name, limits=Limits(**limits)
        )
        admin.start()
        opened.append(admin)
        return admin

    yield open_one
    for admin in opened:
        admin.stop()
