"""What all sections of ``instrumentation.toml`` have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from weaver.config_faults import NOT_EMPTY

Text = Annotated[str, StringConstraints(pattern=NOT_EMPTY)]


class Section(BaseModel):
    """One section: unknown keys and values of another type are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
