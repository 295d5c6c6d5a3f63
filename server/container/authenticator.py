"""Asks callers who they are: digest authentication with the users of the configuration.

Which counts of a nonce were used is remembered here, by the engine that made the nonce and seals it with a key of its
own. To any other engine it is stale: the client is asked once more, and what is replayed there is no use.

Source: RFC 3261 22; RFC 7616; RFC 8760.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from server.container.messages import InboundRequest, Proven
from server.errors import ConfigError
from server.sip.auth import (
    ACCEPTED,
    MALFORMED,
    PROXY,
    STALE,
    UNCHALLENGED,
    USER_AGENT,
    Realm,
    Verdict,
    challenge,
    ha1_of,
    verify,
    without_credentials,
)
from server.sip.message import Request
from server.sip.nonce import NonceCounts, make_nonce, time_of
from server.sip.uri import SipUri, parse_uri, unescape

NONCE_BYTES = 12


class Authenticator:
    """Knows the users of one realm.

    Shape: ``users`` maps a name to its password; ``random(n)`` returns n bytes that nobody can guess.
    Units: ``now()`` tells seconds on the state store's clock.
    """

    def __init__(
        self, realm: Realm, users: Mapping[str, str], random: Callable[[int], bytes], now: Callable[[], float]
    ) -> None:
        self._realm = realm
        self._users = users
        self._random = random
        self._now = now
        self._counts = NonceCounts()

    @property
    def is_open(self) -> bool:
        """Whether there are no users, so that nobody is asked."""
        return not self._users

    def authenticate(self, request: InboundRequest, *, proxy: bool) -> str | None:
        """Return the user whose credentials are right; None after the request was answered with a challenge.

        Where nobody is asked, whoever the request says it is from is the user.
        """
        if self.is_open or request.method in UNCHALLENGED:
            return user_of(request.from_uri)
        side = PROXY if proxy else USER_AGENT
        verdict = verify(self._realm, side, request.message, self._ha1, self._now(), self._counts)
        if verdict.outcome == ACCEPTED:
            request.proven = Proven(side, verdict, self._next_nonce(verdict))
            return verdict.username
        response = request.create_response(400 if verdict.outcome == MALFORMED else side.status)
        if verdict.outcome != MALFORMED:
            lines = challenge(self._realm, self._now(), self._random(NONCE_BYTES), stale=verdict.outcome == STALE)
            response.extra += [(side.challenge, line) for line in lines]
        response.send()
        return None

    def consumed(self, request: Request) -> Request:
        """Return a request as it leaves for a stranger: without what its sender has proved to us, to be guessed at."""
        if self.is_open or PROXY.credentials.key not in request.headers.first:
            return request
        return without_credentials(request, PROXY, self._realm.name)

    def _next_nonce(self, verdict: Verdict) -> str:
        """Return a new nonce if the one that was used is past half its life, so that the client is not asked again."""
        realm, used = self._realm, "" if verdict.credentials is None else verdict.credentials.param("nonce") or ""
        made = time_of(used, realm.key, realm.name)
        if made is None or self._now() - made < realm.lifetime / 2:
            return ""
        return make_nonce(realm.key, realm.name, self._now(), self._random(NONCE_BYTES))

    def _ha1(self, username: str, algorithm: str) -> str | None:
        password = self._users.get(username)
        return None if password is None else ha1_of(algorithm, username, self._realm.name, password)


def user_of(text: str) -> str:
    """Return the user of a SIP URI without escapes, empty for none."""
    uri = parse_uri(text)
    return unescape(uri.user or "") if isinstance(uri, SipUri) else ""


def parse_users(entries: Sequence[str]) -> dict[str, str]:
    """Return the passwords of ``NAME:PASSWORD`` entries by name.

    Errors: ConfigError; it does not repeat the entry, which is a secret.
    """
    users: dict[str, str] = {}
    faults = []
    for number, entry in enumerate(entries, 1):
        name, colon, password = entry.partition(":")
        if not name or not colon or not password:
            faults.append(f"registrar.users: entry {number} is not NAME:PASSWORD")
        elif name in users:
            faults.append(f"registrar.users: {name} stands twice")
        users[name] = password
    if faults:
        raise ConfigError(faults)
    return users
