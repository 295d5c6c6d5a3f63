"""XML from anywhere does no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaver.safe_xml import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, Element, read_xml

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<a>&c;</a>"""


def test_elements_have_names_without_namespaces_lines_attributes_and_texts() -> None:
    root = read_xml(b'<r xmlns="u:a" xmlns:x="u:b">\n <x:c x:nil="true">one<d/> two </x:c>\n <c>&lt;&#65;</c></r>')

    assert (root.name, root.line, root.text.strip()) == ("r", 1, "")
    assert [(one.name, one.line, one.text) for one in root.children] == [("c", 2, "one two "), ("c", 3, "<A")]
    assert root.children[0].attributes == {"nil": "true"}
    assert (root.text_of("c"), root.text_of("none")) == ("one two", "")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (BOMB, "line 2: has a document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "line 1: has a document type"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "line 1: has a document type"),
        (b"<a>&x;</a>", "line 1: is not XML: undefined entity"),
        (b"<a>\n</b>", "line 2: is not XML: mismatched tag"),
        (b"", "is not XML: no element found"),
        (b"<a/><b/>", "is not XML: junk after"),
        (b"<a>" + b" " * MAX_BYTES + b"</a>", f"{MAX_BYTES} are the most"),
        (b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} elements in each other"),
        (b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>", f"or {MAX_ELEMENTS} in all"),
    ],
)
def test_what_could_harm_or_is_no_xml_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_xml(data)

    assert reason in str(caught.value)


@given(st.binary(max_size=200) | st.text(alphabet="<>/&;!a=\"' []", max_size=60).map(str.encode))
def test_any_bytes_are_an_element_or_a_value_error(data: bytes) -> None:
    try:
        root = read_xml(data)
    except ValueError:
        return

    assert isinstance(root, Element)
