"""Parts of a running weaver."""

import pytest

from weaver.parts import Parts


def test_parts_stop_in_the_opposite_order_and_once() -> None:
    told: list[str] = []
    parts = Parts()
    for name in ("one", "two"):
        parts.start(name, lambda name=name: told.append(f"+{name}"), lambda name=name: told.append(f"-{name}"))  # type: ignore[misc]

    parts.stop()
    parts.stop()

    assert told == ["+one", "+two", "-two", "-one"]


def test_what_a_part_starts_with_is_returned() -> None:
    assert Parts().start("socket", lambda: "/run/x.sock", print) == "/run/x.sock"


def test_part_that_does_not_start_is_not_stopped() -> None:
    told: list[str] = []
    parts = Parts()
    parts.start("one", str, lambda: told.append("-one"))

    with pytest.raises(ZeroDivisionError):
        parts.start("two", lambda: 1 / 0, lambda: told.append("-two"))
    parts.stop()

    assert told == ["-one"]


def test_part_that_does_not_stop_is_logged_and_keeps_no_other_from_it(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    parts = Parts()
    parts.start("one", str, lambda: told.append("-one"))
    parts.start("two", str, lambda: 1 / 0)

    parts.stop()

    assert told == ["-one"]
    assert "two could not be stopped" in caplog.text
