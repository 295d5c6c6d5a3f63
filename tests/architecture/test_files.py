"""Every file holds one idea: it is short, and what it makes public has a docstring."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("weaver", "server", "monitors", "apps")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
IMPLEMENTS_PROTOCOLS = {"server/container/messages.py", "server/container/sessions.py"}
"""Their methods are described by the protocols of ``server.servlet`` that they implement."""


def test_no_file_is_over_500_lines() -> None:
    files = [*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").rglob("*.py")]

    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}

    assert {name: count for name, count in lines.items() if count > 500} == {}


def undocumented(tree: ast.Module, *, methods: bool = True) -> Iterator[str]:
    """Yield the public names without a docstring: the module, its classes and functions, their methods."""
    if ast.get_docstring(tree) is None and tree.body:
        yield "module"
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None:
                yield node.name
            if isinstance(node, ast.ClassDef) and methods:
                yield from (
                    f"{node.name}.{below.name}"
                    for below in node.body
                    if isinstance(below, ast.FunctionDef | ast.ClassDef)
                    and not below.name.startswith("_")
                    and ast.get_docstring(below) is None
                    and not any(_is_again(decorator) for decorator in below.decorator_list)
                )


def _is_again(decorator: ast.expr) -> bool:
    """Say whether a decorated function says again what another one says: a setter, an overload."""
    return ast.unparse(decorator).endswith((".setter", "overload"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_public_has_a_docstring(path: Path) -> None:
    name = str(path.relative_to(ROOT))

    assert list(undocumented(ast.parse(path.read_text()), methods=name not in IMPLEMENTS_PROTOCOLS)) == []


def test_missing_docstring_is_noticed() -> None:
    tree = ast.parse(
        "def f(): ...\ndef _f(): ...\n"
        "class C:\n def g(self): ...\n @p.setter\n def p(self, v): ...\n"
        "class D:\n 'Doc.'\n"
    )

    assert list(undocumented(tree)) == ["module", "f", "C", "C.g"]
