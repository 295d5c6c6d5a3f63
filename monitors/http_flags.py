"""The dye flags that an HTTP request sets: PROTOCOL_HTTP, COOKIE1 to COOKIE4, QUERY1 to QUERY4."""

from __future__ import annotations

from monitors.flags import HTTP, Flag, text
from monitors.message_facts import Facts, Test
from weaver.api import Plugins

COOKIE = "weaver.diagnostics.dye"
"""The name of the cookie by which a browser asks for a dye."""


def protocol(value: str) -> Test:
    """Match every HTTP request."""
    del value
    return lambda facts: facts.request is not None


def cookie(value: str) -> Test:
    """Match requests with the dye cookie of a value."""
    wanted = text(value)
    return lambda facts: wanted in facts.request.cookies.getlist(COOKIE)


def query(value: str) -> Test:
    """Match requests with a query parameter: ``NAME=VALUE``, or ``NAME`` for any value."""
    name, sign, wanted = text(value).partition("=")
    if not name:
        raise ValueError(f"{value!r} is not NAME=VALUE")

    def test(facts: Facts) -> bool:
        values = facts.request.args.getlist(name)
        return wanted in values if sign else bool(values)

    return test


FLAGS = (
    Flag("PROTOCOL_HTTP", (), protocol, "every HTTP request", HTTP),
    *(
        Flag(name, (name,), cookie, f"an HTTP request with the cookie {COOKIE} of the property's value", HTTP)
        for name in ("COOKIE1", "COOKIE2", "COOKIE3", "COOKIE4")
    ),
    *(
        Flag(name, (name,), query, "a request with such a query parameter: NAME=VALUE, or NAME for any value", HTTP)
        for name in ("QUERY1", "QUERY2", "QUERY3", "QUERY4")
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the flags."""
    for flag in FLAGS:
        plugins.dye_flag(flag)
