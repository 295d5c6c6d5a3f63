"""Houses that are closed when the test ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from server.servlet import B2buaServlet, SipServlet
from tests.server.container.kit import House


@pytest.fixture
def build() -> Iterator[Callable[..., House]]:
    with ExitStack() as stack:

        def built(*servlets: type[SipServlet], **more: Any) -> House:
            house = House(*servlets, **more)
            stack.callback(house.close)
            return house

        yield built


@pytest.fixture
def relay(build: Callable[..., House]) -> House:
    """A house that relays every call to its target."""
    return build(B2buaServlet)
