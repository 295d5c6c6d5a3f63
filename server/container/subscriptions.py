"""Subscriptions of SIP sessions: granted, notified at once, ended in time; and those that we hold ourselves.

A servlet that names packages in ``events`` is a notifier: it says what there is to tell, the container does the rest.

Source: RFC 6665.
"""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING

import msgspec

from server.container.records import Sessions, SipRecord
from server.container.sessions import ContainerSipSession
from server.engine.call import Call
from server.servlet.sip_servlet import SipServlet
from server.sip.dialog import open_uac, open_uas
from server.sip.headers.table import MIN_EXPIRES as MIN_EXPIRES_HEADER
from server.sip.message import Request, Response
from server.sip.usage.subscription import (
    DEFAULT_EXPIRES,
    MIN_EXPIRES,
    RATES,
    REFER,
    REFER_EXPIRES,
    TERMINATED,
    Subscription,
    granted,
    is_dropped,
    is_refresh_refused,
    is_too_brief,
    key_of,
    package_of,
    renewal,
    state_header,
    subscribes,
    told,
)

if TYPE_CHECKING:
    from server.container.container import Container

log = logging.getLogger(__name__)

METHODS = frozenset({"SUBSCRIBE", "NOTIFY", "REFER"})

EVENT_METHODS = METHODS | {"PUBLISH"}
"""Methods of events, which are 405 where no application serves them."""

Headers = tuple[tuple[str, str], ...]


def refusal_of(servlet: SipServlet, record: SipRecord | None, request: Request) -> tuple[int, Headers] | None:
    """Return what a SUBSCRIBE or NOTIFY is refused with before the servlet sees it."""
    key = key_of(request) if request.method in EVENT_METHODS else None
    if request.method in {"SUBSCRIBE", "PUBLISH"} and servlet.events:
        if key is None or package_of(key) not in servlet.events:
            return 489, (("Allow-Events", ", ".join(servlet.events)),)
        if is_too_brief(request):
            return 423, (("Min-Expires", str(MIN_EXPIRES)),)
    if request.method == "REFER" and len(request.headers.get_all("refer-to")) != 1:
        return 400, ()
    if request.method == "NOTIFY" and record is not None:
        held = record.subscriptions.get(_known_key(record, request))
        if held is None or held.is_notifier:
            return 481, ()
        if told(request) is None:
            return 400, ()
    return None


def open_by_notify(record: SipRecord, notify: Request) -> None:
    """Make the dialog of a subscription whose first NOTIFY comes before the answer to its SUBSCRIBE."""
    if record.dialog is None and notify.method == "NOTIFY" and _known_key(record, notify) in record.subscriptions:
        dialog = open_uas(notify, record.id, confirmed=True)
        record.dialog = msgspec.structs.replace(dialog, local_cseq=record.cseq, remote_cseq=None)
        record.state = "CONFIRMED"


def grant(request: Request, status: int) -> Headers:
    """Return what the 2xx to a SUBSCRIBE says of its length, and that to a REFER of what it does not begin."""
    if request.method not in METHODS or not 200 <= status < 300:
        return ()
    if not subscribes(request):
        return (("Refer-Sub", "false"),) if request.method == "REFER" else ()
    return (("Expires", str(granted(request))),) if request.method == "SUBSCRIBE" else ()


def begin(container: Container, call: Call, record: SipRecord, request: Request, status: int) -> None:
    """Begin, refresh or end the subscription of a SUBSCRIBE or REFER that was accepted, and notify at once."""
    if request.method not in METHODS or not subscribes(request) or not 200 <= status < 300:
        return
    key = key_of(request)
    if key is None:
        return
    if record.dialog is None:
        record.dialog = open_uas(request, record.id, confirmed=True)
    record.state = "CONFIRMED"
    is_refer = request.method == "REFER"
    seconds = REFER_EXPIRES if is_refer else granted(request)
    state = "pending" if status == 202 and not is_refer else "active"
    record.subscriptions[key] = Subscription(key, True, state, call.engine.now() + seconds)
    if container.servlet_of(record).watches and not is_refer:
        record.watched = record.watched or request.uri
        container.watchers.watch(call, record, key)
    notify(container, call, record, key, "" if seconds else "timeout")


def tell(container: Container, call: Call, record: SipRecord, key: str, end: str = "") -> None:
    """Tell a subscriber of a change: now, or once the rate of the package lets it; the last time is never put off.

    Source: RFC 6665 4.2.2, 5.4.10.
    """
    held = record.subscriptions[key]
    if end or held.next_at <= call.engine.now():
        notify(container, call, record, key, end)
    else:
        record.subscriptions[key] = msgspec.structs.replace(held, is_behind=True)


def notify(container: Container, call: Call, record: SipRecord, key: str, end: str = "") -> None:
    """Send the present state to a subscriber; ``end`` is the reason when it is the last time."""
    subscription = record.subscriptions[key]
    body, kind = notification(container, call, record, package_of(key))
    draft = container.sending.in_dialog(call, record, "NOTIFY")
    draft.extra += (("Event", key), ("Subscription-State", state_header(subscription, call.engine.now(), end)))
    draft.set_body(body, kind)
    draft.send()
    if end:
        _forget(record, key)
    else:
        next_at = call.engine.now() + RATES.get(package_of(key), 0.0)
        record.subscriptions[key] = msgspec.structs.replace(subscription, next_at=next_at, is_behind=False)


