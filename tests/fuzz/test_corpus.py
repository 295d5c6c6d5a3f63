"""The kept corpus once through every target: what fuzzing has found stays mended."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_F1_kept_inputs_raise_nothing(name: str) -> None:
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs

    for path in inputs:
        TARGETS[name](path.read_bytes())
