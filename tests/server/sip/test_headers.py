import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.headers import (
    CSeq,
    Headers,
    NameAddr,
    Via,
    index,
    parse_cseq,
    parse_name_addr,
    parse_name_addrs,
    parse_top_via,
    parse_via,
)

TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
PARAMS = st.dictionaries(st.text("abcxyz-", min_size=1, max_size=6), st.none() | TOKENS, max_size=3)
HOSTS = st.sampled_from(["a", "example.com", "192.0.2.1", "[2001:db8::1]"])
PORTS = st.none() | st.integers(0, 65_535)


def lines(*texts: str) -> Headers:
    return Headers.parse(list(texts))


def test_names_are_found_in_any_spelling() -> None:
    headers = lines("v: one", "VIA : two", "X-Own:three", "Subject:")

    assert headers.get("via") == "one"
    assert headers.get_all("Via") == ("one", "two")
    assert headers.get("x-own") == headers.get("X-OWN") == "three"
    assert headers.get_all("X-Own") == ("three",)
    assert headers.get("subject") == ""
    assert "V" in headers
    assert "x-OWN" in headers
    assert headers.get("to") is None
    assert headers.get_all("to") == ()
    assert 7 not in headers


def test_items_give_names_as_written_in_order() -> None:
    assert list(lines("v : one", "X-Own:  two ").items()) == [("v", "one"), ("X-Own", "two")]


def test_three_lines_of_one_name_stay_in_order() -> None:
    assert lines("Route: a", "Route: b", "Route: c").get_all("route") == ("a", "b", "c")


@pytest.mark.parametrize("line", ["no colon", "Via", "Subject", ": value", "a b: c", "a\x01: c", "é: c"])
def test_line_that_is_no_header_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="is no header"):
        lines(line)


def test_set_header_stands_where_the_first_one_stood() -> None:
    headers = lines("A: 1", "v: 2", "B: 3", "Via: 4").with_header("Via", "x")

    assert headers.lines == ["A: 1", "Via: x", "B: 3"]
    assert headers.with_header("C", "5").lines[-1] == "C: 5"


def test_first_line_is_replaced_and_the_others_stay() -> None:
    headers = lines("A: 1", "Via: 2", "Via: 3", "Via: 4").with_first("Via", "x")

    assert headers.get_all("via") == ("x", "3", "4")
    assert headers.lines[1:] == ["Via: x", "Via: 3", "Via: 4"]
    assert lines("A: 1").with_first("A", "2").get("a") == "2"
    assert lines("A: 1").with_first("B", "2").get("b") == "2"


def test_line_is_added_behind_or_before_those_of_its_name() -> None:
    headers = lines("A: 1", "B: 2")

    assert headers.with_added("B", "3").get_all("b") == ("2", "3")
    assert headers.with_added("B", "3", first=True).lines == ["A: 1", "B: 3", "B: 2"]
    assert headers.with_added("C", "3", first=True).lines[-1] == "C: 3"


def test_removed_name_is_gone_and_the_rest_is_the_same() -> None:
    headers = lines("A: 1", "v: 2", "Via: 3")

    assert headers.without("via").lines == ["A: 1"]
    assert headers.without("to") is headers


def test_a_change_makes_new_headers() -> None:
    headers = lines("A: 1")

    assert headers.with_header("A", "2") != headers
    assert headers == lines("A: 1")
    assert hash(headers) == hash(lines("A: 1"))
    assert repr(headers) == "Headers(['A: 1'])"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A", "x\r\nB: y"),
        ("A", "x\n"),
        ("A", "x\r"),
        ("A", "\0"),
        ("A\r\nB", "x"),
        ("A:", "x"),
        ("", "x"),
        ("A", "\ud800"),
    ],
)
def test_value_that_would_break_its_line_is_refused(name: str, value: str) -> None:
    headers = lines("A: 1")
    for change in (headers.with_header, headers.with_first, headers.with_added):
        with pytest.raises(ValueError):
            change(name, value)
    with pytest.raises(ValueError):
        Headers.of([(name, value)])


def test_names_from_the_network_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_MAX_SEEN", len(index._SEEN))
    before = len(index._SEEN)

    assert lines("X-Never-Seen-Before-1: a").get("x-never-seen-before-1") == "a"
    assert len(index._SEEN) == before


@pytest.mark.parametrize(
    ("text", "via"),
    [
        ("SIP/2.0/UDP a:5060;branch=z9hG4bK1", Via("UDP", "a", 5060, {"branch": "z9hG4bK1"})),
        ("SIP/2.0/tcp a", Via("TCP", "a", None, {})),
        ("SIP / 2.0  / TCP \t  a ; branch = x", Via("TCP", "a", None, {"branch": "x"})),
        ("SIP/2.0/UDP a : 5060;rport;branch=x", Via("UDP", "a", 5060, {"rport": None, "branch": "x"})),
        ("SIP/2.0/UDP [::1] :5060", Via("UDP", "[::1]", 5060, {})),
        ("SIP/2.0/UDP a;rport;branch=x", Via("UDP", "a", None, {"rport": None, "branch": "x"})),
        ("SIP/2.0/UDP a;branch=x;rport", Via("UDP", "a", None, {"branch": "x", "rport": None})),
        ("SIP/2.0/UDP a;rport;branch=x;rport", Via("UDP", "a", None, {"rport": None, "branch": "x"})),
        ("SIP/2.0/UDP a;BRANCH=z9hG4bK1;rport=1", Via("UDP", "a", None, {"branch": "z9hG4bK1", "rport": "1"})),
    ],
)
def test_via_is_read(text: str, via: Via) -> None:
    assert parse_via(text) == via


