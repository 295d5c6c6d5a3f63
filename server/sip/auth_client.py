"""How a client answers digest challenges: only those of its own realm, from its own peer, and at most twice.

Source: RFC 3261 22.2, 22.3, RFC 7616 3.4, RFC 8760 2.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hmac import compare_digest

from server.sip.auth import DEFAULT_ALGORITHMS, HASHES, PROXY, USER_AGENT, algorithm_of, ha1_of, response_of
from server.sip.grammar import quote
from server.sip.headers.credentials import AuthValue, parse_auth_info
from server.sip.headers.table import PROXY_AUTHENTICATE, WWW_AUTHENTICATE
from server.sip.message import Request, Response

MAX_TRIES = 2
"""Credentials are sent this often for one request: once, and once more when the nonce was stale."""

_SIDES = {401: (USER_AGENT, WWW_AUTHENTICATE), 407: (PROXY, PROXY_AUTHENTICATE)}


@dataclass(frozen=True, slots=True)
class Account:
    """What a client may prove, and to whom.

    Shape: ``peers`` are the names or addresses that may ask for it, as the transport knows them: a realm is only text.
    """

    realm: str
    username: str
    password: str
    peers: frozenset[str]
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS


def answer(
    response: Response,
    request: Request,
    peers: frozenset[str],
    accounts: Sequence[Account],
    tries: int,
    cnonce: str,
    count: int = 1,
) -> tuple[tuple[str, str], ...]:
    """Return the header lines to send the request again with, none when it must not be sent again.

    Shape: ``tries`` counts the times that credentials were sent for this request; ``peers`` are the names and addresses
    of who sent the response; the lines are all that a header has then.
    Of one realm, a second time is for a stale nonce only; a fresh nonce alone is no reason, or a server could keep us
    busy for ever.
    """
    side, header = _SIDES.get(response.status, (None, None))
    if side is None or header is None or tries >= MAX_TRIES:
        return ()
    try:
        challenges = [value for value in response.many(header) if value.scheme.lower() == "digest"]
        lines = {value.param("realm"): str(value) for value in request.many(side.credentials)}
    except ValueError:
        return ()
    realms = dict.fromkeys([value.param("realm") for value in challenges])
    for realm in realms:
        account = next((one for one in accounts if one.realm == realm and not peers.isdisjoint(one.peers)), None)
        chosen = None if account is None else _strongest(challenges, account)
        if account is None or chosen is None or (realm in lines and (chosen.param("stale") or "").lower() != "true"):
            return ()
        lines[realm] = _credentials(chosen, account, request, cnonce, count)
    return tuple([(side.credentials.name, line) for line in lines.values()]) if realms else ()


def is_proved(info: str, sent: AuthValue, account: Account, body: bytes) -> bool:
    """Say whether the server has shown with (Proxy-)Authentication-Info that it knows the password too.

    Source: RFC 7616 3.5.
    """
    try:
        given = parse_auth_info(info)
    except ValueError:
        return False
    algorithm, nonce = algorithm_of(sent), sent.param("nonce") or ""
    qop, cnonce, count = (sent.param(name) or "" for name in ("qop", "cnonce", "nc"))
    if (given.param("cnonce"), given.param("nc")) != (cnonce, count):
        return False
    ha1 = ha1_of(algorithm, account.username, account.realm, account.password)
    proof = response_of(
        algorithm, ha1, "", sent.param("uri") or "", nonce, qop=qop, count=count, cnonce=cnonce, body=body
    )
    return compare_digest(proof.encode(), (given.param("rspauth") or "").lower().encode("utf-8", "surrogateescape"))


def _strongest(challenges: Iterable[AuthValue], account: Account) -> AuthValue | None:
    """Return the challenge of the account's realm with the strongest algorithm that the account allows."""
    ours = {algorithm_of(value): value for value in challenges if value.param("realm") == account.realm}
    return next((ours[name] for name in HASHES if name in ours and name in account.algorithms), None)


def _credentials(challenge: AuthValue, account: Account, request: Request, cnonce: str, count: int) -> str:
    algorithm, nonce = algorithm_of(challenge), challenge.param("nonce") or ""
    offered = [word.strip().lower() for word in (challenge.param("qop") or "").split(",")]
    qop = next((word for word in ("auth", "auth-int") if word in offered), "")
    nc = f"{count:08x}"
    ha1 = ha1_of(algorithm, account.username, account.realm, account.password)
    response = response_of(
        algorithm, ha1, request.method, request.uri, nonce, qop=qop, count=nc, cnonce=cnonce, body=request.body
    )
    parts = [
        f"username={quote(account.username)}",
        f"realm={quote(account.realm)}",
        f"nonce={quote(nonce)}",
        f"uri={quote(request.uri)}",
        f'response="{response}"',
        f"algorithm={algorithm}",
    ]
    if qop:
        parts += (f"qop={qop}", f"nc={nc}", f"cnonce={quote(cnonce)}")
    opaque = challenge.param("opaque")
    if opaque is not None:
        parts.append(f"opaque={quote(opaque)}")
    return f"Digest {', '.join(parts)}"
