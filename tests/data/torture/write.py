"""Writes the torture messages as files, one a message: ``python -m tests.data.torture.write``."""

from __future__ import annotations

from pathlib import Path

from tests.data.torture import rfc4475_invalid, rfc4475_layers, rfc4475_valid, rfc5118
from tests.data.torture.case import Case

FOLDER = Path(__file__).parent
CASES: dict[str, tuple[Case, ...]] = {
    "rfc4475": (*rfc4475_valid.CASES, *rfc4475_invalid.CASES, *rfc4475_layers.CASES),
    "rfc5118": rfc5118.CASES,
}


def files() -> dict[Path, bytes]:
    """Return what is written, by file."""
    return {FOLDER / rfc / f"{case.name}.sip": case.data for rfc, cases in CASES.items() for case in cases}


if __name__ == "__main__":
    for path, data in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
