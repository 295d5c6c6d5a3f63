"""Which call a message belongs to.

Whatever we mint (tags, branches, Record-Routes) carries the key of its call, so that any engine finds the call without
an index. A request of which we have minted nothing yet is hashed: by Call-ID, a REGISTER by its address of record. The
hash is keyed, so a stranger cannot aim a message at somebody else's call.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from server.engine.call import CallKey
from server.sip.headers.table import JOIN, REPLACES, TARGET_DIALOG
from server.sip.ids import key_of_token
from server.sip.message import Request, Response
from server.sip.uri import SipUri, parse_uri

NAMING = (REPLACES, JOIN, TARGET_DIALOG)
"""Headers that name a dialog which a request is not in."""

KEY_BYTES = 10
"""80 bits: not to be guessed over a network."""


class Dispatch:
    """Finds call keys.

    Shape: ``secret`` keys the hash; ``canonical`` turns the text of a To URI into an address of record.
    """

    def __init__(self, secret: bytes, canonical: Callable[[str], str]) -> None:
        self._secret = secret
        self._canonical = canonical

    def hashed(self, kind: str, text: str) -> CallKey:
        """Return the key for ``text``; ``kind`` keeps Call-IDs and addresses of record apart."""
        data = f"{kind}\0{text}".encode("utf-8", "surrogateescape")
        return CallKey(blake2b(data, digest_size=KEY_BYTES, key=self._secret).hexdigest())

    def registration_key(self, address_of_record: str) -> CallKey:
        """Return the key of the call that holds the bindings of a canonical address of record."""
        return self.hashed("register", address_of_record)

    def publication_key(self, uri: str) -> CallKey:
        """Return the key of the call that holds what is published for a URI."""
        return self.hashed("publish", self._canonical(uri))

    def cancel_name(self, request: Request) -> str:
        """Return the alias by which the CANCEL of an INVITE finds the call that it was taken to."""
        return self.hashed("cancel", f"{request.call_id}\0{request.from_.tag}\0{request.cseq.number}")

    def call_key_of(self, message: Request | Response) -> tuple[CallKey | None, bool]:
        """Return the key of the message's call, and whether the message may begin that call.

        Shape: ``(None, False)`` for what cannot belong to any call here.
        """
        if isinstance(message, Response):
            key = key_of_token(message.via.branch or "")
            return (None if key is None else CallKey(key)), False
        tag = message.to.tag
        if tag:
            key = _key_of_route(message) or key_of_token(tag)
            return (None if key is None else CallKey(key)), False
        if message.method == "REGISTER":
            return self.registration_key(self._canonical(message.to.uri)), True
        if message.method == "PUBLISH":
            return self.publication_key(message.uri), True
        first = message.headers.first
        if "replaces" in first or "join" in first or "target-dialog" in first:
            key = _key_of_named(message)
            if key is not None:
                return CallKey(key), True
        return self.hashed("call", message.call_id), message.method not in {"ACK", "CANCEL"}


def _key_of_named(request: Request) -> str | None:
    """Return the key of the call with the dialog that a request names without being in it."""
    for header in NAMING:
        try:
            name = request.one(header)
        except ValueError:
            continue
        if name is not None:
            return key_of_token(name.to_tag) or key_of_token(name.from_tag)
    return None


def _key_of_route(request: Request) -> str | None:
    """Return the key of the call whose proxy asked to be in the way of a dialog; its token is the user of the Route.

    A strict router before us has put that into the Request-URI (RFC 3261 16.4).
    """
    if "route" not in request.headers.first and ";" not in request.uri:
        return None
    routes = request.routes
    for text in (routes[0].uri, request.uri) if routes else (request.uri,):
        uri = parse_uri(text)
        key = key_of_token(uri.user or "") if isinstance(uri, SipUri) else None
        if key is not None:
            return key
    return None
