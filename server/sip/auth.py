"""Digest authentication without sockets, clock or randomness (RFC 7616, RFC 8760, RFC 3261 22).

The server's side: ``challenge`` makes the challenges of a realm, the strongest first; ``verify`` judges the credentials
of a request. Nonces are made and known again in ``server.sip.nonce``; the client's side is in
``server.sip.auth_client``.

MD5 is known and is off: a realm or an account has to name it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import unquote_to_bytes

from server.sip.grammar import quote
from server.sip.headers.credentials import AuthValue, parse_auth_value
from server.sip.headers.kinds import Many
from server.sip.headers.table import AUTHORIZATION, PROXY_AUTHORIZATION
from server.sip.message import Request
from server.sip.nonce import NonceCounts, make_nonce, time_of, to_bytes
from server.sip.uri import SipUri, canonical_host, parse_uri, unescape

HASHES: Mapping[str, str] = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
"""Algorithm -> its name in hashlib, the strongest first."""
DEFAULT_ALGORITHMS = ("SHA-512-256", "SHA-256")
UNCHALLENGED = frozenset({"ACK", "CANCEL"})
"""Methods that cannot be sent again with credentials (RFC 3261 22.1, 22.3)."""

ACCEPTED, MISSING, WRONG, STALE, MALFORMED = "accepted", "missing", "wrong", "stale", "malformed"


@dataclass(frozen=True, slots=True)
class Side:
    """Who asks: the status and the headers of a user agent server or registrar, or of a proxy (RFC 3261 22.2, 22.3)."""

    status: int
    challenge: str
    credentials: Many[AuthValue]
    info: str


USER_AGENT = Side(401, "WWW-Authenticate", AUTHORIZATION, "Authentication-Info")
PROXY = Side(407, "Proxy-Authenticate", PROXY_AUTHORIZATION, "Proxy-Authentication-Info")


@dataclass(frozen=True, slots=True)
class Realm:
    """What a server asks for.

    Shape: ``key`` is the secret behind the nonces, another one in every engine, since each counts the use of its own.
    Units: ``lifetime`` of a nonce in seconds.
    """

    name: str
    key: bytes
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    qop: tuple[str, ...] = ("auth", "auth-int")
    lifetime: float = 300.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a request's credentials.

    Shape: ``outcome`` is ``accepted``, ``missing`` (challenge), ``stale`` (challenge with ``stale=true``), ``wrong``
    (challenge again, or 403) or ``malformed`` (400). ``credentials`` are those that were judged, ``ha1`` what they were
    judged by, when they are right.
    """

    outcome: str
    username: str = ""
    credentials: AuthValue | None = None
    ha1: str = ""


def algorithm_of(value: AuthValue) -> str:
    """Return the algorithm of a challenge or of credentials in one spelling; MD5 is what is meant without one."""
    name, dash, session = (value.param("algorithm") or "MD5").upper().partition("-SESS")
    return f"{name}-sess" if dash and not session else name


def hash_of(algorithm: str, data: bytes) -> str:
    """Return the hash in hexadecimal digits; ``-sess`` behind the algorithm makes no difference here.

    Errors: KeyError for an algorithm that is not in ``HASHES``.
    """
    name = HASHES[algorithm.removesuffix("-sess")]
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


def ha1_of(algorithm: str, username: str, realm: str, password: str) -> str:
    """Return H(A1): what a store keeps in place of a password (RFC 7616 3.4.2)."""
    return hash_of(algorithm, to_bytes(f"{username}:{realm}:{password}"))


def response_of(
    algorithm: str,
    ha1: str,
    method: str,
    uri: str,
    nonce: str,
    *,
    qop: str = "",
    count: str = "",
    cnonce: str = "",
    body: bytes = b"",
) -> str:
    """Return the response to a challenge; with an empty method that of the server, ``rspauth``.

    Source: RFC 7616 3.4.1, 3.4.3, 3.5; without qop RFC 2069.
    """
    if algorithm.endswith("-sess"):
        ha1 = hash_of(algorithm, to_bytes(f"{ha1}:{nonce}:{cnonce}"))
    action = f"{method}:{uri}" if qop != "auth-int" else f"{method}:{uri}:{hash_of(algorithm, body)}"
    ha2 = hash_of(algorithm, to_bytes(action))
    middle = f"{nonce}:{count}:{cnonce}:{qop}" if qop else nonce
    return hash_of(algorithm, to_bytes(f"{ha1}:{middle}:{ha2}"))


def challenge(realm: Realm, now: float, random: bytes, *, stale: bool = False) -> tuple[str, ...]:
    """Return the challenges, one header line each, the strongest first; all have one nonce.

    Source: RFC 7616 3.3, RFC 8760 2.4.
    """
    nonce = make_nonce(realm.key, realm.name, now, random)
    begin = f'Digest realm={quote(realm.name)}, nonce="{nonce}", qop="{",".join(realm.qop)}"'
    end = ", stale=true" if stale else ""
    return tuple([f"{begin}, algorithm={name}{end}" for name in HASHES if name in realm.algorithms])