def ask(call: Call, record: SipRecord, request: Request) -> None:
    """Take notice of a SUBSCRIBE or REFER of ours: its first NOTIFY has to come within 64 T1 (timer N)."""
    if request.method not in METHODS or not subscribes(request):
        return
    key = key_of(request)
    if key is None:
        return
    held = record.subscriptions.get(key)
    if held is None:
        held = Subscription(key, False, "", call.engine.now() + 64 * call.engine.timers.t1)
    is_refer = request.method == "REFER"
    asked = 0 if is_refer else DEFAULT_EXPIRES if request.expires is None else request.expires
    accept = request.headers.get("accept") or ""
    record.subscriptions[key] = msgspec.structs.replace(held, asked=asked, accept=accept, renew_at=inf)


def forget_asked(record: SipRecord, refer: Request) -> None:
    """Forget the subscription of a REFER that is sent once more: its number names it, and that will be another."""
    if refer.method == REFER.upper():
        record.subscriptions.pop(key_of(refer) or "", None)


def take_notify(call: Call, record: SipRecord, request: Request) -> None:
    """Take what a NOTIFY says of a subscription of ours."""
    key, news = _known_key(record, request), told(request)
    if news is not None:
        held, is_over = record.subscriptions[key], news.state == TERMINATED
        seconds = inf if is_over else news.expires
        record.subscriptions[key] = _lasting(call, msgspec.structs.replace(held, state=news.state), seconds)


def end_notified(container: Container, call: Call, record: SipRecord, request: Request) -> None:
    """Forget a subscription that the NOTIFY, which the servlet has seen, has ended."""
    key, news = _known_key(record, request), told(request)
    if news is not None and news.state == TERMINATED:
        _end(container, call, record, key, news.reason)


def take_response(container: Container, call: Call, record: SipRecord, request: Request, response: Response) -> None:
    """Take the final answer to a SUBSCRIBE, REFER or NOTIFY of ours."""
    key = key_of(request) or ""
    held = record.subscriptions.get(key)
    if request.method == "NOTIFY":
        if held is not None and is_dropped(response):
            _end(container, call, record, key, "dropped")
    elif 200 <= response.status < 300:
        if record.dialog is None:
            record.dialog = open_uac(request, response)
            record.state = "CONFIRMED"
        if request.method == "REFER" and (response.headers.get("refer-sub") or "").lower() == "false":
            _forget(record, key)
        elif held is not None and held.state and response.expires is not None:
            record.subscriptions[key] = _lasting(call, held, response.expires)
    elif held is not None and held.state and response.status == 423:
        _renew_for_longer(container, call, record, held, response)
    elif held is not None and (record.dialog is None or not held.state or is_refresh_refused(response)):
        _end(container, call, record, key, "refused")


def expire(container: Container, call: Call, now: float) -> None:
    """End the subscriptions that have run out: with a NOTIFY where we are the notifier."""
    for record in list(call.section("sessions", Sessions).sips.values()):
        for key, held in list(record.subscriptions.items()):
            if held.next_due > now or record.state == "TERMINATED":
                continue
            is_over = held.expires <= now
            if held.is_notifier:
                notify(container, call, record, key, "timeout" if is_over else "")
            elif is_over:
                _end(container, call, record, key, "timeout")
            else:
                _renew(container, call, record, held)


def next_due(record: SipRecord) -> float:
    """Return when the first subscription runs out, is renewed or may tell of what has changed."""
    return min((held.next_due for held in record.subscriptions.values()), default=inf)


def _lasting(call: Call, held: Subscription, seconds: float) -> Subscription:
    """Return a subscription of ours that lasts so long from now, to be renewed in time if we want to have it."""
    now = call.engine.now()
    renew_at = now + renewal(int(seconds)) if held.asked and 0 < seconds < inf else inf
    return msgspec.structs.replace(held, expires=now + seconds, renew_at=renew_at)


def _renew(container: Container, call: Call, record: SipRecord, held: Subscription) -> None:
    """Ask for a subscription of ours to go on, as it was asked for first (RFC 6665 4.1.2.2)."""
    draft = container.sending.in_dialog(call, record, "SUBSCRIBE")
    draft.extra += [("Event", held.event), ("Expires", str(held.asked))]
    if held.accept:
        draft.extra.append(("Accept", held.accept))
    draft.send()


def _renew_for_longer(
    container: Container, call: Call, record: SipRecord, held: Subscription, response: Response
) -> None:
    """Ask once more when the notifier grants longer subscriptions only; what it has granted goes on until then."""
    try:
        least = response.one(MIN_EXPIRES_HEADER)
    except ValueError:
        least = None
    if least is not None and least > held.asked:
        _renew(container, call, record, msgspec.structs.replace(held, asked=least))


def notification(
    container: Container, call: Call, record: SipRecord, event: str
) -> tuple[bytes, str | None]:  # fmt: skip
    """Ask the servlet what there is to tell; what that raises is logged, and nothing is told."""
    try:
        return container.servlet_of(record).notification(ContainerSipSession(container, call, record), event)
    except Exception:
        container.servlet_errors += 1
        log.exception("notification of %s failed", record.handler)
        return b"", None


def _known_key(record: SipRecord, notify: Request) -> str:
    """Return the name of the subscription that a NOTIFY is for; a referral that stands alone needs no id."""
    key = key_of(notify) or ""
    if key == REFER and key not in record.subscriptions:
        return next((other for other in record.subscriptions if package_of(other) == REFER), key)
    return key


def _end(container: Container, call: Call, record: SipRecord, key: str, reason: str) -> None:
    container.tell(call, record, "subscription_ended", package_of(key), reason)
    _forget(record, key)


def _forget(record: SipRecord, key: str) -> None:
    """Forget a subscription, and end the session that is left with nothing in it."""
    record.subscriptions.pop(key, None)
    has_invite = record.is_callee or record.ack_cseq or record.invite_out
    if not record.subscriptions and not has_invite:
        record.state = TERMINATED.upper()
