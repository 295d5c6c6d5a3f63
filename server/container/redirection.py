"""Where a request of ours goes next after a redirection: a user agent follows, boundedly and never to one place twice.

Source: RFC 3261 8.1.3.4.
"""

from __future__ import annotations

from server.container.records import SipRecord
from server.sip.headers.parameterized import parse_q
from server.sip.message import Request, Response
from server.sip.uri import parse_uri, uris_equal

MAX_TRIES = 10
"""Places that one request is sent to at most."""


def next_target(record: SipRecord, origin: Request, response: Response) -> str | None:
    """Return the next place for a request that failed, None when none is left; the session remembers what was tried.

    A request to a sips: address goes to such addresses only.
    """
    record.tried = record.tried or (origin.uri,)
    schemes = {"sips"} if origin.uri[:5].lower() == "sips:" else {"sip", "sips"}
    if 300 <= response.status < 400:
        contacts = sorted(response.contacts, key=lambda contact: -parse_q(contact.params.get("q")))
        found = tuple([c.uri for c in contacts if c.uri.partition(":")[0].lower() in schemes])
        record.targets = (*found, *record.targets)
    while record.targets and len(record.tried) < MAX_TRIES:
        target, *left = record.targets
        record.targets = tuple(left)
        parsed = parse_uri(target)
        if not any(uris_equal(parsed, parse_uri(other)) for other in record.tried):
            record.tried = (*record.tried, target)
            return target
    return None
