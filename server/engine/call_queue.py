"""One FIFO queue for each call, and at most one greenlet that works it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from server.engine.call import CallKey, Item
from server.greenlets import Workers

LIMIT = 1000
"""Items that may wait for one call; what comes above is dropped and counted, and the peer repeats it."""


class CallQueues:
    """The queues of all calls that have work.

    Shape: ``work(key, queue)`` empties the queue; it is called in a worker, never twice at once for one key.
    """

    def __init__(self, workers: Workers, work: Callable[[CallKey, deque[Item]], None]) -> None:
        self._workers = workers
        self._work = work
        self._queues: dict[CallKey, deque[Item]] = {}
        self.dropped = 0

    def enqueue(self, key: CallKey, item: Item) -> bool:
        """Put an item behind the others of its call; a parked worker takes a call that nobody works on.

        Shape: False when the call has more waiting than it may, and the item was dropped.
        """
        queue = self._queues.get(key)
        if queue is None:
            self._queues[key] = deque((item,))
            self._workers.run(self._run, key)
        elif len(queue) < LIMIT:
            queue.append(item)
        else:
            self.dropped += 1
            return False
        return True

    def __contains__(self, key: CallKey) -> bool:
        return key in self._queues

    def __len__(self) -> int:
        return len(self._queues)

    def _run(self, key: CallKey) -> None:
        queue = self._queues[key]
        try:
            while queue:
                self._work(key, queue)
        finally:
            del self._queues[key]
