from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaver.dye_mask import ALWAYS, DEPTH, any_of, names_in, parse_mask
from weaver.dye_names import mask_of
from weaver.errors import InvalidAttributeError, UnknownNameError

NAMES = ("ADDR1", "SIP_REQ", "THROTTLE")
VECTORS = [
    mask_of(name for name, on in zip(NAMES, each, strict=True) if on) for each in product((False, True), repeat=3)
]


def test_list_asks_for_all_its_entries() -> None:
    mask = parse_mask(["ADDR1", "SIP_REQ"])

    assert [vector for vector in VECTORS if mask.matches(vector)] == [
        vector for vector in VECTORS if vector & mask_of(["ADDR1", "SIP_REQ"]) == mask_of(["ADDR1", "SIP_REQ"])
    ]


def test_empty_list_matches_always() -> None:
    assert parse_mask([]) == ALWAYS
    assert all(ALWAYS.matches(vector) for vector in VECTORS)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    kind = draw(st.sampled_from(["name", "not", "and", "or"] if depth else ["name"]))
    if kind == "name":
        return draw(st.sampled_from(NAMES))
    if kind == "not":
        return f"not {draw(expressions(depth - 1))}" if draw(st.booleans()) else f"not ({draw(expressions(depth - 1))})"
    return f"({draw(expressions(depth - 1))}) {kind} {draw(expressions(depth - 1))}"


@given(expressions())
def test_expression_matches_what_python_says_of_it(text: str) -> None:
    said = [eval(text, {name: bool(vector & mask_of([name])) for name in NAMES}) for vector in VECTORS]
    if not any(said):
        with pytest.raises(InvalidAttributeError, match="never hold"):
            parse_mask([text])
        return

    mask = parse_mask([text])

    assert [mask.matches(vector) for vector in VECTORS] == said


def test_signs_and_words_mean_the_same() -> None:
    assert parse_mask(["ADDR1 && !SIP_REQ || THROTTLE"]) == parse_mask(
        ["addr1".upper() + " AND NOT SIP_REQ or THROTTLE"]
    )


def test_masks_together_match_what_one_of_them_matches() -> None:
    both = any_of([parse_mask(["ADDR1"]), parse_mask(["not SIP_REQ"])])

    assert [both.matches(mask_of(names)) for names in ([], ["SIP_REQ"], ["SIP_REQ", "ADDR1"])] == [True, False, True]
    assert any_of([parse_mask(["ADDR1"]), ALWAYS]) is ALWAYS


def test_flags_are_all_that_are_named() -> None:
    assert parse_mask(["ADDR1 and not SIP_REQ"]).flags == mask_of(["ADDR1", "SIP_REQ"])
    assert names_in("ADDR1 and not (SIP_REQ or NEW)") == ("ADDR1", "SIP_REQ", "NEW")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ADDR1 and", "at the end"),
        ("", "at the end"),
        ("and ADDR1", "before 'and'"),
        ("ADDR1 SIP_REQ", "expected 'and' or 'or' before 'SIP_REQ'"),
        ("(ADDR1", "not closed"),
        ("ADDR1)", "before '\\)'"),
        ("ADDR1 & SIP_REQ", "column 7 means nothing"),
        ("ADDR1 and not ADDR1", "never hold"),
        ("(" * (DEPTH + 1) + "ADDR1", "parentheses"),
        (" and ".join(f"(ADDR{n % 4 + 1} or USER{n % 4 + 1} or COOKIE{n // 4 + 1})" for n in range(8)), "alternatives"),
    ],
)
def test_expression_that_makes_no_sense_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(InvalidAttributeError, match=words):
        parse_mask([text])


def test_many_nots_need_no_stack() -> None:
    assert parse_mask(["not " * 10_000 + "ADDR1"]) == parse_mask(["ADDR1"])


def test_unknown_dye_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'ADDR1'"):
        parse_mask(["SIP_REQ or ADDRR1"])
