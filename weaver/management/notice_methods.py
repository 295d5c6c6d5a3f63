"""``notice.recent``; a session adds ``notice.subscribe`` and ``notice.unsubscribe``, which belong to one connection."""

from __future__ import annotations

from typing import Any

from weaver.management.roles import Role
from weaver.management.rpc import INVALID_PARAMS, MethodLike, RegisteredMethod, RpcError, by_name
from weaver.notices import KEPT, NoticeBoard


def notice_methods(board: NoticeBoard) -> dict[str, MethodLike]:
    """Return the methods over a board of notices."""

    def recent(limit: int = 100) -> Any:
        if not 0 < limit <= KEPT:
            raise RpcError(INVALID_PARAMS, f"the parameter 'limit' must be 1 to {KEPT}, not {limit}")
        return board.recent()[-limit:]

    return {
        "notice.recent": RegisteredMethod(by_name(recent), "Returns the last notices, the oldest first.", Role.VIEWER)
    }
