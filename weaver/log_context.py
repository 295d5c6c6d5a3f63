"""What ``logging`` knows of the message that is worked on: its ids and dyes in each record, DEBUG for dyed ones only.

Each record has ``call_id``, ``context_id`` and ``dyes``, empty outside of any message, so that a format may name them.
A record that has such an attribute from the program itself (``extra``, a record factory) keeps it: ours are set behind
both, where the logger makes the record.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from weaver.context import DiagnosticContext, current_context, dye_vector
from weaver.dye import SPACE, names_of
from weaver.dye_mask import ALWAYS, parse_mask

NOTHING = ("", "", "")


class DyedDebug(logging.Filter):
    """Lets DEBUG through only for messages that have all dyes of a mask; with an empty mask it lets all through.

    Shape: as a filter of a handler it takes records away. ``required`` has no record made in the first place, and DEBUG
    is there for dyed messages although the level of the logger is a higher one.
    """

    def __init__(self, flags: Iterable[str] = ()) -> None:
        super().__init__()
        self._mask = ALWAYS
        self._undo: Callable[[], None] = _nothing
        self._take(flags)

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record goes through."""
        return record.levelno > logging.DEBUG or self._lets_through()

    def required(self, flags: Iterable[str]) -> None:
        """Have every logger of the process do so, from now on, for other flags; for none they do as they did.

        Errors: UnknownNameError; then nothing has changed.
        """
        self._take(flags)
        self._undo()
        self._undo = _nothing if self._mask.is_always else _replaced("isEnabledFor", self._asked_before)

    def _take(self, flags: Iterable[str]) -> None:
        mask = parse_mask(flags)
        SPACE.want_always(self._mask.flags, mask.flags)
        self._mask = mask

    def _lets_through(self) -> bool:
        return self._mask.matches(dye_vector())

    def _asked_before(self, is_enabled: Callable[..., bool]) -> Callable[..., bool]:
        def asked(logger: logging.Logger, level: int) -> bool:
            if level > logging.DEBUG or self._mask.is_always:
                return is_enabled(logger, level)
            return self._lets_through() and not logger.disabled and logger.manager.disable < level

        return asked


def follow_logging() -> Callable[[], None]:
    """Have each record that is made carry the facts of its message; return what ends that."""
    return _replaced("makeRecord", _with_facts)


def _with_facts(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def made(logger: logging.Logger, *arguments: Any, **more: Any) -> logging.LogRecord:
        record = make(logger, *arguments, **more)
        context = current_context.get()
        call_id, context_id, dyes = NOTHING if context is None else _facts_of(context)
        there = record.__dict__.setdefault
        there("call_id", call_id)
        there("context_id", context_id)
        there("dyes", dyes)
        return record

    return made


def _facts_of(context: DiagnosticContext) -> tuple[str, str, str]:
    try:
        dyes = ",".join(names_of(context.vector)) if context.vector else ""
        return str(context.facts.get("call_id") or ""), context.id, dyes
    except Exception:  # noqa: BLE001 - a message that nobody can read must not keep its log line away
        return NOTHING


def _replaced(name: str, around: Callable[[Any], Callable[..., Any]]) -> Callable[[], None]:
    """Put something around a method of all loggers; return what takes it away, unless somebody else came after."""
    before = getattr(logging.Logger, name)
    ours = around(before)
    setattr(logging.Logger, name, ours)

    def undo() -> None:
        if getattr(logging.Logger, name) is ours:
            setattr(logging.Logger, name, before)

    return undo


def _nothing() -> None:
    return
