"""One FIFO queue for each call, and at most one greenlet that works it.

A call that nobody works on stands in the work class of its items: a message for a call whose timer waits behind many
others puts the call into a second class, and whichever gets to it first takes all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from server.engine.call import CallKey, Item
from server.engine.work_classes import WorkClasses
from server.greenlets import Workers

LIMIT = 1000
"""Items that may wait for one call; what comes above is dropped and counted, and the peer repeats it."""


class CallQueues:
    """The queues of all calls that have work.

    Shape: ``work(key, items)`` empties the queue; it is called in a worker, never twice at once for one key.
    """

    def __init__(
        self,
        workers: Workers,
        work: Callable[[CallKey, deque[Item]], None],
        work_classes: WorkClasses | None = None,
    ) -> None:
        self._work = work
        self._work_class = (work_classes or WorkClasses(workers)).of
        self._queues: dict[CallKey, _Queue] = {}
        self.dropped = 0

    def enqueue(self, key: CallKey, item: Item) -> bool:
        """Put an item behind the others of its call; a parked worker takes a call that nobody works on.

        Shape: False when the call has more waiting than it may, and the item was dropped.
        """
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue(key, self._finish)
        elif len(queue.items) >= LIMIT:
            self.dropped += 1
            return False
        queue.items.append(item)
        if not queue.is_begun:
            name = item.work_class
            if name not in queue.work_classes:
                queue.work_classes += (name,)
                self._work_class(name).submit(queue.begin)
        return True

    def __contains__(self, key: CallKey) -> bool:
        return key in self._queues

    def __len__(self) -> int:
        return len(self._queues)

    def _finish(self, key: CallKey, items: deque[Item]) -> None:
        try:
            while items:
                self._work(key, items)
        finally:
            del self._queues[key]


class _Queue:
    """What waits for one call, and the work classes it stands in while nobody works on it."""

    __slots__ = ("_finish", "_key", "is_begun", "items", "work_classes")

    def __init__(self, key: CallKey, finish: Callable[[CallKey, deque[Item]], None]) -> None:
        self._key = key
        self._finish = finish
        self.items: deque[Item] = deque()
        self.work_classes: tuple[str, ...] = ()
        self.is_begun = False

    def begin(self) -> None:
        """Do all of it, unless that was begun from another work class."""
        if not self.is_begun:
            self.is_begun = True
            self._finish(self._key, self.items)
