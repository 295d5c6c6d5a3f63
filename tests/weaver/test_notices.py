import pytest

from weaver.notices import Notice, NoticeBoard
from weaver.redaction import HIDDEN


def test_notice_is_kept_handed_on_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    board, seen = NoticeBoard(), list[Notice]()
    board.subscribe(seen.append)

    notice = board.publish("monitor.stopped", "M", "it fails", details={"errors": 5})

    assert board.recent() == seen == [notice]
    assert (notice.kind, notice.source, notice.severity) == ("monitor.stopped", "M", "warning")
    assert notice.details == {"errors": 5}
    assert "monitor.stopped M: it fails" in caplog.text


def test_only_the_last_notices_are_kept() -> None:
    board = NoticeBoard(size=3)

    for number in range(5):
        board.publish("watch.fired", str(number), "")

    assert [notice.source for notice in board.recent()] == ["2", "3", "4"]
    assert [notice.notice_id for notice in board.recent()] == [3, 4, 5]


def test_notice_shows_no_secret_and_is_bounded() -> None:
    notice = NoticeBoard().publish("watch.fired", "W", "x" * 9_999, details={"cookie": "s", "text": "password=s3cret"})

    assert len(notice.text) < 1_000
    assert notice.details == {"cookie": HIDDEN, "text": f"password={HIDDEN}"}


def test_subscriber_that_raises_goes_and_the_others_stay() -> None:
    board, seen = NoticeBoard(), list[Notice]()

    def broken(notice: Notice) -> None:
        raise RuntimeError(notice.kind)

    board.subscribe(broken)
    board.subscribe(seen.append)
    for _ in range(2):
        board.publish("watch.fired", "W", "")

    assert len(seen) == 2
    assert broken not in board._subscribers


def test_subscription_can_be_ended_twice() -> None:
    board, seen = NoticeBoard(), list[Notice]()
    end = board.subscribe(seen.append)

    end()
    end()
    board.publish("watch.fired", "W", "")

    assert seen == []
