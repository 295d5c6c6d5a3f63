"""A file is watched, whatever becomes of it."""

import os
from pathlib import Path

import pytest

from weaver.file_watch import FileWatch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "watched.toml"
    path.write_text("one")
    return path


def watching(path: Path) -> tuple[FileWatch, list[str]]:
    told: list[str] = []
    return FileWatch(path, lambda: told.append(path.read_text())), told


def look(watch: FileWatch, times: int = 3) -> None:
    for _ in range(times):
        watch.look()


def test_file_that_stays_is_not_told(path: Path) -> None:
    watch, told = watching(path)

    look(watch)

    assert told == []


def test_change_is_told_once_and_only_when_it_has_come_to_rest(path: Path) -> None:
    watch, told = watching(path)

    path.write_text("tw")
    watch.look()
    path.write_text("two!")
    watch.look()
    before = list(told)
    look(watch)

    assert (before, told) == ([], ["two!"])


def test_file_that_is_replaced_is_told_even_with_the_same_size_and_time(path: Path) -> None:
    watch, told = watching(path)
    times = path.stat()
    new = path.with_suffix(".new")
    new.write_text("two")
    os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))

    new.replace(path)
    look(watch)

    assert told == ["two"]


def test_file_that_is_gone_is_not_told_until_it_is_back(path: Path) -> None:
    watch, told = watching(path)

    path.unlink()
    look(watch)
    before = list(told)
    path.write_text("back")
    look(watch)

    assert (before, told) == ([], ["back"])


def test_link_that_points_elsewhere_is_a_change(tmp_path: Path, path: Path) -> None:
    other, link, next_link = (tmp_path / name for name in ("other", "link", "next"))
    other.write_text("two")
    link.symlink_to(path)
    watch, told = watching(link)

    next_link.symlink_to(other)
    next_link.replace(link)
    look(watch)

    assert told == ["two"]


def test_change_that_could_not_be_taken_is_not_told_again(path: Path) -> None:
    told: list[int] = []

    def refuse() -> None:
        told.append(1)
        raise ValueError

    watch = FileWatch(path, refuse)
    path.write_text("wrong")
    watch.look()
    with pytest.raises(ValueError):
        watch.look()
    look(watch)

    assert told == [1]
