import importlib.util
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from zlib import crc32

import pytest

from weaver import woven_file
from weaver.scan import scan_module
from weaver.shadow import Shadow
from weaver.swap import weave_shadow
from weaver.weaving import Advice, Gate, Guard, Passes, weave
from weaver.woven_cache import Kept, WovenCache, store_module
from weaver.woven_file import (
    HEADER,
    PACKAGED,
    Selection,
    cache_tag,
    checksum_of,
    packaged,
    path_in,
    weaver_version,
)

SOURCE = '''
def work(x, on=1):
    """Say so."""
    try:
        return [y + on for y in range(x)]
    finally:
        x = 0


def count(n):
    yield from range(n)
'''
SELECTION = Selection("execution(* subject.*(..))", "around")


class Slots:
    m7 = False


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def enter(self, *arguments: object) -> None:
        self.lines.append("enter")

    def exit(self, token: object, value: object) -> object:
        self.lines.append("exit")
        return value

    def throw(self, token: object, error: BaseException) -> None:
        self.lines.append("throw")

    def advice(self, guard: Guard | None = None) -> Advice:
        return Advice(self.enter, self.exit, self.throw, guard)


KEPT: list[ModuleType] = []
"""Shadows do not keep their functions alive."""


def imported(path: Path, name: str = "woven_subject") -> dict[str, Shadow]:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    KEPT.append(module)
    return {shadow.name: shadow for shadow in scan_module(module)}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "woven_subject.py"
    path.write_text(SOURCE)
    yield path
    KEPT.clear()


@pytest.fixture
def built(tmp_path: Path) -> Path:
    return tmp_path / "woven"


def store(built: Path, *shadows: Shadow, selection: Selection = SELECTION) -> Path:
    kept = [Kept(shadow, shadow.function.__code__, (selection,)) for shadow in shadows]
    return store_module(built, shadows[0].module, shadows[0].filename, kept)


def reason(built: Path, shadow: Shadow, selection: Selection = SELECTION) -> str:
    found = WovenCache(built).load(shadow, shadow.function.__code__, [selection], Log().advice())
    assert (found.code is None) == bool(found.reason)
    return found.reason


def test_kept_code_is_what_would_be_woven_now(source: Path, built: Path) -> None:
    log, slots, gate = Log(), Slots(), Gate(on=True)
    shadows, cache = imported(source), WovenCache(built)
    store(built, *shadows.values())
    for name, shadow in shadows.items():
        code = shadow.function.__code__
        for guard in (None, Guard(gate, lambda: slots, "m7")):
            for advice in (
                log.advice(guard),
                Advice(log.enter, guard=guard),
                Advice(guard=guard, passes=Passes()),
                Advice(log.enter, guard=guard, passes=Passes()),
                Advice(log.enter, log.exit, log.throw, guard, passes=Passes()),
                Advice(log.enter, log.exit, log.throw, guard, False, Passes()),
            ):
                assert cache.load(shadow, code, [SELECTION], advice).code == weave(code, advice), (name, advice)
    assert cache.reasons == {"loaded": 24}


def test_kept_code_runs_with_the_present_advice_and_slot(source: Path, built: Path) -> None:
    log, slots = Log(), Slots()
    store(built, imported(source)["work"])
    advice = log.advice(Guard(Gate(on=True), lambda: slots, "m7"))

    later, cache = imported(source)["work"], WovenCache(built)
    weave_shadow(later, advice, cache.weaver(later, [SELECTION]))
    results = [later.function(2)]
    slots.m7 = True
    results.append(later.function(2))
    with pytest.raises(TypeError):
        later.function("")

    assert results == [[1, 2], [1, 2]]
    assert log.lines == ["enter", "exit", "enter", "throw"]
    assert later.function.__doc__ == "Say so."
    assert cache.reasons == {"loaded": 1}


def test_nothing_kept_is_not_a_fault(source: Path, built: Path, caplog: pytest.LogCaptureFixture) -> None:
    shadows = imported(source)
    assert reason(built, shadows["work"]) == "missing"

    store(built, shadows["work"])

    assert reason(built, shadows["count"]) == "missing"
    assert caplog.messages == []


