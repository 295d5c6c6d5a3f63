"""Overload: when as much waits for a turn as may, requests that start a call are refused with 503.

What belongs to a call that there is waits all the same, however much there is before it: its share is bounded by the
number of calls, and refusing it would end them badly. Nor is a repeated request refused whose call has begun.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from server.engine.call import CallKey
from server.engine.refusal import Refusals
from server.engine.work_classes import WorkClass
from server.sip.message import Request
from server.transport.flow import Flow

SOONEST, SPREAD = 5, 10
"""Seconds after which a refused client may come again, and over which they are spread, each by its Call-ID."""

OF_RESOURCES = frozenset({"REGISTER", "PUBLISH"})
"""Methods that start nothing but change what is kept of an address: the client does the same again later."""


class Overload:
    """Refuses while there is no room.

    Shape: ``is_queued`` says whether something waits for a call already, ``is_known`` whether this engine has it.
    """

    def __init__(
        self,
        work_class: WorkClass,
        refusals: Refusals,
        is_queued: Callable[[CallKey], bool],
        is_known: Callable[[CallKey], bool],
    ) -> None:
        self._work_class = work_class
        self._refusals = refusals
        self._is_queued = is_queued
        self._is_known = is_known

    def refused(self, key: CallKey, request: Request, flow: Flow) -> bool:
        """Refuse a request that may start a call, if there is no room for one more; say whether it was.

        Source: RFC 3261 21.5.4.
        """
        if not self._work_class.is_full or self._is_queued(key):
            return False
        if request.method not in OF_RESOURCES and self._is_known(key):
            return False
        self._work_class.refuse()
        again = SOONEST + crc32(request.call_id.encode("utf-8", "surrogateescape")) % SPREAD
        self._refusals.refuse(request, flow, 503, extra=(("Retry-After", str(again)),))
        return True
