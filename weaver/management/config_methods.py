"""The methods ``config.*``: the configuration in effect, what a file would change, and taking the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from weaver.management.roles import Role
from weaver.management.rpc import MethodLike, RegisteredMethod, by_name


class DescribedChange(Protocol):
    """One value that changes."""

    def as_json(self) -> dict[str, object]:
        """Return it as plain values."""
        ...


class Reloading(Protocol):
    """What the methods need of the configuration."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    def diff(self, path: Path, text: str) -> list[Any]:
        """Return what would change if the file said this.

        Errors: InstrumentationConfigError with every fault.
        """
        ...

    def take(self, cause: str) -> list[Any]:
        """Take the file as it is now.

        Errors: InstrumentationConfigError with every fault; then nothing has changed.
        """
        ...


def config_methods(reload: Reloading, effective: Callable[[], list[dict[str, Any]]]) -> dict[str, MethodLike]:
    """Return the methods; ``effective`` gives every value with its source."""

    def show() -> dict[str, Any]:
        return {"path": str(reload.path), "values": effective()}

    def diff(text: str, name: str = "") -> dict[str, Any]:
        return {"changes": _as_json(reload.diff(Path(name) if name else reload.path, text))}

    def take(reason: str = "") -> dict[str, Any]:
        rows = reload.take(f"config.reload{f' ({reason})' if reason else ''}")
        return {"path": str(reload.path), "changes": _as_json(rows)}

    methods: Mapping[str, RegisteredMethod] = {
        "config.show": RegisteredMethod(
            by_name(show), "Returns every value of the configuration and where it comes from.", Role.VIEWER
        ),
        "config.diff": RegisteredMethod(by_name(diff), "Returns what a file of this text would change.", Role.VIEWER),
        "config.reload": RegisteredMethod(
            by_name(take), "Takes the instrumentation file as it is now, all of it or nothing.", Role.OPERATOR
        ),
    }
    return dict(methods)


def _as_json(rows: list[DescribedChange]) -> list[dict[str, object]]:
    return [row.as_json() for row in rows]
