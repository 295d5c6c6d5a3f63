"""Whom a certificate speaks for, and what is said of files that cannot be used."""

from pathlib import Path

import pytest
import trustme

from server.config import TlsConfig
from server.errors import ConfigError
from server.transport.tls import Tls, bears

DNS = ("DNS", "Example.com")


@pytest.mark.parametrize(
    ("alternatives", "name", "expected"),
    [
        ((DNS,), "example.com", True),
        ((DNS,), "example.com.", True),
        ((DNS,), "sip.example.com", False),
        ((("DNS", "*.example.com"),), "sip.example.com", False),
        ((("DNS", "*.example.com"),), "*.example.com.evil", False),
        ((("URI", "sip:example.org"), DNS), "example.org", True),
        ((("URI", "sip:example.org"), DNS), "example.com", False),
        ((("URI", "sip:bob@example.org"), DNS), "example.org", False),
        ((("URI", "sip:bob@example.org"), DNS), "example.com", True),
        ((("URI", "https://example.org"), DNS), "example.com", True),
        ((("URI", ":"), DNS), "example.com", True),
        ((("IP Address", "192.0.2.1"),), "192.0.2.1", True),
        ((("IP Address", "2001:DB8:0:0:0:0:0:1"),), "[2001:db8::1]", True),
        ((("IP Address", "192.0.2.1"),), "192.0.2.2", False),
        ((("DNS", "192.0.2.1"),), "192.0.2.1", False),
        ((("IP Address", "127.0.0.1"),), "localhost", False),
        ((), "example.com", False),
    ],
)
def test_t10_certificate_speaks_for_the_names_it_bears(
    alternatives: tuple[tuple[str, str], ...], name: str, expected: bool
) -> None:
    assert bears({"subjectAltName": alternatives}, name) is expected


def test_certificate_without_alternatives_speaks_for_nobody() -> None:
    assert not bears({"subject": ((("commonName", "example.com"),),)}, "example.com")


@pytest.mark.parametrize("missing", ["certificate", "key", "authorities"])
def test_file_that_cannot_be_used_is_a_fault_that_names_it(tmp_path: Path, missing: str) -> None:
    issued = trustme.CA().issue_cert("server.example")
    files = {"certificate": tmp_path / "chain.pem", "key": tmp_path / "key.pem", "authorities": tmp_path / "ca.pem"}
    issued.private_key_and_cert_chain_pem.write_to_path(files["certificate"])
    issued.private_key_pem.write_to_path(files["key"])
    trustme.CA().cert_pem.write_to_path(files["authorities"])
    files[missing].write_text("nothing")

    with pytest.raises(ConfigError, match=str(files[missing])):
        Tls(TlsConfig("127.0.0.1:0", *(str(path) for path in files.values())))


def test_reload_of_a_broken_file_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "chain.pem"
    trustme.CA().issue_cert("server.example").private_key_and_cert_chain_pem.write_to_path(path)
    tls = Tls(TlsConfig("127.0.0.1:0", str(path), "", ""))
    before = tls._server
    path.write_text("nothing")

    with pytest.raises(ConfigError):
        tls.reload()

    assert tls._server is before
