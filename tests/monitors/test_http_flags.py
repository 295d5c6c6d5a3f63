import pytest
from werkzeug.test import EnvironBuilder

from monitors import common_flags, http_flags
from monitors.message_facts import Facts
from server.servlet.http_servlet import HttpRequest

BY_NAME = {flag.name: flag for flag in (*common_flags.FLAGS, *http_flags.FLAGS)}


def facts(path: str = "/", **environ: str) -> Facts:
    """A request from 127.0.0.1."""
    return Facts(request=HttpRequest(EnvironBuilder(path).get_environ() | {"REMOTE_ADDR": "127.0.0.1"} | environ))


DYED = facts(HTTP_COOKIE="other=x; weaver.diagnostics.dye=red")


@pytest.mark.parametrize(
    ("flag", "value", "found", "expected"),
    [
        ("PROTOCOL_HTTP", "", facts(), True),
        ("PROTOCOL_HTTP", "", Facts(), False),
        ("PROTOCOL_SSL", "", facts(), False),
        ("PROTOCOL_SSL", "", facts(**{"wsgi.url_scheme": "https"}), True),
        ("ADDR1", "127.0.0.1", facts(), True),
        ("ADDR1", "127.0.0.2", facts(), False),
        ("COOKIE1", "red", DYED, True),
        ("COOKIE2", "blue", DYED, False),
        ("COOKIE3", "red", facts(), False),
        ("COOKIE4", "x", DYED, False),
        ("USER1", "alice", facts(REMOTE_USER="alice"), True),
        ("USER2", "alice", facts(HTTP_AUTHORIZATION="Basic YWxpY2U6eA=="), False),
        ("QUERY1", "trace=on", facts("/call?trace=on"), True),
        ("QUERY1", "trace=on", facts("/call?trace=off&trace=on"), True),
        ("QUERY2", "trace=on", facts("/call?trace=off"), False),
        ("QUERY3", "trace", facts("/call?trace="), True),
        ("QUERY4", "trace", facts("/call"), False),
        ("QUERY1", "a==b", facts("/?a=%3Db"), True),
    ],
)
def test_flag_is_set_when_the_request_matches(flag: str, value: str, found: Facts, expected: bool) -> None:
    assert BY_NAME[flag].compile(value)(found) is expected


@pytest.mark.parametrize(("flag", "value"), [("COOKIE1", ""), ("QUERY1", "=x"), ("QUERY1", " ")])
def test_value_that_makes_no_sense_is_refused(flag: str, value: str) -> None:
    with pytest.raises(ValueError):
        BY_NAME[flag].compile(value)


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_COOKIE": "\xff;=;;" * 500},
        {"HTTP_COOKIE": "weaver.diagnostics.dye=" + '"' * 9_000},
        {"QUERY_STRING": "%" * 9_000 + "&&==&%ff=%fe"},
        {"REMOTE_ADDR": "what"},
        {"REMOTE_ADDR": ""},
    ],
)
def test_hostile_request_sets_no_flag_and_raises_nothing(environ: dict[str, str]) -> None:
    found = facts(**environ)

    for name, value in (("COOKIE1", "red"), ("QUERY1", "trace=on"), ("ADDR1", "127.0.0.9"), ("USER1", "alice")):
        assert BY_NAME[name].compile(value)(found) is False
