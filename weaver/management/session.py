"""One client of the admin socket, without the socket: bytes in, bytes out, and limits that keep a bad client harmless.

Time is an argument. Replies are never dropped: while a client does not read them, no further line of his is looked at.
Events are dropped, the oldest first, and the next event that goes out says how many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from weaver.event import Event
from weaver.management.roles import Role
from weaver.management.rpc import INVALID_PARAMS, Caller, Dispatcher, MethodTable, RpcError, by_name, notification
from weaver.notices import Notice
from weaver.query.live import compile_query

PROTOCOL = 1
SUBSCRIPTION_LIMIT = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may use.

    Units: seconds where the name says so.
    """

    clients: int = 32
    line_bytes: int = 1 << 20
    output_bytes: int = 1 << 20
    """Replies waiting to be read, above which no further line is looked at."""
    events: int = 1000
    """Events waiting to be sent; more, and the oldest go."""
    lines_a_pass: int = 16
    """Lines answered, and events sent, before other tasks of the process get their turn."""
    events_a_pass: int = 200
    """Events asked whether a subscription's query wants them, likewise."""
    malformed_lines: int = 20
    """Lines in a row that are no requests, after which the client is sent away."""
    command_seconds: float = 5.0
    """From the first byte of a line to its end."""
    idle_seconds: float = 300.0
    """Without a command; a client that subscribes may be silent for ever."""
    stall_seconds: float = 30.0
    """With output waiting and nothing read."""


class EventSource(Protocol):
    """Where events come from."""

    def subscribe(self, subscriber: Callable[[Event], None], /) -> Callable[[], None]:
        """Hand every new event to a subscriber; call the result to end that."""
        ...


class NoticeSource(Protocol):
    """Where notices come from."""

    def subscribe(self, subscriber: Callable[[Notice], None], /) -> Callable[[], None]:
        """Hand every new notice to a subscriber; call the result to end that."""
        ...


def hello(name: str, version: str, pid: int, arguments: Sequence[str], role: Role, features: Sequence[str]) -> bytes:
    """Return the first line that a client gets."""
    params = {"name": name, "version": version, "protocol": PROTOCOL, "pid": pid, "argv": arguments}
    return notification("server.hello", {**params, "role": str(role), "features": features}) + b"\n"


def goodbye(reason: str) -> bytes:
    """Return the last line that a client gets."""
    return notification("server.goodbye", {"reason": reason}) + b"\n"


