from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.sip.headers import table
from server.sip.headers.kinds import Many
from server.sip.headers.parameterized import Parameterized, parse_q
from server.sip.headers.table import TABLE
from server.sip.message import Request
from tests.server.sip.header_values import VALUES
from tests.server.sip.samples import request

ANY = st.text(st.sampled_from("abc019 \t;=,\"\\<>()/:@*.%&'-+é\udcff"), max_size=40)


def parse(name: str, *lines: str) -> object:
    header = TABLE[name]
    return header.parse_all(lines) if isinstance(header, Many) else header.parse(lines[0])


def with_lines(*lines: tuple[str, str]) -> Request:
    message = request()
    for name, value in lines:
        message = message.with_added(name, value)
    return message


def test_G4_every_typed_header_is_tried_here() -> None:
    assert set(VALUES) == set(TABLE)
    assert all(header.key == header.name.lower() for header in TABLE.values())


@pytest.mark.parametrize("name", sorted(TABLE))
@settings(max_examples=20)
@given(data=st.data())
def test_G4_written_value_reads_the_same(name: str, data: st.DataObject) -> None:
    header = TABLE[name]
    value = data.draw(VALUES[name][0])

    assert header.parse(header.format(value)) == value


@pytest.mark.parametrize("name", sorted(name for name, header in TABLE.items() if isinstance(header, Many)))
@settings(max_examples=10)
@given(data=st.data())
def test_G1_written_list_reads_the_same_on_one_line_and_on_several(name: str, data: st.DataObject) -> None:
    header = TABLE[name]
    assert isinstance(header, Many)
    values = tuple(data.draw(st.lists(VALUES[name][0], min_size=1, max_size=3)))

    assert header.parse_all(header.format_all(values)) == values
    assert header.parse_all(tuple(map(header.format, values))) == values


@pytest.mark.parametrize("name", sorted(TABLE))
def test_G4_line_of_the_rfc_is_read_and_written_the_same(name: str) -> None:
    header = TABLE[name]
    value = parse(name, VALUES[name][1])
    assert value != ()

    written = header.format_all(value) if isinstance(header, Many) else (header.format(value),)  # type: ignore[arg-type]
    assert parse(name, *written) == value
    assert "".join("".join(written).split()) == "".join(VALUES[name][1].split()) or name in {
        "alert-info", "p-asserted-identity", "p-called-party-id", "reply-to", "to", "trigger-consent",
        "permission-missing",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(TABLE))
@settings(max_examples=40)
@given(text=ANY)
def test_G4_any_text_is_a_value_or_a_value_error(name: str, text: str) -> None:
    header = TABLE[name]
    try:
        value = header.parse(text)
    except ValueError:
        return

    assert header.parse(header.format(value)) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("accept", "text"), ("accept-language", "1"), ("allow", "IN VITE"), ("allow", "a,,b"),
        ("content-length", "-1"), ("content-length", "4294967296"), ("max-forwards", "256"), ("rseq", "0"),
        ("date", "Sat, 13 Nov 2010 23:29:00 EST"), ("date", "Sat, 31 Feb 2010 23:29:00 GMT"),
        ("date", "Xxx, 13 Nov 2010 23:29:00 GMT"), ("expires", "٣"), ("date", "Sat, 13 Nox 2010 23:29:00 GMT"),
        ("replaces", "a@b"), ("replaces", "a;to-tag=1"), ("join", ";to-tag=1;from-tag=2"),
        ("replaces", 'a;to-tag="1";from-tag=2'), ("rack", "1 2"), ("rack", "0 2 INVITE"), ("timestamp", ""),
        ("timestamp", "x"), ("timestamp", "1 2 3"), ("retry-after", "5 (open"), ("retry-after", "5 (x) y"),
        ("retry-after", "soon"), ("warning", "307 isi.edu none"), ("warning", '307 a "b" "c"'),
        ("authorization", "Digest"), ("authorization", "Digest a b"), ("authorization", "Digest a,b=1"),
        ("authorization", "Digest (=1"), ("authorization", "Digest a=, b=1"), ("authorization", "Di(gest a=1"),
        ("authorization", "Digest a=1, a=2"), ("authorization", "Digest a==,"), ("session-id", "0"),
        ("refer-sub", "perhaps"), ("user-to-user", '"open'), ("user-to-user", "a b"), ("mime-version", "1"),
        ("resource-priority", "dsn"), ("in-reply-to", "a b"), ("geolocation-error", "x"), ("identity", "("),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError):
        parse(name, text)


