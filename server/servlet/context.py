"""What the container gives to an application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.servlet.b2bua import B2buaHelper
from server.servlet.factory import SipFactory
from server.servlet.publications import Publications
from server.servlet.registrar import Registrar
from server.servlet.timers import TimerService


@dataclass(frozen=True, slots=True)
class ServletContext:
    """The services of the container for one application.

    Shape: ``settings`` is the ``[settings]`` table of ``app.toml``, with ``[apps.NAME]`` of the server's configuration
    over it; ``server`` holds what an application may know of its surroundings (``demo``, ``sip_address``).
    """

    name: str
    factory: SipFactory
    b2bua: B2buaHelper
    registrar: Registrar
    timers: TimerService
    settings: Mapping[str, Any]
    server: Mapping[str, Any]
    publications: Publications
