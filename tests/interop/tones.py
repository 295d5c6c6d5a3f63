"""Tones: a phone says one frequency, the other phone's recording tells which one was heard."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

RATE = 8000
"""Samples a second, 16 bit, one channel."""

HEADER = 44
"""Bytes before the samples of a recording. Its lengths are written when the phone closes it, so nobody reads them."""

WINDOW = 2000
"""Samples that one look at the spectrum takes: frequencies 4 Hz apart."""


def write_tone(path: Path, hertz: int, seconds: int = 60) -> None:
    """Write a sine as a WAV file."""
    period = array("h", (int(12_000 * math.sin(2 * math.pi * hertz * i / RATE)) for i in range(RATE)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(period.tobytes() * seconds)


def heard_seconds(path: Path) -> float:
    """Return how much of a recording is not silence, as far as it was written until now."""
    samples = _samples(path)
    blocks = [samples[at : at + WINDOW] for at in range(0, len(samples) - WINDOW + 1, WINDOW)]
    return sum(1 for block in blocks if max(block) > 1000) * WINDOW / RATE


def heard_hertz(path: Path, candidates: tuple[int, ...]) -> int | None:
    """Return which of the frequencies carries most of the power of the last loud stretch; None when none does."""
    samples = _samples(path)
    for at in range(len(samples) - WINDOW, -1, -WINDOW):
        block = samples[at : at + WINDOW]
        if max(block) > 1000:
            shares = {hertz: _share(block, hertz) for hertz in candidates}
            best = max(candidates, key=lambda hertz: shares[hertz])
            return best if shares[best] > 0.8 else None
    return None


def _samples(path: Path) -> array[int]:
    data = path.read_bytes()[HEADER:]
    return array("h", data[: len(data) // 2 * 2])


def _share(block: array[int], hertz: int) -> float:
    """Return the part of the block's power at one frequency (Goertzel)."""
    factor = 2 * math.cos(2 * math.pi * hertz / RATE)
    last = before = 0.0
    for sample in block:
        last, before = sample + factor * last - before, last
    power = last * last + before * before - factor * last * before
    total = sum(sample * sample for sample in block)
    return 2 * power / (len(block) * total) if total else 0.0
