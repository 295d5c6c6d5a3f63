"""The error tree of the server; what an application sees has its own in ``server.servlet.errors``."""

from __future__ import annotations

from collections.abc import Sequence


class ServerError(Exception):
    """Root of all errors that the server raises."""


class ConfigError(ServerError):
    """Every fault of a configuration, together.

    Shape: ``faults`` is a list of lines ``file:line: key.path: reason``.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class IllegalTransitionError(ServerError):
    """An event that a state machine's table does not allow in its state: the caller's fault, never the peer's."""

    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(f"{machine}: the event {event!r} is not allowed in the state {state!r}")
        self.machine = machine
        self.state = state
        self.event = event


class TransportError(ServerError):
    """A message could not be handed to the network.

    Shape: ``flow`` names local and remote address in text, ``reason`` is one line.
    """

    def __init__(self, flow: str, reason: str) -> None:
        super().__init__(f"{flow}: {reason}")
        self.flow = flow
        self.reason = reason


class CallStateError(ServerError):
    """Root of what can go wrong between an engine and the state tier; names the call."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"call {key}: {reason}")
        self.key = key
        self.reason = reason


class CallStateLockedError(CallStateError):
    """Another engine has the call checked out and did not give it back in time; try again later."""


class CallStateLostError(CallStateError):
    """There is no such call, or no more: answer 481 and drop what was to be done."""


class StaleTokenError(CallStateError):
    """The lock was given to somebody else meanwhile: everything done on this copy of the call is void."""


class PartitionUnavailableError(CallStateError):
    """The partition of the call cannot be reached; the outcome is unknown, the same request may be repeated."""


class NotReplicatedError(CallStateError):
    """The change was applied but not confirmed by enough replicas; repeat it before anything is sent."""


class CallStateTooLargeError(CallStateError):
    """The encoded call state passes the limit; the change is not stored."""
