"""Headers: the ordered lines of a message, and typed values of those that the server reads."""

from server.sip.headers.index import LONG_NAMES, SINGLE, Headers, format_line, long_name, split_line
from server.sip.headers.values import (
    CSeq,
    NameAddr,
    Via,
    parse_cseq,
    parse_name_addr,
    parse_name_addrs,
    parse_top_via,
    parse_via,
)

__all__ = [
    "LONG_NAMES",
    "SINGLE",
    "CSeq",
    "Headers",
    "NameAddr",
    "Via",
    "format_line",
    "long_name",
    "parse_cseq",
    "parse_name_addr",
    "parse_name_addrs",
    "parse_top_via",
    "parse_via",
    "split_line",
]
