import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.headers import Headers
from server.sip.multipart import (
    MAX_PARTS,
    Part,
    content_of,
    format_multipart,
    is_understood,
    parse_multipart,
    required_types,
)

SDP_BODY = b"v=0\r\n"
MIXED = "multipart/mixed;boundary=b"
SDP = frozenset({"application/sdp"})


def part(kind: str, *lines: str, body: bytes = b"x") -> Part:
    return Part(Headers.parse([f"Content-Type: {kind}", *lines]), body)


def test_G11_parts_are_read_and_what_stands_around_them_is_not() -> None:
    body = (
        b"before\r\n--b  \r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\r\nHello\0\r\n--b\r\n\r\nbare\r\n--b\r\n"
        b"Content-ID: <x>\r\n\r\n--b--\r\nbehind\r\n--b\r\n"
    )

    assert parse_multipart(b"--b\r\n\r\n--b--", MIXED) == (Part(Headers.parse([]), b""),)
    first, second, third = parse_multipart(body, 'Multipart/Mixed; boundary="b"')

    assert (str(first.content_type), first.body) == ("text/plain;charset=utf-8", b"Hello\0")
    assert (str(second.content_type), second.body, second.headers.lines) == ("text/plain", b"bare", [])
    assert (third.headers.get("content-id"), third.body) == ("<x>", b"")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--b\r\n\r\nx\r\n--b--", "text/plain"),
        (b"--b\r\n\r\nx\r\n--b--", "multipart/mixed"),
        (b"", MIXED),
        (b"--b\r\n\r\nx\r\n--b--", "multipart/mixed;boundary=" + "b" * 71),
        (b"--b\r\n\r\nx", MIXED),
        (b"--b\r\n\r\nx\r\n--b--", 'multipart/mixed;boundary="b "'),
        (b"--bc\r\n\r\nx\r\n--b--", MIXED),
        (b"--b\r\nno colon\r\n\r\nx\r\n--b--", MIXED),
        (b"--b\r\nA: a\rb\r\n\r\nx\r\n--b--", MIXED),
        (b"--b\r\n" + b"A: b\r\n" * 65 + b"\r\n--b--", MIXED),
        (b"--b\r\n\r\nx\r\n--b", MIXED),
        (b"--b\r\n\r\nx\r\n" * (MAX_PARTS + 1) + b"\r\n--b--", MIXED),
        (b"--b\r\n\r\nx" * 1000, MIXED),
    ],
)
def test_G11_what_is_no_multipart_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(ValueError):
        parse_multipart(body, content_type)


def test_G11_as_many_parts_are_taken_as_the_limit() -> None:
    assert len(parse_multipart(*format_multipart((part("a/b"),) * MAX_PARTS, "b"))) == MAX_PARTS


@pytest.mark.parametrize(
    ("line", "required"),
    [
        ("X: y", True),
        ("Content-Disposition: session", True),
        ("Content-Disposition: render;handling=optional", False),
        ("Content-Disposition: render;Handling=Optional", False),
        ("Content-Disposition: session;handling=required", True),
        ("Content-Disposition: (;handling=optional", True),
    ],
)
def test_G11_part_is_required_unless_it_says_that_it_is_not(line: str, required: bool) -> None:
    assert part("a/b", line).is_required is required


OPTIONAL = "Content-Disposition: render;handling=optional"


@pytest.mark.parametrize(
    ("parts", "subtype", "required"),
    [
        ((part("Application/SDP"), part("image/png", OPTIONAL)), "mixed", ("application/sdp",)),
        ((part("application/sdp"), part("image/png")), "mixed", ("application/sdp", "image/png")),
        ((part("text/html"), part("application/sdp")), "alternative", ("text/html|application/sdp",)),
    ],
)
def test_G11_required_types_are_told(parts: tuple[Part, ...], subtype: str, required: tuple[str, ...]) -> None:
    body, content_type = format_multipart(parts, "b", subtype)

    assert required_types(body, content_type) == required
    assert is_understood(body, content_type, SDP) is all("application/sdp" in kinds for kinds in required)


def test_G11_parts_in_parts_are_looked_into_but_not_without_end() -> None:
    body, content_type = format_multipart((part("image/png", OPTIONAL), part("application/sdp")), "b0")
    for depth in range(1, 4):
        body, content_type = format_multipart((part(content_type, body=body),), f"{depth}-b")
        assert is_understood(body, content_type, SDP)
    body, content_type = format_multipart((part(content_type, body=body),), "5-b")

    assert not is_understood(body, content_type, SDP)


def test_G11_plain_body_is_understood_by_its_type() -> None:
    assert is_understood(b"", "application/SDP;x=y", SDP)
    assert not is_understood(b"", "application/unknown", SDP)
    assert not is_understood(b"", "none", SDP)


def test_boundary_that_stands_in_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="stands in a part"):
        format_multipart((part("a/b", body=b"--b"),), "b")


@given(st.lists(st.builds(lambda body: part("a/b", body=body), st.binary()), min_size=1, max_size=4))
def test_G11_written_parts_read_the_same(parts: list[Part]) -> None:
    assert list(parse_multipart(*format_multipart(tuple(parts), "a-boundary-that-is-in-none"))) == parts


@given(st.lists(st.sampled_from([b"--b", b"--b--", b"\r\n", b"a: b", b"\r", b"x", b":", b"--bb", b" "]), max_size=20))
def test_G11_any_body_is_parts_or_a_value_error(pieces: list[bytes]) -> None:
    try:
        parts = parse_multipart(b"".join(pieces), MIXED)
    except ValueError:
        return

    assert len(parts) <= MAX_PARTS


@pytest.mark.parametrize(
    ("body", "content_type", "found"),
    [
        (SDP_BODY, "Application/SDP;x=y", SDP_BODY),
        (SDP_BODY, "text/plain", None),
        (SDP_BODY, "", None),
        (SDP_BODY, MIXED, None),
        (*format_multipart((part("image/png", OPTIONAL), part("application/sdp", body=SDP_BODY)), "b"), SDP_BODY),
        (*format_multipart((part("image/png", OPTIONAL),), "b"), None),
    ],
)
def test_G11_content_of_a_type_is_found_wherever_it_stands(body: bytes, content_type: str, found: bytes | None) -> None:
    assert content_of(body, content_type, "application/sdp") == found


def test_G11_content_is_not_looked_for_without_end() -> None:
    body, content_type = SDP_BODY, "application/sdp"
    for depth in range(6):
        body, content_type = format_multipart((part(content_type, body=body),), f"{depth}-b")

    assert content_of(body, content_type, "application/sdp") is None
