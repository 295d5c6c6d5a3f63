import importlib
import sys
from pathlib import Path

import pytest

from tests.weaver.offline.conftest import Read
from weaver.offline.files import SourceFile, find_sources
from weaver.offline.scan import SourceShadow, scan
from weaver.pointcut.match import match
from weaver.pointcut.parser import parse_pointcut
from weaver.scan import scan_module
from weaver.shadow import Parameter


def executions(shadows: list[SourceShadow]) -> dict[str, SourceShadow]:
    return {f"{one.module}.{one.qualname}": one for one in shadows if one.kind == "execution"}


def places(shadows: list[SourceShadow], kind: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.name, one.owners) for one in shadows if one.kind == kind]


def test_functions_have_the_names_that_python_gives_them(read: Read) -> None:
    found = executions(
        read("""
            import functools as f

            @f.lru_cache(maxsize=1)
            def top(a, /, b: int, *rest: "str", c=lambda: 0, **more) -> list[int]:
                def inner():
                    class Local(Base):
                        def method(self): ...
                return lambda x: x

            if True:
                async def later(): yield 1

            @app.register
            class Outer:
                class Inner:
                    @property
                    def deep(self) -> None: ...
                async def wait(self): ...
                def steps(self): yield from []
                table = [lambda self: 1]
        """).shadows
    )

    assert sorted(found) == [
        "app.main.<lambda>",
        "app.main.Outer.<lambda>",
        "app.main.Outer.Inner.deep",
        "app.main.Outer.steps",
        "app.main.Outer.wait",
        "app.main.later",
        "app.main.top",
        "app.main.top.<locals>.<lambda>",
        "app.main.top.<locals>.inner",
        "app.main.top.<locals>.inner.<locals>.Local.method",
    ]
    top, deep = found["app.main.top"], found["app.main.Outer.Inner.deep"]
    assert top.parameters == (
        Parameter("a", None),
        Parameter("b", "int"),
        Parameter("c", None),
        Parameter("rest", "str"),
        Parameter("more", None),
    )
    assert (top.returns, top.decorators, top.line, top.class_name) == ("list[int]", ("f.lru_cache",), 4, None)
    assert (deep.returns, deep.decorators, deep.class_name) == (None, ("property",), "app.main.Outer.Inner")
    assert found["app.main.Outer.wait"].decorators == ("class:app.register",)
    flags = {name.rpartition(".")[2]: one.flags for name, one in found.items()}
    assert [flags[name] for name in ("top", "later", "wait", "steps")] == [
        "plain",
        "async_generator",
        "coroutine",
        "generator",
    ]


def test_classes_come_from_classes_of_other_files(read: Read) -> None:
    found = executions(
        read(
            """
            from . import Middle as M
            import app.base
            from outside import Strange

            class Child(M, app.base.Other, Strange[int]):
                def f(self): ...
            """,
            __init__="from .middle import Middle",
            middle="from app.base import Base\n\nclass Middle(Base, Exception): ...",
            base="class Base:\n    def __init__(self): ...\n\nclass Other: ...",
        ).shadows
    )

    child = found["app.main.Child.f"]
    assert child.bases == (
        "app.main.Child",
        "app.middle.Middle",
        "app.base.Base",
        "builtins.Exception",
        "builtins.BaseException",
        "app.base.Other",
        "outside.Strange",
        "builtins.object",
    )
    assert child.unread == ("outside.Strange",)
    init = found["app.base.Base.__init__"]
    assert [heir[0] for heir in init.heirs] == ["app.middle.Middle", "app.main.Child"]
    assert match(parse_pointcut("initialization(Child)"), init).matched


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("class A(A): ...", ("A", "object")),
        ("class A(B): ...\nclass B(A): ...", ("A", "B", "object")),
        ("class O: ...\nclass P(O): ...\nclass A(O, P): ...", ("A", "O", "P", "object")),
        ("class A(make(), *more, metaclass=M): ...", ("A", "object")),
        ("class A(missing.B): ...", ("A", "missing.B", "object")),
    ],
)
def test_bases_that_python_would_refuse_do_no_harm(read: Read, text: str, order: tuple[str, ...]) -> None:
    scanned = read(text + "\nclass Z(A):\n    def f(self): ...")

    bases = executions(scanned.shadows)["app.main.Z.f"].bases

    assert [base.removeprefix("app.main.").removeprefix("builtins.") for base in bases if "make" not in base] == [
        "Z",
        *order,
    ]


def test_imports_that_lead_in_a_circle_end(read: Read) -> None:
    scanned = read("from app.other import x\n\ndef f(): x()", other="from app.main import x")

    assert [name for name, _ in places(scanned.shadows, "call")] == ["x"]


