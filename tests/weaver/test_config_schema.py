"""The schema for editors says what the models say."""

import json
import re
from pathlib import Path
from typing import Any

from docs.sources import instrumentation_settings
from weaver.config_schema import SHIPPED, schema_text

SCHEMA: dict[str, Any] = json.loads(SHIPPED.read_text())
ROOT = Path(__file__).parents[2]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def setting(key: str) -> dict[str, Any]:
    found = SCHEMA
    for part in key.split("."):
        found = resolved(found)
        found = (
            found["properties"].get(part.removesuffix("[]")) or {} if part != "NAME" else found["additionalProperties"]
        )
        found = found["items"] if part.endswith("[]") else found
    return found


def test_shipped_schema_is_that_of_the_models() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == schema_text(), "run `make docs` and commit what it writes"


def test_every_setting_is_described() -> None:
    keys = [one.key for one in instrumentation_settings() if not one.key.endswith(".NAME")]

    assert len(keys) > 20
    assert [key for key in keys if not setting(key).get("description")] == []


def test_unknown_keys_are_faults_in_an_editor_too() -> None:
    sections = [SCHEMA, *SCHEMA["$defs"].values()]

    assert [one["description"] for one in sections if one.get("additionalProperties") is not False] == []


def test_titles_that_repeat_the_keys_are_left_out() -> None:
    assert re.findall('"title": "(.*)"', SHIPPED.read_text()) == ["instrumentation.toml"]


def test_shipped_file_names_the_schema_for_editors() -> None:
    first = (ROOT / "instrumentation.toml").read_text().splitlines()[0]

    assert ROOT / first.removeprefix("#:schema ") == SHIPPED
