"""The branch of a request in bytes that may be cut off anywhere."""

import pytest

from server.transport.branch import HEAD, branch_of

VIA = b"SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKabc.0123;rport"
REQUEST = b"INVITE sip:a@b SIP/2.0\r\nVia: " + VIA + b"\r\nl: 0\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        REQUEST,
        REQUEST.replace(b"Via:", b"v :"),
        REQUEST.replace(b";branch=", b"; BRANCH = "),
        REQUEST.replace(b"\r\nl:", b"\r\nVia: SIP/2.0/UDP c;branch=z9hG4bKother\r\nl:"),
        REQUEST[: REQUEST.index(b"rport")],
    ],
)
def test_branch_of_the_top_via_is_found(data: bytes) -> None:
    assert branch_of(data) == "z9hG4bKabc.0123"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        REQUEST.replace(b"INVITE sip:a@b SIP/2.0", b"SIP/2.0 200 OK"),
        REQUEST[: REQUEST.index(b".0123")],
        REQUEST[: REQUEST.index(b";rport")],
        b"INVITE sip:a@b SIP/2.0\r\n" + b"x: y\r\n" * HEAD + b"Via: " + VIA + b"\r\n\r\n",
    ],
)
def test_response_and_what_was_cut_off_have_none(data: bytes) -> None:
    assert branch_of(data) == ""
