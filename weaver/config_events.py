"""The section ``[events]``: where events go, and what they say of the process."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from weaver.config_section import Section, Text


class ArchiveConfig(Section):
    """The archive."""

    path: Text | None = Field(default=None, description="SQLite file that keeps events for queries; unset: none")
    max_bytes: int = Field(
        default=1_000_000_000, ge=1_000_000, description="bytes: size above which the oldest events are retired"
    )
    max_days: int = Field(default=30, ge=0, description="days: age at which events are retired; 0: never")


class EventsConfig(Section):
    """Where events go."""

    ring: int = Field(default=10_000, ge=1, le=1_000_000, description="events: kept in memory")
    text_length: int = Field(default=256, ge=16, le=65_536, description="characters: shown of one text")
    items: int = Field(default=20, ge=1, le=1_000, description="items: shown of one collection")
    depth: int = Field(default=3, ge=1, le=10, description="levels: shown of collections in each other")
    size: int = Field(default=16_384, ge=256, le=1_048_576, description="characters: in the payload of one event")
    domain: str = Field(default="", description="what events say in `domain`")
    server: str | None = Field(
        default=None, description="what events say in `server`, the node; unset: the host's name"
    )
    json_lines: Text | None = Field(default=None, description="file that gets every event as a line of JSON")
    json_lines_max_bytes: int = Field(
        default=100_000_000,
        ge=4_096,
        description="bytes: size at which that file is renamed to `FILE.1`, that one to `FILE.2`, and begun anew",
    )
    json_lines_files: int = Field(default=1, ge=0, le=1_000, description="files: how many of those are kept")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = Field(
        default=None, description="level at which every event is logged, by `weaver.events.MONITOR`; unset: none is"
    )
    archive: ArchiveConfig = Field(default=ArchiveConfig(), description="the archive")