@pytest.mark.parametrize(
    "text",
    [
        "", "SIP/2.0/UDP", "SIP/2.0 a", "HTTP/2.0/UDP a", "SIP/2.0/U(P a", 'SIP/".0/UDP a', "SIP/2.0/UDP a b",
        "SIP/2.0/UDP a : 1 : 2", "SIP/2.0/UDP a:x", "SIP/2.0/UDP a;branch", "SIP/2.0/UDP a;branch=",
        "SIP/2.0/UDP a;branch=a|b", "SIP/2.0/UDP a;;branch=x", "SIP/2.0/UDP a;branch=x;branch=y",
        'SIP/2.0/UDP a;x="',
    ],
)  # fmt: skip
def test_what_is_no_via_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_via(text)


def test_top_via_is_the_first_of_a_list() -> None:
    assert parse_top_via('SIP/2.0/UDP a;x="1,2";branch=b, SIP/2.0/UDP c').params["x"] == '"1,2"'


def test_via_knows_where_its_request_came_from() -> None:
    via = parse_via("SIP/2.0/UDP a:1;received=192.0.2.1;rport=99")

    assert (via.sent_by, via.received, via.rport, via.branch) == ("a:1", "192.0.2.1", 99, None)
    assert parse_via("SIP/2.0/UDP a;rport").rport is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("sip:a@b;tag=1", NameAddr(None, "sip:a@b", {"tag": "1"})),
        ("<sip:a@b;lr>;tag=1", NameAddr(None, "sip:a@b;lr", {"tag": "1"})),
        ("<sip:a@b>", NameAddr(None, "sip:a@b", {})),
        ('"A \\" >; <B>" <sip:a@b>;tag=1', NameAddr('A \\" >; <B>', "sip:a@b", {"tag": "1"})),
        ('"<A>;" <sip:a@b>;tag=1;x="y;z"', NameAddr("<A>;", "sip:a@b", {"tag": "1", "x": '"y;z"'})),
        ("A B<sip:a@b> ; tag = 1 ;", NameAddr("A B", "sip:a@b", {"tag": "1"})),
        ("Al.ice (x) é <sip:a@b>", NameAddr("Al.ice (x) é", "sip:a@b", {})),
        ("*", NameAddr(None, "*", {})),
    ],
)
def test_address_is_read_and_written(text: str, address: NameAddr) -> None:
    assert parse_name_addr(text) == address
    assert parse_name_addr(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "", ";tag=1", '"A <sip:a@b>', '"A" sip:a@b', "<>", "<sip:a@b", "<sip:a@b>x", "<sip:a@b>;tag", "<sip:a@b>;tag=",
        "<sip:a@b>;tag=a;tag=b", "<sip:a@b>;tag=a b", '"A\\', 'Al"ice <sip:a@b>', "A, B <sip:a@b>", "< sip:a@b >",
        "sip:a b", 'sip:a"b', "sip:a>", "A; <sip:a@b>", "<sip:a@b>;a b=c",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_name_addr(text)


def test_lists_of_addresses_are_split_outside_of_quotes_and_brackets() -> None:
    found = parse_name_addrs(('"A, \\", B" <sip:a,b@c>, <sip:d@e>', "sip:f@g"))

    assert [address.uri for address in found] == ["sip:a,b@c", "sip:d@e", "sip:f@g"]
    assert str(found[2].parsed_uri) == "sip:f@g"
    with pytest.raises(ValueError):
        parse_name_addrs(('"A, <sip:a@b>',))


def test_cseq_is_read() -> None:
    assert parse_cseq(" 0009   INVITE") == CSeq(9, "INVITE")
    assert str(CSeq(9, "INVITE")) == "9 INVITE"


@pytest.mark.parametrize("text", ["", "1", "x INVITE", "1 INVITE x", "2147483648 INVITE", "²1 INVITE", "1 IN(VITE"])
def test_what_is_no_cseq_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_cseq(text)


@given(st.builds(Via, st.sampled_from(["UDP", "TCP", "TLS"]), HOSTS, PORTS, PARAMS.filter(lambda p: "branch" not in p)))
def test_written_via_reads_the_same(via: Via) -> None:
    assert parse_via(str(via)) == via


@given(
    st.builds(
        NameAddr,
        st.none() | st.text(st.characters(blacklist_categories=["Cc", "Cs"], blacklist_characters='"\\')),
        st.sampled_from(["sip:a@b", "sip:[::1]:5060;lr", "tel:+1", "sip:a;b@c?d=e"]),
        PARAMS.filter(lambda p: "tag" not in p),
    )
)
def test_written_address_reads_the_same(address: NameAddr) -> None:
    assert parse_name_addr(str(address)) == address


def test_star_with_parameters_is_written_so_that_it_reads_the_same() -> None:
    for text in ("*", "<*>;a=1", '"A" <*>'):
        assert str(parse_name_addr(text)) == text


def test_parameters_behind_a_second_bracket_stay() -> None:
    assert parse_name_addr("<sip:a@b>;x=<c>;y=1").params == {"x": "<c>", "y": "1"}
    assert parse_name_addr("<sip:a@b> ;x=<c>;y=1").params == {"x": "<c>", "y": "1"}
