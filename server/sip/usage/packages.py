"""Event packages: what a notification looks like, and what it says of somebody of whom nothing is known.

Source: RFC 3856, 3863 (presence), RFC 4235 (dialog), RFC 3842 (message-summary), RFC 3680 (reg).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'

REG = "reg"


class Package(NamedTuple):
    """One event package.

    Shape: ``nothing`` is the body while nothing is known, with the places ``{entity}`` (quoted) and ``{version}``;
    ``is_private`` says that only its owner may subscribe.
    """

    media_type: str
    nothing: str
    is_private: bool = False


class Contact(NamedTuple):
    """One registered contact; ``expires`` seconds from now."""

    uri: str
    expires: float


PACKAGES: Mapping[str, Package] = {
    "presence": Package(
        "application/pidf+xml",
        HEAD + '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity={entity}>'
        '<tuple id="none"><status><basic>closed</basic></status></tuple></presence>\n',
    ),
    "dialog": Package(
        "application/dialog-info+xml",
        HEAD + '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" '
        "entity={entity}/>\n",
    ),
    "message-summary": Package("application/simple-message-summary", "Messages-Waiting: no\r\n", is_private=True),
    REG: Package("application/reginfo+xml", "", is_private=True),
}


def nothing_known(package: Package, entity: str, version: int) -> bytes:
    """Return what is told of somebody of whom nothing was published."""
    return package.nothing.format(entity=quoteattr(entity), version=version).encode("utf-8", "replace")


def reginfo(entity: str, contacts: Iterable[Contact], version: int) -> bytes:
    """Return the whole state of a registration.

    Source: RFC 3680 5.
    """
    inside = "".join([_contact(contact) for contact in contacts])
    state = "active" if inside else "init"
    text = (
        f'{HEAD}<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{version}" state="full">'
        f'<registration aor={quoteattr(entity)} id="{_id(entity)}" state="{state}">{inside}</registration></reginfo>\n'
    )
    return text.encode("utf-8", "replace")


def _contact(contact: Contact) -> str:
    left = max(0, round(contact.expires))
    return (
        f'<contact id="{_id(contact.uri)}" state="active" event="registered" expires="{left}">'
        f"<uri>{escape(contact.uri)}</uri></contact>"
    )


def _id(text: str) -> str:
    """Return a name that stays the same from one notification to the next."""
    return f"i{blake2b(text.encode('utf-8', 'surrogateescape'), digest_size=6).hexdigest()}"
