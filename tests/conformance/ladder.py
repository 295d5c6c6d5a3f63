"""What a house sends, as lines with the time: for calls that are played message by message under a manual clock."""

from collections.abc import Iterable

from server.sip.message import Request, Response
from tests.server.container.kit import House, lines

Message = Request | Response

QUARTER = 0.25
"""Seconds of one step: all the deadlines of the default timers are multiples of it, and sums of it are exact."""


def timeline(house: House, seconds: float) -> list[tuple[float, str]]:
    """Let time pass in small steps; return what is sent, with the time since the beginning."""
    found = []
    for step in range(1, int(seconds / QUARTER) + 1):
        found += [(step * QUARTER, line) for line in lines(house.pass_time(QUARTER))]
    return found


def times(found: Iterable[tuple[float, str]], line: str) -> list[float]:
    """Return when a line was sent."""
    return [at for at, sent in found if sent == line]


def one(messages: Iterable[Message], line: str) -> Message:
    """Return the one message that reads so in short."""
    (found,) = [message for message in messages if lines([message]) == [line]]
    return found


def request_of(messages: Iterable[Message], method: str) -> Request:
    """Return the one request of that method."""
    found = one(messages, method)
    assert isinstance(found, Request)
    return found