class ClientSession:
    """One client.

    Shape: ``wake`` is called from wherever an event is emitted, and must not block; the shell then calls ``step``.
    """

    def __init__(
        self,
        methods: Mapping[str, Any],
        events: EventSource,
        caller: Caller,
        greeting: bytes,
        wake: Callable[[], None],
        now: float,
        limits: Limits,
        notices: NoticeSource | None = None,
    ) -> None:
        table = MethodTable(methods)
        if notices is not None:
            table.register(
                "notice.subscribe", by_name(self.subscribe_notices), Role.VIEWER, "Sends notices from now on."
            )
            table.register("notice.unsubscribe", by_name(self.unsubscribe), Role.VIEWER, "Ends a subscription.")
        table.register("event.subscribe", by_name(self.subscribe), Role.VIEWER, "Sends events from now on.")
        table.register("event.unsubscribe", by_name(self.unsubscribe), Role.VIEWER, "Ends a subscription.")
        self._dispatcher = Dispatcher(table, caller)
        self._source = events
        self._notices = notices
        self._wake = wake
        self._limits = limits
        self._input = bytearray()
        self._lines: deque[bytes] = deque()
        self._output = bytearray(greeting)
        self._events: deque[tuple[int, Event | Notice]] = deque()
        self._subscriptions: dict[int, Callable[[], None]] = {}
        self._tests: dict[int, Callable[[Any], bool]] = {}
        self._serial = 0
        self._malformed = 0
        self._commanded = now
        self._line_begun: float | None = None
        self._progress = now
        self._monitor_get = table.find("monitor.get").function if "monitor.get" in methods else None
        self._ended = False
        self.dropped = 0
        self.closing: str | None = None

    @property
    def output(self) -> bytearray:
        """The bytes to send; ``sent`` takes away what was."""
        return self._output

    @property
    def wants_input(self) -> bool:
        """Say whether the client may send more."""
        return self._is_open and not self._lines and len(self._output) < self._limits.output_bytes

    @property
    def has_work(self) -> bool:
        """Say whether ``step`` would do something now."""
        return self.closing is None and (
            bool(self._lines and len(self._output) < self._limits.output_bytes)
            or bool(self._events and not self._output)
        )

    @property
    def finished(self) -> bool:
        """Say whether the connection can be closed."""
        return self.closing is not None and not self._output

    @property
    def _is_open(self) -> bool:
        return self.closing is None and not self._ended

    def feed(self, data: bytes, now: float) -> None:
        """Take bytes of the client, none when he has ended his side; ``step`` answers them."""
        if not data:
            self._ended, data = True, b"\n"
        if not self._input:
            self._line_begun = now
        head, newline, rest = data.rpartition(b"\n")
        if newline:
            lines = bytes(self._input + head).split(b"\n")
            self._input[:] = rest
            self._line_begun = now if rest else None
        else:
            lines = []
            self._input += data
        if max(map(len, [self._input, *lines])) > self._limits.line_bytes:
            self.close(f"a line may have {self._limits.line_bytes} bytes")
            return
        requests = [line for line in map(bytes.strip, lines) if line]
        if len(lines) - len(requests) > self._limits.malformed_lines:
            self.close(f"{len(lines) - len(requests)} empty lines at once")
            return
        self._lines.extend(requests)

    def step(self, now: float) -> None:
        """Answer some of the lines that are here, and take events to the output.

        Switches: as the methods do.
        """
        for _ in range(self._limits.lines_a_pass):
            if self.closing is not None or not self._lines or len(self._output) >= self._limits.output_bytes:
                break
            self._commanded = now
            self._answer(self._lines.popleft(), now)
        if self._ended and not self._lines:
            self.close("")
        if self.closing is None and not self._output:
            for subscription, event in self._wanted_events():
                more = {"subscription": subscription, "dropped": self.dropped}
                self.dropped = 0
                method = "event" if isinstance(event, Event) else "notice"
                self._put(notification(method, {**msgspec.structs.asdict(event), **more}), now)

    def _wanted_events(self) -> list[tuple[int, Event | Notice]]:
        """Take events out of the queue, as many as a pass may look at and send."""
        found: list[tuple[int, Event | Notice]] = []
        for _ in range(min(self._limits.events_a_pass, len(self._events))):
            subscription, event = self._events.popleft()
            if self._tests[subscription](event):
                found.append((subscription, event))
                if len(found) == self._limits.lines_a_pass:
                    break
        return found

    def sent(self, count: int, now: float) -> None:
        """Note that the client has taken bytes of the output."""
        del self._output[:count]
        self._progress = now

    def offer(self, subscription: int, event: Event | Notice) -> None:
        """Queue an event or a notice for the client; the oldest goes when there is no room.

        Shape: called while it is emitted; it waits for nothing.
        """
        if len(self._events) >= self._limits.events:
            self._events.popleft()
            self.dropped += 1
        self._events.append((subscription, event))
        self._wake()

    def deadline(self) -> float:
        """Return when ``expire`` has something to say."""
        return min(self._deadlines(), default=float("inf"))

    def expire(self, now: float) -> None:
        """Send the client away when he was silent or did not read for too long."""
        reason = next((reason for due, reason in self._deadlines().items() if due <= now), None)
        if reason is None:
            return
        if self._output and self._progress + self._limits.stall_seconds <= now:
            self.close("")
            self._output.clear()
            return
        self._progress = now
        self.close(reason)

    def close(self, reason: str) -> None:
        """End the session: nothing more is read, the client is told why, if there is a reason."""
        if self.closing is not None:
            return
        self.closing = reason
        self._lines.clear()
        self._input.clear()
        for end in self._subscriptions.values():
            end()
        self._subscriptions.clear()
        self._events.clear()
        if reason:
            self._output += goodbye(reason)
        self._wake()

    def subscribe(self, monitor: str | None = None, query: str = "") -> dict[str, int]:
        """Send events from now on, of one monitor or of all, and of these the ones that a query asks for.

        Shape: the number of the subscription. Each notification ``event`` has the fields of the event, the number, and
        how many events were ``dropped`` before it.
        The query is asked when events are sent, not where they happen.
        Errors: RpcError, QuerySyntaxError.
        """
        test = compile_query(query) if query.strip() else _any_event
        if monitor is not None and self._monitor_get is not None:
            self._monitor_get({"name": monitor})
        number = self._next_subscription()

        def take(event: Event) -> None:
            if monitor is None or event.monitor == monitor:
                self.offer(number, event)

        self._tests[number] = test
        self._subscriptions[number] = self._source.subscribe(take)
        return {"subscription": number}

    def subscribe_notices(self) -> dict[str, int]:
        """Send notices from now on.

        Shape: as ``subscribe``; each notification ``notice`` has the fields of the notice.
        Errors: RpcError.
        """
        assert self._notices is not None
        number = self._next_subscription()
        self._tests[number] = _any_event
        self._subscriptions[number] = self._notices.subscribe(lambda notice: self.offer(number, notice))
        return {"subscription": number}

    def _next_subscription(self) -> int:
        if len(self._subscriptions) >= SUBSCRIPTION_LIMIT:
            raise RpcError(INVALID_PARAMS, f"a client may have {SUBSCRIPTION_LIMIT} subscriptions")
        self._serial += 1
        return self._serial

    def unsubscribe(self, subscription: int) -> dict[str, int]:
        """End a subscription; none of its events comes after the answer.

        Errors: RpcError.
        """
        end = self._subscriptions.pop(subscription, None)
        if end is None:
            raise RpcError(INVALID_PARAMS, f"there is no subscription {subscription}")
        end()
        del self._tests[subscription]
        self._events = deque(entry for entry in self._events if entry[0] != subscription)
        return {"subscription": subscription}

    def _answer(self, line: bytes, now: float) -> None:
        data, malformed = self._dispatcher.answer(line)
        self._malformed = self._malformed + 1 if malformed else 0
        if data is not None:
            self._put(data, now)
        if self._malformed >= self._limits.malformed_lines:
            self.close(f"{self._malformed} lines in a row were no JSON-RPC requests")

    def _put(self, line: bytes, now: float) -> None:
        if not self._output:
            self._progress = now
        self._output += line
        self._output += b"\n"

    def _deadlines(self) -> dict[float, str]:
        """Return what may run out, by time."""
        limits = self._limits
        found: dict[float, str] = {}
        if self._output:
            found[self._progress + limits.stall_seconds] = f"nothing was read for {limits.stall_seconds:g} s"
        if self.closing is not None:
            return found
        if self._line_begun is not None and not self._lines:
            due = self._line_begun + limits.command_seconds
            found[due] = f"a line was not ended within {limits.command_seconds:g} s"
        if not self._subscriptions and not self._output and not self._lines:
            found[self._commanded + limits.idle_seconds] = f"no command for {limits.idle_seconds:g} s"
        return found


def _any_event(_event: object) -> bool:
    return True
