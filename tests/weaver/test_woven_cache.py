import importlib.util
import marshal
import sys
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from weaver import woven_cache
from weaver.shadow import Shadow, scan_module
from weaver.swap import weave_shadow
from weaver.weaving import Advice, Gate, Guard, weave
from weaver.woven_cache import HEADER, Selection, WovenCache, cache_tag, weaver_version

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


def imported(path: Path, name: str = "woven_subject") -> dict[str, Shadow]:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {shadow.name: shadow for shadow in scan_module(module)}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "woven_subject.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> WovenCache:
    return WovenCache(tmp_path / "woven")


def reason(cache: WovenCache, shadow: Shadow, selection: Selection = SELECTION) -> str:
    found = cache.load(shadow, shadow.function.__code__, selection, Log().advice())
    assert (found.code is None) == bool(found.reason)
    return found.reason


def test_kept_code_is_what_would_be_woven_now(source: Path, cache: WovenCache) -> None:
    log, slots, gate = Log(), Slots(), Gate(on=True)
    for name, shadow in imported(source).items():
        code = shadow.function.__code__
        cache.store(shadow, code, SELECTION)
        for guard in (None, Guard(gate, lambda: slots, "m7")):
            advice = log.advice(guard)
            assert cache.load(shadow, code, SELECTION, advice).code == weave(code, advice), name
        before = Advice(log.enter)
        assert cache.load(shadow, code, SELECTION, before).code == weave(code, before), name
    assert cache.reasons == {"loaded": 6}


def test_kept_code_runs_with_the_present_advice_and_slot(source: Path, cache: WovenCache) -> None:
    shadow, log, slots = imported(source)["work"], Log(), Slots()
    cache.store(shadow, shadow.function.__code__, SELECTION)
    advice = log.advice(Guard(Gate(on=True), lambda: slots, "m7"))

    later = imported(source)["work"]
    weave_shadow(later, advice, WovenCache(cache.directory.parent).weaver(later, [SELECTION]))
    results = [later.function(2)]
    slots.m7 = True
    results.append(later.function(2))
    with pytest.raises(TypeError):
        later.function("")

    assert results == [[1, 2], [1, 2]]
    assert log.lines == ["enter", "exit", "enter", "throw"]
    assert later.function.__doc__ == "Say so."


def test_nothing_kept_is_not_a_fault(source: Path, cache: WovenCache) -> None:
    assert reason(cache, imported(source)["work"]) == "missing"


def test_changed_source_makes_it_stale(source: Path, cache: WovenCache) -> None:
    shadow = imported(source)["work"]
    cache.store(shadow, shadow.function.__code__, SELECTION)
    source.write_text(SOURCE + "\n# another comment\n")

    later = WovenCache(cache.directory.parent)

    assert reason(later, imported(source)["work"]) == "stale: another source"
    assert later.reasons == {"stale": 1}


def test_other_code_from_the_same_source_makes_it_stale(source: Path, cache: WovenCache) -> None:
    shadow = imported(source)["work"]
    code = shadow.function.__code__
    cache.store(shadow, code, SELECTION)

    shadow.function.__code__ = code.replace(co_stacksize=code.co_stacksize + 1)

    assert reason(cache, shadow) == "stale: another code"


def test_another_weaver_makes_it_stale(source: Path, cache: WovenCache, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = imported(source)["work"]
    cache.store(shadow, shadow.function.__code__, SELECTION)

    monkeypatch.setattr(woven_cache, "_version", ["another"])

    assert reason(cache, shadow) == "stale: another weaver"


def test_another_pointcut_or_location_has_a_file_of_its_own(source: Path, cache: WovenCache) -> None:
    shadow = imported(source)["work"]
    cache.store(shadow, shadow.function.__code__, SELECTION)

    assert reason(cache, shadow, Selection("execution(* other..*(..))", "around")) == "missing"
    assert reason(cache, shadow, Selection(SELECTION.pointcut, "before")) == "missing"


def test_code_of_a_foreign_python_is_not_taken(
    source: Path, cache: WovenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadow = imported(source)["work"]
    monkeypatch.setattr(woven_cache, "MAGIC_NUMBER", b"\1\2\r\n")
    cache.store(shadow, shadow.function.__code__, SELECTION)
    monkeypatch.undo()

    assert reason(cache, shadow) == "foreign Python"


def test_any_damage_to_a_file_is_found(source: Path, cache: WovenCache) -> None:
    shadow = imported(source)["work"]
    path = cache.store(shadow, shadow.function.__code__, SELECTION)
    sound = path.read_bytes()
    flipped = [sound[:at] + bytes((sound[at] ^ 16,)) + sound[at + 1 :] for at in range(0, len(sound), 97)]

    for content in (b"", sound[:20], sound[:-1], sound + b"x", *flipped):
        path.write_bytes(content)
        assert reason(cache, shadow) == "damaged: not what was written"


@pytest.mark.parametrize("content", [b"", b"\xff\xff", marshal.dumps(1), marshal.dumps([1, 2, 3])])
def test_content_that_only_looks_right_is_not_taken(source: Path, cache: WovenCache, content: bytes) -> None:
    shadow = imported(source)["work"]
    path = cache.store(shadow, shadow.function.__code__, SELECTION)

    path.write_bytes(HEADER + sha256(content).digest() + content)

    assert reason(cache, shadow).startswith(("damaged", "foreign"))


def test_unreadable_file_and_vanished_source_are_reasons(source: Path, cache: WovenCache) -> None:
    shadow = imported(source)["work"]
    path = cache.store(shadow, shadow.function.__code__, SELECTION)
    source.unlink()
    gone = reason(WovenCache(cache.directory.parent), shadow)
    path.unlink()
    path.mkdir()

    assert gone == "unreadable: No such file or directory"
    assert reason(cache, shadow) == "unreadable: Is a directory"


def test_kind_of_advice_that_is_not_kept_is_woven_instead(source: Path, cache: WovenCache) -> None:
    shadow, log = imported(source)["count"], Log()
    code = shadow.function.__code__
    cache.store(shadow, code, SELECTION)
    unusual = Advice(log.enter, None, log.throw)

    assert cache.load(shadow, code, SELECTION, unusual).reason == "not kept for this kind of advice"
    woven = FunctionType(cache.weaver(shadow, [SELECTION])(code, unusual), {"range": range})
    assert list(woven(2)) == [0, 1]
    assert log.lines == ["enter"]


def test_same_build_gives_the_same_bytes(source: Path, cache: WovenCache, tmp_path: Path) -> None:
    shadow = imported(source)["work"]

    one = cache.store(shadow, shadow.function.__code__, SELECTION)
    two = WovenCache(tmp_path / "again").store(shadow, shadow.function.__code__, SELECTION)

    assert one.read_bytes() == two.read_bytes()
    assert one.name == two.name
    assert [path.name for path in one.parent.iterdir()] == [one.name]


def test_folder_is_of_this_python_and_its_optimisation(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = cache_tag()

    class Flags:
        optimize = 2

    monkeypatch.setattr(woven_cache.sys, "flags", Flags())

    assert plain == sys.implementation.cache_tag
    assert cache_tag() == f"{plain}.opt-2"


def test_weaver_without_its_source_keeps_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(woven_cache, "_version", [])
    monkeypatch.setattr(woven_cache, "__file__", str(tmp_path / "woven_cache.py"))

    with pytest.raises(FileNotFoundError, match="no source files"):
        weaver_version()
