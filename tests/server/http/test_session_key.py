import pytest

from server.http.session_key import COOKIE, SessionKeys

KEYS = SessionKeys(b"secret")


def test_session_id_comes_back_from_its_signed_form() -> None:
    assert COOKIE == "WSESSION"
    assert KEYS.parse(KEYS.format("0123456789abcdef")) == "0123456789abcdef"


@pytest.mark.parametrize("value", ["", "0123", "0123.", ".", "0123.AAAA", "\xff.\u20ac", KEYS.format("0123") + "x"])
def test_what_we_did_not_sign_is_no_session(value: str) -> None:
    assert KEYS.parse(value) is None


def test_other_secret_or_id_is_no_session() -> None:
    signature = KEYS.format("0123").partition(".")[2]

    assert SessionKeys(b"other").parse(KEYS.format("0123")) is None
    assert KEYS.parse(f"0124.{signature}") is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/calls", "/calls;{}"),
        ("/calls?a=b", "/calls;{}?a=b"),
        ("/calls#top", "/calls;{}#top"),
        ("/calls?a=b#top", "/calls;{}?a=b#top"),
        ("/calls;wsession=old?a", "/calls;{}?a"),
        ("", ";{}"),
    ],
)
def test_session_stands_at_the_end_of_the_path(url: str, expected: str) -> None:
    assert KEYS.encode_url(url, "0123") == expected.format("wsession=" + KEYS.format("0123"))


@pytest.mark.parametrize("url", ["/calls", "/calls/7", "/"])
def test_session_in_a_path_is_taken_out_again(url: str) -> None:
    environ = {"PATH_INFO": KEYS.encode_url(url, "0123")}

    assert KEYS.strip(environ) == "0123"
    assert environ == {"PATH_INFO": url}


def test_session_in_the_middle_of_a_path_is_taken_out() -> None:
    environ = {"PATH_INFO": f"/calls;wsession={KEYS.format('0123')};v=1/7"}

    assert KEYS.strip(environ) == "0123"
    assert environ == {"PATH_INFO": "/calls;v=1/7"}


def test_forged_session_is_taken_out_and_is_none() -> None:
    environ = {"PATH_INFO": "/calls;wsession=forged"}

    assert KEYS.strip(environ) is None
    assert environ == {"PATH_INFO": "/calls"}


def test_path_without_a_session_stays_as_it_is() -> None:
    environ = {"PATH_INFO": "/calls"}

    assert KEYS.strip(environ) is None
    assert environ == {"PATH_INFO": "/calls"}