def verify(
    realm: Realm,
    side: Side,
    request: Request,
    ha1_for: Callable[[str, str], str | None],
    now: float,
    counts: NonceCounts,
) -> Verdict:
    """Judge the credentials that a request has for a realm; those for others are somebody else's.

    Shape: ``ha1_for(username, algorithm)`` returns what the store keeps, None for an unknown user.
    Source: RFC 3261 22.1 to 22.4, RFC 7616 3.4, 5.
    """
    try:
        given = [value for value in request.many(side.credentials) if _is_for(value, realm)]
    except ValueError:
        return Verdict(MALFORMED)
    if not given:
        return Verdict(MISSING)
    try:
        return _judged(realm, request, given[0], ha1_for, now, counts)
    except ValueError:
        return Verdict(MALFORMED)


def _judged(
    realm: Realm,
    request: Request,
    given: AuthValue,
    ha1_for: Callable[[str, str], str | None],
    now: float,
    counts: NonceCounts,
) -> Verdict:
    username, count, algorithm = _username(given), _count(given), algorithm_of(given)
    uri, nonce, qop = (given.param(name) or "" for name in ("uri", "nonce", "qop"))
    base = algorithm.removesuffix("-sess")
    if base not in realm.algorithms or qop not in realm.qop or not _same_resource(uri, request.uri):
        return Verdict(WRONG, username)
    known = ha1_for(username, base)
    expected = _response_to(given, known or "", request.method, request.body)
    # Compared for an unknown user too, so that the time says nothing.
    if not compare_digest(expected.encode(), to_bytes((given.param("response") or "").lower())) or known is None:
        return Verdict(WRONG, username)
    made = time_of(nonce, realm.key, realm.name)
    if made is None or not 0 <= now - made <= realm.lifetime or not counts.take(nonce, made, count):
        return Verdict(STALE, username)
    return Verdict(ACCEPTED, username, given, known)


def without_credentials(request: Request, side: Side, realm: str) -> Request:
    """Return a request without the credentials for a realm; those for others, and what cannot be read, stay.

    Source: RFC 7235 4.4 (Proxy-Authorization is consumed by the proxy that has asked for it), RFC 3261 22.3.
    """
    name = side.credentials.name
    given = request.headers.get_all(name)
    kept = [line for line in given if not _names(line, realm)]
    if len(kept) == len(given):
        return request
    request = request.without(name)
    for line in kept:
        request = request.with_added(name, line)
    return request


def authentication_info(verdict: Verdict, body: bytes, next_nonce: str = "") -> str:
    """Return the value of (Proxy-)Authentication-Info: the server's own proof, and the nonce to use next.

    Source: RFC 7616 3.5, RFC 7615.
    """
    credentials = verdict.credentials
    assert credentials is not None
    proof = _response_to(credentials, verdict.ha1, "", body)
    begin = f'nextnonce="{next_nonce}", ' if next_nonce else ""
    qop, count, cnonce = (credentials.param(name) or "" for name in ("qop", "nc", "cnonce"))
    return f'{begin}qop={qop}, rspauth="{proof}", cnonce={quote(cnonce)}, nc={count}'


def _response_to(given: AuthValue, ha1: str, method: str, body: bytes) -> str:
    """Return what the response in these credentials should be, or with an empty method the server's proof."""
    uri, nonce, qop, count, cnonce = (given.param(name) or "" for name in ("uri", "nonce", "qop", "nc", "cnonce"))
    return response_of(algorithm_of(given), ha1, method, uri, nonce, qop=qop, count=count, cnonce=cnonce, body=body)


def _is_for(value: AuthValue, realm: Realm) -> bool:
    return value.scheme.lower() == "digest" and value.param("realm") == realm.name


def _names(line: str, realm: str) -> bool:
    try:
        return parse_auth_value(line).param("realm") == realm
    except ValueError:
        return False


def _username(credentials: AuthValue) -> str:
    """Return the user name, which may be in the extended form.

    Errors: ValueError for none, for both, and for a hashed one, which no realm here asks for.
    Source: RFC 7616 3.4.
    """
    plain, extended = credentials.param("username"), credentials.param("username*")
    if (plain is None) == (extended is None) or (credentials.param("userhash") or "false").lower() != "false":
        raise ValueError("not one user name")
    if extended is None:
        return plain or ""
    charset, _, text = extended.partition("'")
    if charset.upper() != "UTF-8":
        raise ValueError(f"the user name is in {charset[:20]!r}")
    return unquote_to_bytes(text.partition("'")[2]).decode("utf-8", "surrogateescape")


def _count(credentials: AuthValue) -> int:
    """Return the nonce count.

    Errors: ValueError for what are not eight hexadecimal digits above 0.
    """
    text = credentials.params.get("nc") or ""
    if len(text) != 8 or not text.isascii() or not text.isalnum() or not int(text, 16):
        raise ValueError(f"{text[:20]!r} is no nonce count")
    return int(text, 16)


def _same_resource(one: str, other: str) -> bool:
    """Say whether two URIs have user and host in common; parameters are changed on the way (RFC 3261 22.4)."""
    try:
        first, second = parse_uri(one), parse_uri(other)
    except ValueError:
        return False
    if not isinstance(first, SipUri) or not isinstance(second, SipUri):
        return one == other
    return (unescape(first.user or ""), canonical_host(first.host)) == (
        unescape(second.user or ""),
        canonical_host(second.host),
    )
