"""XML from anywhere, read without harm: no document types, hence no entities; nothing is fetched; all is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_ELEMENTS = 10_000
_BETWEEN = " "


@dataclass(slots=True)
class Element:
    """An element; names are without their namespaces, ``text`` is its own, without that of its children."""

    name: str
    line: int
    attributes: Mapping[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Element]:
        """Yield the children of a name."""
        return (child for child in self.children if child.name == name)

    def text_of(self, name: str) -> str:
        """Return the text of the first child of a name, without blanks around; empty when there is none."""
        return next((child.text.strip() for child in self.all(name)), "")


def read_xml(data: bytes) -> Element:
    """Return the root element.

    Errors: ValueError, with line and reason: not XML, a document type, or more than the limits.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"has {len(data)} bytes; {MAX_BYTES} are the most that is read")
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"line {error.lineno}: is not XML: {expat.ErrorString(error.code)}") from error
    return builder.root


class _Builder:
    """Makes elements of what the parser tells."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=_BETWEEN)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self._open = [Element("", 0, {})]
        self._count = 0

    @property
    def root(self) -> Element:
        """The one element on top; a text without one is not XML."""
        return self._open[0].children[0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        line = self.parser.CurrentLineNumber
        if len(self._open) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise ValueError(f"line {line}: more than {MAX_DEPTH} elements in each other, or {MAX_ELEMENTS} in all")
        element = Element(_local(name), line, {_local(key): value for key, value in attributes.items()})
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _refuse(self, *_declaration: object) -> None:
        raise ValueError(f"line {self.parser.CurrentLineNumber}: has a document type, which is not read")


def _local(name: str) -> str:
    return name.rpartition(_BETWEEN)[2]