def test_message_gives_typed_values_when_asked() -> None:
    message = with_lines(
        ("x", "1800;Refresher=UAC"), ("Supported", "timer, 100rel"), ("k", "replaces"), ("Accept", ""),
        ("Retry-After", "5 (busy) ;duration=9"), ("Replaces", "c@h;from-tag=2;to-tag=1;early-only"),
    )  # fmt: skip

    expires = message.one(table.SESSION_EXPIRES)
    assert expires is not None
    assert (expires.seconds, expires.refresher) == (1800, "uac")
    assert message.one(table.SESSION_EXPIRES) is expires
    assert message.many(table.SUPPORTED) == ("timer", "100rel", "replaces")
    assert message.many(table.ACCEPT) == ()
    assert message.many(table.REQUIRE) == ()
    assert message.one(table.EVENT) is None
    retry = message.one(table.RETRY_AFTER)
    assert retry is not None
    assert (retry.seconds, retry.comment, retry.refresher) == (5, "busy", None)
    replaces = message.one(table.REPLACES)
    assert replaces is not None
    assert (replaces.call_id, replaces.to_tag, replaces.from_tag, replaces.is_early_only) == ("c@h", "1", "2", True)


def test_value_that_was_set_is_the_one_that_is_read() -> None:
    message = with_lines(("Event", "dialog"))
    assert message.one(table.EVENT) == Parameterized("dialog", {})

    assert message.with_header("o", "presence;id=1").one(table.EVENT) == Parameterized("presence", {"id": "1"})
    assert message.without("Event").one(table.EVENT) is None


def test_quoted_parameter_is_read_without_its_quotes() -> None:
    (reason,) = with_lines(("Reason", 'SIP;cause=200;text="a \\"b\\", \\\\c";x')).many(table.REASON)

    assert (reason.param("text"), reason.param("cause"), reason.param("x"), reason.param("y")) == (
        'a "b", \\c', "200", None, None,
    )  # fmt: skip


def test_credentials_of_several_lines_stay_apart() -> None:
    lines = ('Digest realm="a, b", qop="auth,auth-int"', "Basic dXNlcjpwdw==")
    first, second = with_lines(*(("Proxy-Authorization", line) for line in lines)).many(table.PROXY_AUTHORIZATION)

    assert (first.scheme, first.param("realm"), first.param("qop"), first.param("nonce")) == (
        "Digest", "a, b", "auth,auth-int", None,
    )  # fmt: skip
    assert (second.scheme, second.token) == ("Basic", "dXNlcjpwdw==")
    assert [str(first), str(second)] == list(lines)


@pytest.mark.parametrize(
    ("text", "q"),
    [(None, 1.0), ("0.25", 0.25), ("0", 0.0), ("1.000", 1.0), ("1.5", 1.0), ("2", 1.0), ("0.x", 1.0), ("", 1.0)],
)
def test_preference_is_a_number_from_0_to_1(text: str | None, q: float) -> None:
    assert parse_q(text) == q
    assert Parameterized("x", {} if text is None else {"q": text}).q == q


def test_date_is_written_in_gmt() -> None:
    moment = datetime(2010, 11, 13, 18, 29, tzinfo=timezone(timedelta(hours=-5)))

    assert table.DATE.format(moment) == "Sat, 13 Nov 2010 23:29:00 GMT"
    assert table.DATE.parse(table.DATE.format(moment)) == datetime(2010, 11, 13, 23, 29, tzinfo=UTC)


def test_expires_of_a_contact_is_a_number_or_none() -> None:
    message = with_lines(("Contact", "<sip:a@b>;expires=60, <sip:c@d>;expires=x, <sip:e@f>"))

    assert [contact.expires for contact in message.many(table.CONTACT)] == [60, None, None]
