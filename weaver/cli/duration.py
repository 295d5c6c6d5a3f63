"""Times on the command line: ``90s``, ``10m``, ``1h30m``, or seconds."""

from __future__ import annotations

import re

import click

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_seconds(text: str) -> float:
    """Return the seconds that a text means.

    Errors: ValueError, with the remedy.
    """
    if _WHOLE.fullmatch(text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    elif _NUMBER.fullmatch(text):
        seconds = float(text)
    else:
        raise ValueError(f"{text!r} is no time; write 90s, 10m or 1h30m")
    if not seconds:
        raise ValueError("must be over 0")
    return seconds


def seconds_option(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Turn the value of an option into seconds; for ``callback``."""
    try:
        return None if value is None else parse_seconds(value.strip())
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from error


def format_seconds(seconds: float) -> str:
    """Return a time as it is written on the command line, without parts of a second."""
    left, text = round(seconds), ""
    for unit, length in _UNITS.items():
        number, left = divmod(left, int(length))
        text += f"{number}{unit}" if number else ""
    return text or "0s"
