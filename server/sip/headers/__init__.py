"""Headers: the ordered lines of a message, and typed values of those that the server reads."""

from server.sip.headers.index import LONG_NAMES, Headers
from server.sip.headers.values import CSeq, NameAddr, Via, parse_cseq, parse_name_addr, parse_name_addrs, parse_via

__all__ = [
    "LONG_NAMES",
    "CSeq",
    "Headers",
    "NameAddr",
    "Via",
    "parse_cseq",
    "parse_name_addr",
    "parse_name_addrs",
    "parse_via",
]
