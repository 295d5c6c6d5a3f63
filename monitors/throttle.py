"""The dye flag THROTTLE: some of the requests, by time and by number."""

from __future__ import annotations

import time
from collections.abc import Callable

from monitors.flags import Flag
from monitors.message_facts import Facts, Test
from weaver.api import Plugins

LIMIT = 1_000_000_000


def throttle(interval: str, rate: str, now: Callable[[], float] = time.monotonic) -> Test:
    """Match a request when the last one matched was so long ago, or when it is the n-th; 0 and nothing switch one off.

    Units: ``interval`` milliseconds, ``now()`` seconds.
    """
    wait, every = _number("THROTTLE_INTERVAL", interval) / 1_000, _number("THROTTLE_RATE", rate)
    last, count = -float("inf"), 0

    def test(facts: Facts) -> bool:
        nonlocal last, count
        if not _is_request_that_enters(facts):
            return False
        count += 1
        moment = now() if wait else 0.0
        is_due = bool(wait) and moment - last >= wait
        is_nth = bool(every) and count % every == 0
        if is_due or is_nth:
            last = moment
        return is_due or is_nth

    return test


def _is_request_that_enters(facts: Facts) -> bool:
    if facts.request is not None:
        return True
    return facts.item is not None and facts.message is not None and not facts.is_response


def _number(name: str, value: str) -> int:
    found = value.strip() or "0"
    if not found.isascii() or not found.isdigit() or int(found[:12]) > LIMIT:
        raise ValueError(f"{name} must be a whole number from 0 to {LIMIT}, not {value[:20]!r}")
    return int(found)


FLAG = Flag(
    "THROTTLE",
    ("THROTTLE_INTERVAL", "THROTTLE_RATE"),
    throttle,
    "a request that enters, of whomever, when the last that had the flag is THROTTLE_INTERVAL milliseconds ago, "
    "and each n-th with n = THROTTLE_RATE",
)


def register(plugins: Plugins) -> None:
    """Contribute the flag."""
    plugins.dye_flag(FLAG)