def test_changed_source_makes_it_stale_and_that_is_said_once(
    source: Path, built: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shadows = imported(source)
    path = store(built, *shadows.values())
    source.write_text(SOURCE + "\n# another comment\n")
    cache = WovenCache(built)

    reasons = [cache.load(one, one.function.__code__, [SELECTION], Log().advice()).reason for one in shadows.values()]

    assert reasons == ["stale: another source"] * 2
    assert cache.reasons == {"stale": 2}
    assert caplog.messages == [f"{path} is not used (stale: another source): what it holds is woven at import"]


def test_other_code_from_the_same_source_makes_it_stale(source: Path, built: Path) -> None:
    shadow = imported(source)["work"]
    code = shadow.function.__code__
    store(built, shadow)

    shadow.function.__code__ = code.replace(co_stacksize=code.co_stacksize + 1)

    assert reason(built, shadow) == "stale: another code"


def test_another_weaver_makes_it_stale(source: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = imported(source)["work"]
    store(built, shadow)

    monkeypatch.setattr(woven_file, "_version", ["another"])

    assert reason(built, shadow) == "stale: another weaver"


def test_another_pointcut_or_location_makes_it_stale(source: Path, built: Path) -> None:
    shadow = imported(source)["work"]
    store(built, shadow)

    for other in (Selection("execution(* other..*(..))", "around"), Selection(SELECTION.pointcut, "before")):
        assert reason(built, shadow, other) == "stale: another pointcut or location"


def test_code_of_a_foreign_python_is_not_taken(source: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = imported(source)["work"]
    monkeypatch.setattr(woven_file, "MAGIC_NUMBER", b"\1\2\r\n")
    store(built, shadow)
    monkeypatch.undo()

    assert reason(built, shadow) == "foreign Python"


def test_any_damage_to_a_file_is_found(source: Path, built: Path) -> None:
    shadow = imported(source)["work"]
    path = store(built, shadow)
    sound = path.read_bytes()
    flipped = [sound[:at] + bytes((sound[at] ^ 16,)) + sound[at + 1 :] for at in range(0, len(sound), 97)]

    for content in (b"", sound[:20], sound[:-1], sound + b"x", *flipped):
        path.write_bytes(content)
        assert reason(built, shadow) == "damaged: not what was written"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xff", marshal.dumps(1), marshal.dumps([1, 2, 3, 4])],
)
def test_content_that_only_looks_right_is_not_taken(source: Path, built: Path, content: bytes) -> None:
    shadow = imported(source)["work"]
    path = store(built, shadow)

    path.write_bytes(HEADER + checksum_of(content) + len(content).to_bytes(8, "big") + content)

    assert reason(built, shadow).startswith(("damaged", "foreign"))


@pytest.mark.parametrize("entries", [None, {"work:2": 1}, {"work:2": [1, 2]}, {"work:2": [1, 2, 3]}])
def test_functions_that_only_look_right_are_not_taken(source: Path, built: Path, entries: object) -> None:
    shadow = imported(source)["work"]
    path = store(built, shadow)
    functions = marshal.dumps(entries)
    head = marshal.dumps([*marshal.loads(path.read_bytes()[len(HEADER) + 12 :])[:-1], crc32(functions)])

    path.write_bytes(HEADER + checksum_of(head) + len(head).to_bytes(8, "big") + head + functions)

    assert reason(built, shadow).startswith(("damaged", "stale: another code"))


def test_unreadable_file_and_vanished_source_are_reasons(source: Path, built: Path) -> None:
    shadow = imported(source)["work"]
    path = store(built, shadow)
    source.unlink()
    gone = reason(built, shadow)
    path.unlink()
    path.mkdir()

    assert gone == "unreadable: No such file or directory"
    assert reason(built, shadow) == "unreadable: Is a directory"


def test_kind_of_advice_that_is_not_kept_is_woven_instead(source: Path, built: Path) -> None:
    shadow, log, cache = imported(source)["count"], Log(), WovenCache(built)
    store(built, shadow)
    unusual = Advice(log.enter, None, log.throw)

    woven = FunctionType(cache.weaver(shadow, [SELECTION])(shadow.function.__code__, unusual), {"range": range})

    assert list(woven(2)) == [0, 1]
    assert log.lines == ["enter"]
    assert cache.reasons == {"not kept for this kind of advice": 1}


def test_function_that_cannot_be_woven_is_named(source: Path, built: Path) -> None:
    shadow = imported(source)["work"]
    code = shadow.function.__code__
    cut = code.replace(co_code=code.co_code[:2], co_exceptiontable=b"")

    with pytest.raises(ValueError, match=r"woven_subject:work: there is no RESUME"):
        store_module(built, shadow.module, shadow.filename, [Kept(shadow, cut, (SELECTION,))])


def test_same_build_gives_the_same_bytes(source: Path, built: Path, tmp_path: Path) -> None:
    shadows = imported(source).values()

    one = store(built, *shadows)
    two = store(tmp_path / "again", *shadows)

    assert one.read_bytes() == two.read_bytes()
    assert one.name == two.name
    assert [path.name for path in one.parent.iterdir()] == [one.name]


def test_package_carries_its_own(source: Path, built: Path) -> None:
    module = source.with_name("pack") / "inner" / "work.py"
    module.parent.mkdir(parents=True)
    source.rename(module)
    shadow = imported(module, "pack.inner.work")["work"]
    carried = store(source.with_name("pack") / PACKAGED, shadow)

    from_package = reason(built, shadow)
    store(built, shadow, selection=Selection("another", "before"))

    assert carried == path_in(source.with_name("pack") / PACKAGED, "pack.inner.work")
    assert from_package == ""
    assert reason(built, shadow) == "stale: another pointcut or location"


@pytest.mark.parametrize(
    ("module", "filename", "folders"),
    [
        ("pack", "/a/pack/__init__.py", ("/a/pack/_woven",)),
        ("pack.one", "/a/pack/one.py", ("/a/pack/_woven",)),
        ("pack.sub", "/a/pack/sub/__init__.py", ("/a/pack/_woven",)),
        ("single", "/a/single.py", ()),
        ("far.too.deep.for.its.place", "/x.py", ()),
    ],
)
def test_folder_of_a_package_is_found_from_a_module(module: str, filename: str, folders: tuple[str, ...]) -> None:
    assert packaged(module, filename) == tuple(Path(folder) for folder in folders)


def test_folder_is_of_this_python_and_its_optimisation(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = cache_tag()

    class Flags:
        optimize = 2

    monkeypatch.setattr(woven_file.sys, "flags", Flags())

    assert plain == sys.implementation.cache_tag
    assert cache_tag() == f"{plain}.opt-2"


def test_weaver_without_its_source_keeps_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(woven_file, "_version", [])
    monkeypatch.setattr(woven_file, "__file__", str(tmp_path / "woven_cache.py"))

    with pytest.raises(FileNotFoundError, match="no source files"):
        weaver_version()
