"""The four transaction machines as tables: (state, event) -> (next state, actions).

Events of a client machine: ``1xx``, ``2xx``, ``3xx-6xx`` from the wire, ``error`` from the transport, and the names
of its timers. Events of a server machine: ``request`` (the request repeats), ``ack``, ``1xx``, ``2xx``, ``3xx-6xx``
sent by the transaction user, ``error``, timers.

The user of a client machine tells it of a ``cancel`` that it has sent.

Actions: ``deliver`` (give the message to the user), ``send`` (send the user's response and keep it), ``trying`` (the
same with a 100 of the machine's own), ``resend`` (send what is kept), ``ack`` (acknowledge the final response),
``timeout``, ``failed``, ``no-ack``, ``no-answer`` (tell the user), ``stop`` (stop all timers), ``set X``, ``again X``
(set X with the next, longer wait), ``slow X`` (set X with T2), ``idle`` (nothing).

An INVITE server transaction outlives an error of the transport, so that the INVITE that repeats is not taken for a new
one (RFC 6026 7.1). A cancelled INVITE that gets no final response ends by timer B (RFC 3261 9.1). A server that has
not answered another request sends 100 when the client's timer E has reached T2 (here timer T), and nothing any more
when the client's timer F has ended the wait.

Source: RFC 3261 17 (figures 5 to 8) with RFC 6026 7 (Accepted, timers L and M) and 8.4, RFC 4320 4.
"""

from __future__ import annotations

Table = dict[tuple[str, str], tuple[str, tuple[str, ...]]]

INVITE_CLIENT: Table = {
    ("Calling", "A"): ("Calling", ("resend", "again A")),
    ("Calling", "B"): ("Terminated", ("timeout",)),
    ("Calling", "1xx"): ("Proceeding", ("stop", "deliver")),
    ("Calling", "2xx"): ("Accepted", ("stop", "deliver", "set M")),
    ("Calling", "3xx-6xx"): ("Completed", ("stop", "ack", "deliver", "set D")),
    ("Calling", "error"): ("Terminated", ("failed",)),
    ("Calling", "cancel"): ("Calling", ("idle",)),
    ("Proceeding", "1xx"): ("Proceeding", ("deliver",)),
    ("Proceeding", "2xx"): ("Accepted", ("stop", "deliver", "set M")),
    ("Proceeding", "3xx-6xx"): ("Completed", ("stop", "ack", "deliver", "set D")),
    ("Proceeding", "error"): ("Proceeding", ("idle",)),
    ("Proceeding", "cancel"): ("Proceeding", ("set B",)),
    ("Proceeding", "B"): ("Terminated", ("timeout",)),
    ("Completed", "1xx"): ("Completed", ("idle",)),
    ("Completed", "2xx"): ("Completed", ("idle",)),
    ("Completed", "3xx-6xx"): ("Completed", ("ack",)),
    ("Completed", "error"): ("Terminated", ("failed",)),
    ("Completed", "cancel"): ("Completed", ("idle",)),
    ("Completed", "D"): ("Terminated", ()),
    ("Accepted", "1xx"): ("Accepted", ("idle",)),
    ("Accepted", "2xx"): ("Accepted", ("deliver",)),
    ("Accepted", "3xx-6xx"): ("Accepted", ("idle",)),
    ("Accepted", "error"): ("Accepted", ("idle",)),
    ("Accepted", "cancel"): ("Accepted", ("idle",)),
    ("Accepted", "M"): ("Terminated", ()),
}

NON_INVITE_CLIENT: Table = {
    ("Trying", "E"): ("Trying", ("resend", "again E")),
    ("Trying", "F"): ("Terminated", ("timeout",)),
    ("Trying", "1xx"): ("Proceeding", ("deliver",)),
    ("Trying", "2xx"): ("Completed", ("stop", "deliver", "set K")),
    ("Trying", "3xx-6xx"): ("Completed", ("stop", "deliver", "set K")),
    ("Trying", "error"): ("Terminated", ("failed",)),
    ("Proceeding", "E"): ("Proceeding", ("resend", "slow E")),
    ("Proceeding", "F"): ("Terminated", ("timeout",)),
    ("Proceeding", "1xx"): ("Proceeding", ("deliver",)),
    ("Proceeding", "2xx"): ("Completed", ("stop", "deliver", "set K")),
    ("Proceeding", "3xx-6xx"): ("Completed", ("stop", "deliver", "set K")),
    ("Proceeding", "error"): ("Terminated", ("failed",)),
    ("Completed", "1xx"): ("Completed", ("idle",)),
    ("Completed", "2xx"): ("Completed", ("idle",)),
    ("Completed", "3xx-6xx"): ("Completed", ("idle",)),
    ("Completed", "error"): ("Completed", ("idle",)),
    ("Completed", "K"): ("Terminated", ()),
}

