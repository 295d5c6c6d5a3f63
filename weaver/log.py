"""A logger that is made when it first speaks: ``logging`` imports ``threading``, which gevent may not have patched."""

from __future__ import annotations

from typing import Any


class Log:
    """Stands for ``logging.getLogger(name)``."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        import logging

        return getattr(logging.getLogger(self._name), name)
