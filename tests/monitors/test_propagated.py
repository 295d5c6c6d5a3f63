"""The form in which a context goes from node to node."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.propagated import OWN, TRACE, Hop, format_hop, parse_hop, with_hop

IDENTITY, PARENT = "0123456789abcdef-0000000000000007", "9a3f12c400000001"
HOP = Hop(IDENTITY, PARENT, "a", ("ADDR1", "DYE_2"), "order 17")
PLAIN = b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\nbody: x\r\n\r\n"

digits = st.text("0123456789abcdef", min_size=16, max_size=16)
names = st.lists(st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True), max_size=5).map(tuple)
identities = st.tuples(digits, digits).map("-".join)
hops = st.builds(Hop, identities, digits, st.text(max_size=40), names, st.none() | st.text())


def test_lines_of_a_context() -> None:
    assert format_hop(HOP) == {
        OWN: f"{IDENTITY};parent={PARENT};node=a;dyes=ADDR1,DYE_2;payload=order%2017",
        TRACE: f"00-0123456789abcdef0000000000000007-{PARENT}-01",
    }
    assert format_hop(Hop(IDENTITY, PARENT))[TRACE].endswith("-00")


@given(
    st.builds(Hop, st.tuples(digits, digits).map("-".join), digits, st.text(max_size=40), names, st.none() | st.text())
)
def test_what_is_formatted_is_read_back_and_cannot_end_its_line(hop: Hop) -> None:
    lines = format_hop(hop)

    assert all(line.isascii() and line.isprintable() for line in lines.values())
    if len(lines[OWN]) <= 2_048:
        assert parse_hop([lines[OWN]], [lines[TRACE]]) == hop


@given(st.text(), st.text())
def test_whatever_a_peer_says_is_a_context_or_a_value_error(own: str, trace: str) -> None:
    for values in (([own], [trace]), ([], [trace])):
        with suppress(ValueError):
            assert parse_hop(*values) is not None


def test_context_of_somebody_else_s_trace_is_known_by_its_trace_id() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    assert parse_hop([], [trace]) == Hop("0af7651916cd43dd-8448eb211c80319c", "b7ad6b7169203331")
    assert parse_hop([], []) is None


@pytest.mark.parametrize(
    ("own", "trace"),
    [
        (["x"], []),
        ([f"{IDENTITY}"], []),
        ([f"{IDENTITY};parent={PARENT};dyes=A B"], []),
        ([f"{IDENTITY};parent={PARENT}"] * 2, []),
        ([f"{IDENTITY};parent={PARENT};payload={'x' * 3_000}"], []),
        ([IDENTITY.upper() + f";parent={PARENT}"], []),
        ([], ["00-00000000000000000000000000000000-b7ad6b7169203331-01"]),
        ([], ["00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"]),
        ([], ["ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]),
        ([], ["00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"]),
        ([], [""]),
    ],
)
def test_other_forms_are_refused(own: list[str], trace: list[str]) -> None:
    with pytest.raises(ValueError):
        parse_hop(own, trace)


def test_message_gets_the_lines_at_the_end_of_its_head_and_keeps_its_body() -> None:
    lines = format_hop(HOP)

    made = with_hop(PLAIN, HOP)

    head = f"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n{OWN}: {lines[OWN]}\r\n{TRACE}: {lines[TRACE]}"
    assert made == head.encode() + b"\r\n\r\nbody: x\r\n\r\n"


@pytest.mark.parametrize("spelling", [b"x-weaver-context : a\r\n b", b"X-WEAVER-CONTEXT: a"])
def test_lines_that_came_with_it_do_not_go_on(spelling: bytes) -> None:
    came = PLAIN.replace(b"\r\n\r\n", b"\r\n" + spelling + b"\r\ntraceparent: b\r\n\r\n", 1)

    assert with_hop(came, None) == PLAIN
    assert with_hop(came, HOP) == with_hop(PLAIN, HOP)


def test_trace_of_somebody_else_goes_on_where_there_is_no_context_of_ours() -> None:
    came = PLAIN.replace(b"\r\n\r\n", b"\r\ntraceparent: b\r\n\r\n", 1)

    assert with_hop(came, None) == came
    assert with_hop(came, HOP) == with_hop(PLAIN, HOP)


def test_bytes_that_are_no_message_stay() -> None:
    assert with_hop(b"\r\n", HOP) == b"\r\n"