INVITE_SERVER: Table = {
    ("Proceeding", "request"): ("Proceeding", ("resend",)),
    ("Proceeding", "ack"): ("Proceeding", ("idle",)),
    ("Proceeding", "1xx"): ("Proceeding", ("send",)),
    ("Proceeding", "2xx"): ("Accepted", ("send", "set L")),
    ("Proceeding", "3xx-6xx"): ("Completed", ("send", "set G", "set H")),
    ("Proceeding", "error"): ("Proceeding", ("failed",)),
    ("Completed", "request"): ("Completed", ("resend",)),
    ("Completed", "ack"): ("Confirmed", ("stop", "set I")),
    ("Completed", "1xx"): ("Completed", ("idle",)),
    ("Completed", "2xx"): ("Completed", ("idle",)),
    ("Completed", "3xx-6xx"): ("Completed", ("idle",)),
    ("Completed", "G"): ("Completed", ("resend", "again G")),
    ("Completed", "H"): ("Terminated", ("no-ack",)),
    ("Completed", "error"): ("Completed", ("failed",)),
    ("Confirmed", "request"): ("Confirmed", ("idle",)),
    ("Confirmed", "ack"): ("Confirmed", ("idle",)),
    ("Confirmed", "1xx"): ("Confirmed", ("idle",)),
    ("Confirmed", "2xx"): ("Confirmed", ("idle",)),
    ("Confirmed", "3xx-6xx"): ("Confirmed", ("idle",)),
    ("Confirmed", "error"): ("Confirmed", ("idle",)),
    ("Confirmed", "I"): ("Terminated", ()),
    ("Accepted", "request"): ("Accepted", ("idle",)),
    ("Accepted", "ack"): ("Accepted", ("deliver",)),
    ("Accepted", "1xx"): ("Accepted", ("idle",)),
    ("Accepted", "2xx"): ("Accepted", ("send",)),
    ("Accepted", "3xx-6xx"): ("Accepted", ("idle",)),
    ("Accepted", "error"): ("Accepted", ("failed",)),
    ("Accepted", "L"): ("Terminated", ()),
}

NON_INVITE_SERVER: Table = {
    ("Trying", "request"): ("Trying", ("idle",)),
    ("Trying", "T"): ("Proceeding", ("trying",)),
    ("Trying", "F"): ("Terminated", ("no-answer",)),
    ("Trying", "1xx"): ("Proceeding", ("send",)),
    ("Trying", "2xx"): ("Completed", ("stop", "send", "set J")),
    ("Trying", "3xx-6xx"): ("Completed", ("stop", "send", "set J")),
    ("Trying", "error"): ("Terminated", ("failed",)),
    ("Proceeding", "request"): ("Proceeding", ("resend",)),
    ("Proceeding", "T"): ("Proceeding", ("idle",)),
    ("Proceeding", "F"): ("Terminated", ("no-answer",)),
    ("Proceeding", "1xx"): ("Proceeding", ("send",)),
    ("Proceeding", "2xx"): ("Completed", ("stop", "send", "set J")),
    ("Proceeding", "3xx-6xx"): ("Completed", ("stop", "send", "set J")),
    ("Proceeding", "error"): ("Terminated", ("failed",)),
    ("Completed", "request"): ("Completed", ("resend",)),
    ("Completed", "1xx"): ("Completed", ("idle",)),
    ("Completed", "2xx"): ("Completed", ("idle",)),
    ("Completed", "3xx-6xx"): ("Completed", ("idle",)),
    ("Completed", "error"): ("Terminated", ("failed",)),
    ("Completed", "J"): ("Terminated", ()),
}

TABLES: dict[str, Table] = {
    "invite-client": INVITE_CLIENT,
    "non-invite-client": NON_INVITE_CLIENT,
    "invite-server": INVITE_SERVER,
    "non-invite-server": NON_INVITE_SERVER,
}

START: dict[str, tuple[str, tuple[str, ...]]] = {
    "invite-client": ("Calling", ("set A", "set B")),
    "non-invite-client": ("Trying", ("set E", "set F")),
    "invite-server": ("Proceeding", ()),
    "non-invite-server": ("Trying", ("set T", "set F")),
}
"""Machine -> its first state and the timers it sets."""
