"""Challenges to requests of ours: answered with an account of the configuration, or left to the servlet.

An account is for one realm and certain peers, so a stranger who names the realm learns nothing.

Source: RFC 3261 22.2, 22.3; RFC 7616 3.5.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from server.container import subscriptions
from server.container.again import send_again
from server.container.records import SipRecord
from server.engine.call import Call
from server.engine.transactions import Delivery
from server.errors import ConfigError
from server.sip.auth import PROXY, USER_AGENT
from server.sip.auth_client import Account, answer, is_proved
from server.sip.message import Request, Response
from server.transport.flow import Flow

if TYPE_CHECKING:
    from server.container.container import Container

log = logging.getLogger(__name__)

SIDES = {401: USER_AGENT, 407: PROXY}


def is_answered(container: Container, call: Call, record: SipRecord, delivery: Delivery, request: Request) -> bool:
    """Say whether a final response is a challenge to a request of ours that we can meet, and send that once more."""
    response = delivery.message
    assert isinstance(response, Response)
    side = SIDES.get(response.status)
    if side is None or not container.accounts:
        if record.tries:
            record.tries = 0
            _check_proof(container, request, response, delivery.flow)
        return False
    cnonce, peers = container.ids.call_id(), peers_of(delivery.flow)
    lines = answer(response, request, peers, container.accounts, record.tries, cnonce)
    if not lines:
        record.tries = 0
        return False
    record.tries += 1
    request = request.without(side.credentials.name)
    for name, value in lines:
        request = request.with_added(name, value)
    subscriptions.forget_asked(record, request)
    key = send_again(container, call, record, request)
    if delivery.key == record.refresh:
        record.refresh = key
    return True


def peers_of(flow: Flow) -> frozenset[str]:
    """Return what the peer of a flow is known as: its address and, where a certificate has shown it, its name."""
    return frozenset({flow.remote_host, flow.name} if flow.secure and flow.name else {flow.remote_host})


def parse_accounts(entries: Sequence[str]) -> tuple[Account, ...]:
    """Return the accounts of ``NAME:PASSWORD:REALM:PEER PEER ...`` entries.

    Errors: ConfigError; it does not repeat the entry, which holds a secret.
    """
    faults, accounts = [], []
    for number, entry in enumerate(entries, 1):
        name, password, realm, peers = (*entry.split(":", 3), "", "", "")[:4]
        if name and password and realm and peers.split():
            accounts.append(Account(realm, name, password, frozenset(peers.split())))
        else:
            faults.append(f"sip.accounts: entry {number} is not NAME:PASSWORD:REALM:PEER")
    if faults:
        raise ConfigError(faults)
    return tuple(accounts)


def _check_proof(container: Container, request: Request, response: Response, flow: Flow) -> None:
    """Warn of a server that says it knows the password and does not."""
    for side in SIDES.values():
        info = response.headers.get(side.info)
        for sent in request.many(side.credentials) if info else ():
            wanted = (sent.param("realm"), sent.param("username"))
            account = next((one for one in container.accounts if (one.realm, one.username) == wanted), None)
            if info and account is not None and not is_proved(info, sent, account, response.body):
                log.warning("%s: the server of realm %s does not know the password", flow, account.realm)