def test_calls_know_what_the_callee_belongs_to_where_the_file_says_so(read: Read) -> None:
    scanned = read(
        """
        import os.path
        from app import tool
        from app.tool import Tool as T, use as u
        LIMIT = 3

        def f(x, *, y=len("a")):
            import json as j
            use = x
            len(x); tool.use(); u(); T(); T.make(); os.path.join(); j.loads(); f(x)
            x.go(); use(); y.go().on(); T().go(); LIMIT.real(); (lambda z: z(u))(1)

            def inner():
                x(); T.gone()

            def around():
                class Local:
                    made = len("")
                    def method(self): self.go()
        """,
        tool="class Base: ...\n\nclass Tool(Base): ...\n\ndef use(): ...",
    )

    assert places(scanned.shadows, "call") == [
        ("len", ("builtins", "app.main")),
        ("use", ("app.tool",)),
        ("use", ("app.tool", "app.main")),
        ("Tool", ("app.tool", "app.main")),
        ("make", ("app.tool.Tool", "app.tool.Base", "builtins.object")),
        ("join", ("os.path",)),
        ("loads", ("json",)),
        ("f", ("app.main",)),
        ("go", ()),
        ("on", ()),
        ("go", ()),
        ("go", ()),
        ("Tool", ("app.tool", "app.main")),
        ("real", ()),
        ("gone", ("app.tool.Tool", "app.tool.Base", "builtins.object")),
        ("len", ("builtins", "app.main")),
        ("go", ()),
    ]


def test_call_of_what_a_variable_holds_is_none_but_of_a_name_that_is_the_modules(read: Read) -> None:
    scanned = read(
        """
        def f():
            from os import getcwd
            global made, told
            made = getcwd
            made()
            getcwd()
            return [one() for one in (told(),)]
        """
    )

    assert [name for name, _ in places(scanned.shadows, "call")] == ["made", "told"]


def test_attribute_at_the_end_of_a_chain_is_on_its_own_line(read: Read) -> None:
    scanned = read(
        """
        def f(x):
            (x
                .first
                .second())
        """
    )

    lines = {one.name: one.line for one in scanned.shadows if one.kind != "execution"}
    assert lines["second"] - lines["first"] == 1


def test_attributes_and_handlers_are_found(read: Read) -> None:
    scanned = read(
        """
        from app.faults import Fault

        class C:
            def f(self, errors):
                self.a = self.b
                del self.gone
                C.total += 1
                self.later: Fault.kind
                self.now: Fault.kind = errors
                try:
                    self.call()
                except (KeyError, Fault):
                    raise
                except errors:
                    pass
                except Unknown:
                    pass
                except:
                    pass
        """,
        faults="class Fault(OSError): ...",
    )

    total = ("total", ("app.main.C", "builtins.object"))
    assert places(scanned.shadows, "set") == [("a", ()), total, ("now", ())]
    assert places(scanned.shadows, "get") == [("b", ()), total]
    assert [(name, owners[:2]) for name, owners in places(scanned.shadows, "handler")] == [
        ("KeyError", ("builtins.KeyError", "builtins.LookupError")),
        ("Fault", ("app.faults.Fault", "builtins.OSError")),
        ("errors", ()),
        ("Unknown", ()),
    ]
    offsets = [one.offset for one in scanned.shadows if one.kind != "execution"]
    assert len(set(offsets)) == len(offsets)


def test_other_names_of_functions_are_known(read: Read) -> None:
    scanned = read("from app.tool import use as u\nimport app.tool", tool="def use(): ...")

    assert dict(scanned.program.aliases) == {"app.main.u": "app.tool.use"}


def test_file_that_cannot_be_read_is_named_and_harms_no_other(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def f(:")
    (tmp_path / "null.py").write_bytes(b"a = 1\0")
    (tmp_path / "deep.py").write_text("x = " + "(" * 150 + "1" + ")" * 150 + "\ny = " + "-" * 5000 + "1")
    (tmp_path / "latin.py").write_bytes(b"# coding: latin-1\ndef caf\xe9(): ...")
    files = [SourceFile(path.stem, path) for path in sorted(tmp_path.glob("*.py"))]

    found = scan([*files, SourceFile("gone", tmp_path / "gone.py")])

    assert [one.name for one in found.shadows if one.module == "latin"] == ["café"]
    assert {"bad", "gone", "null"} <= {Path(fault.partition(":")[0]).stem for fault in found.faults}


@pytest.mark.slow
@pytest.mark.parametrize("package", ["argparse", "email", "json", "logging", "weaver", "server"])
def test_what_the_running_program_has_is_what_was_read(package: str) -> None:
    read = scan(find_sources(package, sys.path))
    known = executions(read.shadows)
    compared = 0
    for name in read.program.modules:
        if name.endswith("__main__") or "gevent" in name or name == "weaver.run":
            continue
        module = importlib.import_module(name)
        for live in scan_module(module):
            source = known.get(f"{live.module}.{live.qualname}")
            if source is None or source.line != live.line or live.filename != source.filename:
                continue  # made by code, or defined twice
            compared += 1
            assert [one.name for one in source.parameters] == [one.name for one in live.parameters]
            assert source.name == live.name
            if not source.unread and "<locals>" not in live.qualname:
                assert source.class_name == live.class_name
                assert source.bases == live.bases

    assert compared > 20
    assert read.faults == []
