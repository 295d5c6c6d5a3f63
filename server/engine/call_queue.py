"""One FIFO queue for each call, and at most one greenlet that works it.

A call that nobody works on stands in the work class of its items: a message for a call whose timer waits behind many
others puts the call into a second class, and whichever gets to it first takes all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from server.engine.call import CallKey, Item
from server.engine.work_classes import WorkClasses
from server.greenlets import Workers

LIMIT = 1000
"""Items that may wait for one call; what comes above is dropped and counted, and the peer repeats it."""


class _Queue:
    """What waits for one call, and the work classes it stands in while it has not been begun."""

    __slots__ = ("classes", "is_begun", "items")

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self.classes: list[str] = []
        self.is_begun = False


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
        self._work_classes = work_classes or WorkClasses(workers)
        self._queues: dict[CallKey, _Queue] = {}
        self.dropped = 0

    def enqueue(self, key: CallKey, item: Item) -> bool:
        """Put an item behind the others of its call; a parked worker takes a call that nobody works on.

        Shape: False when the call has more waiting than it may, and the item was dropped.
        """
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue()
        elif len(queue.items) >= LIMIT:
            self.dropped += 1
            return False
        queue.items.append(item)
        if not queue.is_begun and item.work_class not in queue.classes:
            queue.classes.append(item.work_class)
            self._work_classes.of(item.work_class).submit(partial(self._run, key, queue))
        return True

    def __contains__(self, key: CallKey) -> bool:
        return key in self._queues

    def __len__(self) -> int:
        return len(self._queues)

    def _run(self, key: CallKey, queue: _Queue) -> None:
        if queue.is_begun:
            return
        queue.is_begun = True
        try:
            while queue.items:
                self._work(key, queue.items)
        finally:
            del self._queues[key]
