"""A logger that is made when it first speaks: ``logging`` imports ``threading``, which gevent may not have patched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

AUDIT = "weaver.audit"
"""The logger that tells who has changed what."""


class Log:
    """Stands for ``logging.getLogger(name)``."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        import logging

        return getattr(logging.getLogger(self._name), name)


def keep_audit() -> Callable[[], None]:
    """Have the audit log told whatever level the program logs at, unless it has one for that; return what ends it."""
    import logging

    logger = logging.getLogger(AUDIT)
    if logger.level != logging.NOTSET:
        return lambda: None
    logger.setLevel(logging.INFO)
    return lambda: logger.setLevel(logging.NOTSET)
