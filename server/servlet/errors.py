"""What can be wrong in what an application asks of the container; unhandled it becomes a 500 and a log line."""

from __future__ import annotations


class ServletError(Exception):
    """Root of the errors that the servlet API raises."""


class InvalidSessionError(ServletError):
    """The session has ended; ask ``is_valid`` first."""


class InvalidStateError(ServletError):
    """The request or response cannot do this now: sent already, transaction over, another kind."""


class NotRoutableError(ServletError):
    """There is no way to the target.

    Shape: ``status`` is the SIP status that says so, ``reason`` one line in plain words, ``headers`` what a response
    of that status must say besides.
    """

    def __init__(self, status: int, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


class BusyError(ServletError):
    """The call is being worked on and did not come free in time; try again."""
