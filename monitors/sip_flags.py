"""The dye flags that a SIP message sets: ADDR1 to ADDR4, PROTOCOL_SIP, SIP_REQ, SIP_RES, SIP_ANY_HEADER."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import re2

from weaver.api import Plugins

VALUE_LIMIT = 8_192
"""Characters of a header value that a pattern sees."""

PATTERN_LIMIT = 1_024

_PROPERTY = re.compile(r"(request|response)\.([!-<>-~]+)=(.*)\Z", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Facts:
    """A message and the address at the other end, as the tests of flags get them."""

    message: Any
    address: str


Test = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Flag:
    """A dye flag of SIP."""

    name: str
    property: str
    compiler: Callable[[str], Test]
    description: str

    def compile(self, value: str) -> Test:
        """Return the test for a property's value."""
        return self.compiler(value)


def address(value: str) -> Test:
    """Match the address of the peer; names are not looked up."""
    wanted = str(ip_address(value.strip()))
    return lambda facts: facts.address == wanted


def protocol(value: str) -> Test:
    """Match every SIP message."""
    del value
    return lambda facts: facts.message is not None


def request_method(value: str) -> Test:
    """Match requests of a method."""
    wanted = value.strip().upper()
    if not wanted.isalpha():
        raise ValueError(f"{value!r} is no SIP method")
    return lambda facts: getattr(facts.message, "status", None) is None and facts.message.method == wanted


def response_status(value: str) -> Test:
    """Match responses of a status."""
    wanted = int(value) if value.strip().isdigit() else 0
    if not 100 <= wanted <= 699:
        raise ValueError(f"{value!r} is no SIP status")
    return lambda facts: getattr(facts.message, "status", None) == wanted


def any_header(value: str) -> Test:
    """Match ``request.NAME=PATTERN`` or ``response.NAME=PATTERN``: text or regular expression, case ignored."""
    found = _PROPERTY.match(value.strip())
    if found is None:
        raise ValueError(f"{value!r} is not request.HEADER=VALUE or response.HEADER=VALUE")
    kind, name, text = found[1].lower(), found[2].lower(), found[3]
    if len(text) > PATTERN_LIMIT:
        raise ValueError(f"the pattern is longer than {PATTERN_LIMIT} characters")
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        pattern = re2.compile(text, options)
    except re2.error as error:
        reason = b"".join(part for part in error.args if isinstance(part, bytes)).decode("utf-8", "replace")
        raise ValueError(f"the pattern {text!r} is refused: {reason or error}") from error
    literal = text.lower()

    def test(facts: Facts) -> bool:
        is_response = getattr(facts.message, "status", None) is not None
        if is_response != (kind == "response"):
            return False
        for line in facts.message.headers.get_all(name):
            cut = line[:VALUE_LIMIT]
            if literal in cut.lower() or pattern.search(cut.encode("utf-8", "replace").decode()):
                return True
        return False

    return test


FLAGS = (
    *(
        Flag(name, name, address, "a SIP message from or to the address that is the property's value")
        for name in ("ADDR1", "ADDR2", "ADDR3", "ADDR4")
    ),
    Flag("PROTOCOL_SIP", "", protocol, "every SIP message"),
    Flag("SIP_REQ", "SIP_REQ", request_method, "a request of the method that is the property's value"),
    Flag("SIP_RES", "SIP_RES", response_status, "a response of the status that is the property's value"),
    Flag(
        "SIP_ANY_HEADER",
        "SIP_ANY_HEADER",
        any_header,
        "a message that has such a header: request.NAME=VALUE or response.NAME=VALUE, text or regular expression",
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the flags."""
    for flag in FLAGS:
        plugins.dye_flag(flag)
