"""What log records know of the message that is worked on, and DEBUG for dyed messages only."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextvars import Context
from functools import partialmethod
from typing import Any

import pytest

from weaver import context
from weaver.dye import SPACE, mask_of
from weaver.errors import UnknownNameError
from weaver.log_context import DyedDebug, follow_logging

ADDR1 = mask_of(["ADDR1"])


class Keeping(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@pytest.fixture
def kept() -> Iterator[list[Any]]:
    handler, log = Keeping(), logging.getLogger("tests.log_context")
    log.addHandler(handler)
    log.propagate = False
    log.setLevel(logging.INFO)
    leave = follow_logging()
    yield handler.kept
    leave()
    log.removeHandler(handler)


@pytest.fixture
def debug() -> Iterator[DyedDebug]:
    made = DyedDebug()
    yield made
    made.required(())


def in_message(act: Callable[[], object], vector: int = ADDR1, facts: Mapping[str, object] | None = None) -> str:
    """Do something while a message is worked on; return the id of its context."""

    def message() -> str:
        tokens = context.begin(vector, {"call_id": "c-1"} if facts is None else facts)
        act()
        identity = context.context_id()
        context.end(tokens)
        return identity or ""

    return Context().run(message)


def say(*arguments: Any, **more: Any) -> None:
    logging.getLogger("tests.log_context").info("something", *arguments, **more)


def whisper() -> None:
    logging.getLogger("tests.log_context").debug("something")


def test_record_of_a_message_has_its_ids_and_dyes(kept: list[Any]) -> None:
    identity = in_message(say)

    (record,) = kept
    assert (record.call_id, record.context_id, record.dyes) == ("c-1", identity, "ADDR1")


def test_record_outside_of_a_message_has_them_empty_so_that_a_format_may_name_them(kept: list[Any]) -> None:
    Context().run(say)

    assert logging.Formatter("%(message)s|%(call_id)s|%(context_id)s|%(dyes)s").format(kept[0]) == "something|||"


def test_what_the_program_says_under_these_names_stays(kept: list[Any]) -> None:
    identity = in_message(lambda: say(extra={"call_id": "its own"}))

    assert (kept[0].call_id, kept[0].context_id) == ("its own", identity)


def test_record_factory_of_the_program_wins(kept: list[Any]) -> None:
    before = logging.getLogRecordFactory()

    def factory(*arguments: Any, **more: Any) -> logging.LogRecord:
        record = before(*arguments, **more)
        record.dyes = "its own"
        return record

    logging.setLogRecordFactory(factory)
    try:
        in_message(say)
    finally:
        logging.setLogRecordFactory(before)

    assert (kept[0].dyes, kept[0].call_id) == ("its own", "c-1")


def test_message_that_cannot_be_read_is_logged_all_the_same(kept: list[Any]) -> None:
    class Unreadable(dict[str, object]):
        def get(self, *arguments: object) -> Any:
            raise RuntimeError("a fault of a plugin")

    in_message(say, facts=Unreadable())

    assert (kept[0].getMessage(), kept[0].call_id) == ("something", "")


def test_logging_is_as_before_when_it_ends() -> None:
    before = logging.Logger.makeRecord
    follow_logging()()

    assert logging.Logger.makeRecord is before


def test_what_somebody_else_put_around_later_stays() -> None:
    before = logging.Logger.makeRecord
    leave = follow_logging()
    theirs = lambda *arguments: None  # noqa: E731
    logging.Logger.makeRecord = theirs  # type: ignore[method-assign, assignment]
    try:
        leave()
        assert logging.Logger.makeRecord is theirs
    finally:
        logging.Logger.makeRecord = before  # type: ignore[method-assign]


def test_debug_is_there_for_dyed_messages_only(kept: list[Any], debug: DyedDebug) -> None:
    debug.required(["ADDR1"])

    in_message(whisper)
    in_message(whisper, vector=0)
    Context().run(whisper)
    in_message(say, vector=0)

    assert [(record.levelname, record.dyes) for record in kept] == [("DEBUG", "ADDR1"), ("INFO", "")]


def test_flags_of_debug_are_wanted_as_long_as_they_are_required(debug: DyedDebug) -> None:
    before = SPACE.always_wanted
    debug.required(["SIP_ANY_HEADER"])
    assert context.wanted_flags() & mask_of(["SIP_ANY_HEADER"])
    debug.required([])

    assert SPACE.always_wanted == before


def test_debug_is_as_ever_without_flags(kept: list[Any], debug: DyedDebug) -> None:
    before = logging.Logger.isEnabledFor
    debug.required(["ADDR1"])
    debug.required([])
    in_message(whisper)

    assert kept == []
    assert logging.Logger.isEnabledFor is before


def test_debug_is_as_ever_without_flags_even_behind_what_somebody_else_put_around(
    kept: list[Any], debug: DyedDebug
) -> None:
    before = logging.Logger.isEnabledFor
    debug.required(["ADDR1"])
    ours = logging.Logger.isEnabledFor
    logging.Logger.isEnabledFor = partialmethod(ours)  # type: ignore[method-assign, assignment]
    try:
        debug.required([])
        in_message(whisper)
    finally:
        logging.Logger.isEnabledFor = before  # type: ignore[method-assign]

    assert kept == []


def test_logger_that_is_switched_off_says_nothing_of_dyed_messages_either(kept: list[Any], debug: DyedDebug) -> None:
    debug.required(["ADDR1"])
    logging.disable(logging.DEBUG)
    try:
        in_message(whisper)
    finally:
        logging.disable(logging.NOTSET)

    assert kept == []


def test_flag_that_does_not_exist_is_refused_and_nothing_changes(kept: list[Any], debug: DyedDebug) -> None:
    debug.required(["ADDR1"])
    with pytest.raises(UnknownNameError):
        debug.required(["ADDR9"])
    in_message(whisper)

    assert len(kept) == 1


def test_filter_of_a_handler_takes_debug_of_other_messages_away(kept: list[Any]) -> None:
    log = logging.getLogger("tests.log_context")
    log.setLevel(logging.DEBUG)
    handler = log.handlers[0]
    found = DyedDebug(["ADDR1"])
    handler.addFilter(found)
    try:
        in_message(whisper)
        in_message(whisper, vector=0)
        in_message(say, vector=0)
    finally:
        handler.removeFilter(found)
        found.required(())

    assert [record.levelname for record in kept] == ["DEBUG", "INFO"]
