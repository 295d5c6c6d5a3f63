"""Takes a changed ``instrumentation.toml`` into the running program: read, judge, compare, apply all of it or nothing.

What cannot change while the program runs is named and left as it was at start. Nothing here waits, so no other task
sees a half of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from weaver.config import Draft, InstrumentationConfig, read_draft
from weaver.config_changes import Change, Row, monitor_changes, plain
from weaver.config_faults import Fault
from weaver.config_values import plugin_names, value_faults
from weaver.errors import WeaverError, describe_error
from weaver.log import AUDIT, Log
from weaver.registry import Registry

log = Log(__name__)
audit = Log(AUDIT)

Apply = Callable[[InstrumentationConfig], object]
"""Takes what a section says into the running program; called with the configuration before to take it back."""
_OF_MONITORS = ("monitors", "pointcuts")
"""Sections that can always change: monitors, and the pointcuts that these use by name."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A configuration that is in use, with the file that it was read from."""

    draft: Draft
    config: InstrumentationConfig


class Reload:
    """The configuration of a program, and its change.

    Shape: ``live`` says for each section that can change how its values are taken over; monitors always can.
    """

    def __init__(self, path: Path, registry: Registry, flags: Collection[str], live: Mapping[str, Apply]) -> None:
        self.path = path
        self._registry = registry
        self._flags = flags
        self._live = live
        self._taken: Taken | None = None

    @property
    def taken(self) -> Taken:
        """The configuration in use.

        Errors: WeaverError before the first one was taken.
        """
        if self._taken is None:
            raise WeaverError("no configuration has been taken yet")
        return self._taken

    def begin(self, draft: Draft, config: InstrumentationConfig) -> None:
        """Take the first configuration, which is checked: all of its monitors are new.

        Errors: InstrumentationConfigError; then nothing was taken.
        """
        none = config.model_copy(update={"monitors": {}})
        draft.checked(apply_changes(list(monitor_changes(none, config, self._registry))))
        self._taken = Taken(draft, config)

    def diff(self, path: Path, text: str) -> list[Row]:
        """Return what would change if the file said this; nothing changes.

        Errors: InstrumentationConfigError with every fault.
        """
        _, config = self._checked(path, text)
        return [*self._restarts(config), *(row for change in self._changes(config) for row in change.rows)]

    def take(self, cause: str) -> list[Row]:
        """Take the file as it is now; return what has changed, and what waits for a restart.

        Shape: ``cause`` is for the log, which has the outcome, too.
        Errors: InstrumentationConfigError with every fault; then nothing has changed.
        """
        try:
            rows = self._take()
        except WeaverError as error:
            log.error("%s: %s is not taken, what was before stays:\n%s", cause, self.path, error)
            raise
        audit.info("%s: %s is taken; %s", cause, self.path, ", ".join(map(str, rows)) or "nothing has changed")
        return rows

    def try_to_take(self, cause: str) -> None:
        """Take the file; what is wrong with it stands in the log."""
        with contextlib.suppress(WeaverError):
            self.take(cause)

    def _take(self) -> list[Row]:
        draft, config = self._checked(self.path)
        changes = self._changes(config)
        draft.checked(apply_changes(changes))
        rows = [*self._restarts(config), *(row for change in changes for row in change.rows)]
        kept = {name: getattr(self.taken.config, name) for name in self._waiting(config)}
        self._taken = Taken(draft, config.model_copy(update=kept))
        return rows

    def _checked(self, path: Path, text: str | None = None) -> tuple[Draft, InstrumentationConfig]:
        draft = read_draft(path, text)
        faults = value_faults(draft, self._registry, self._flags)
        if faults and plugin_names(draft) != self.taken.config.weaver.plugins:
            faults.append(Fault(("weaver", "plugins"), "what other plugins bring is known after a restart only"))
        return draft, draft.checked(faults)

    def _changes(self, config: InstrumentationConfig) -> list[Change]:
        """Return all changes, those of sections first: monitors may use their pointcuts."""
        before = self.taken.config
        sections = [
            Change(rows, *_steps(apply, before, config))
            for name, apply in self._live.items()
            if (rows := _section_rows(before, config, name, "set"))
        ]
        return [*sections, *monitor_changes(before, config, self._registry)]

    def _waiting(self, config: InstrumentationConfig) -> Iterator[str]:
        """Yield the sections that differ and cannot change now."""
        for name in InstrumentationConfig.model_fields:
            is_live = name in _OF_MONITORS or name in self._live
            if not is_live and _section_rows(self.taken.config, config, name, "restart"):
                yield name

    def _restarts(self, config: InstrumentationConfig) -> Iterator[Row]:
        for name in self._waiting(config):
            yield from _section_rows(self.taken.config, config, name, "restart")


def apply_changes(changes: Iterable[Change]) -> list[Fault]:
    """Make changes; when one fails, take back those that were made, and return why."""
    done: list[Change] = []
    for change in changes:
        done.append(change)
        try:
            change.do()
        except Exception as error:  # noqa: BLE001 - whatever it was, the others are taken back
            for one in reversed(done):
                _take_back(one)
            reason = str(error) if isinstance(error, WeaverError) else describe_error(error)
            return [Fault(change.rows[0].keys, f"cannot be changed: {reason}")]
    return []


def _take_back(change: Change) -> None:
    try:
        change.undo()
    except Exception:
        log.exception("%s could not be taken back", ".".join(change.rows[0].keys))


def _steps(
    apply: Apply, before: InstrumentationConfig, after: InstrumentationConfig
) -> tuple[Callable[[], object], Callable[[], object]]:
    return lambda: apply(after), lambda: apply(before)


def _section_rows(before: InstrumentationConfig, after: InstrumentationConfig, name: str, kind: Any) -> tuple[Row, ...]:
    """Return a row for each value of a section that differs."""
    old, new = _values(before, name), _values(after, name)
    return tuple(
        Row(keys, kind, plain(old.get(keys)), plain(new.get(keys)))
        for keys in dict.fromkeys((*old, *new))
        if old.get(keys) != new.get(keys)
    )


def _values(config: InstrumentationConfig, name: str) -> dict[tuple[str, ...], object]:
    """Return the values of a section by their keys; a section that is no table is one value."""
    section = getattr(config, name)
    values = section.model_dump() if isinstance(section, BaseModel) else section
    return {(name, key): value for key, value in values.items()} if isinstance(values, dict) else {(name,): values}
