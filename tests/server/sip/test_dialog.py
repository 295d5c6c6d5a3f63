import msgspec
import pytest

from server.sip.build import make_request, make_response
from server.sip.codec import parse_message
from server.sip.dialog import (
    TARGET_REFRESH,
    Dialog,
    confirmed,
    on_accepted,
    on_request,
    on_response,
    open_uac,
    open_uas,
    request_parts,
)
from server.sip.message import Request, Response
from tests.server.sip.samples import INVITE

ROUTES = ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>, <sip:p3.example.com;lr>"]


def invite(**changes: str) -> Request:
    message = parse_message(INVITE)
    assert isinstance(message, Request)
    for name, value in changes.items():
        message = message.with_header(name.replace("_", "-"), value)
    return message


def routed(message: Request) -> Request:
    for route in ROUTES:
        message = message.with_added("Record-Route", route)
    return message


def response(status: int = 200, contact: str | None = "<sip:bob@10.0.0.2:5070>", tag: str = "b1") -> Response:
    return make_response(routed(invite()), status, to_tag=tag, contact=contact)


def in_dialog(method: str, cseq: int, contact: str | None = None) -> Request:
    return make_request(
        method, "sip:bob@127.0.0.1:5070", via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-2",
        from_="<sip:alice@127.0.0.1:5080>;tag=a1", to="<sip:bob@127.0.0.1:5070>;tag=b1", call_id="call-1@127.0.0.1",
        cseq=cseq, contact=contact,
    )  # fmt: skip


def dialog(*routes: str, target: str = "sip:bob@10.0.0.2:5070", state: str = "Confirmed") -> Dialog:
    return Dialog("call-1", "l", "r", "<sip:alice@h>", "<sip:bob@h>", target, routes, 7, None, state)


def test_D1_server_takes_the_route_set_in_order_and_the_target_from_contact() -> None:
    opened = open_uas(routed(invite()), "b1", confirmed=False)

    assert opened == Dialog(
        call_id="call-1@127.0.0.1",
        local_tag="b1",
        remote_tag="a1",
        local="<sip:bob@127.0.0.1:5070>",
        remote='"Alice, A." <sip:alice@127.0.0.1:5080>',
        target="sip:alice@127.0.0.1:5080",
        routes=("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>", "<sip:p3.example.com;lr>"),
        local_cseq=0,
        remote_cseq=7,
        state="Early",
    )
    assert open_uas(invite(), "b1", confirmed=True).state == "Confirmed"


@pytest.mark.parametrize(("status", "state"), [(183, "Early"), (200, "Confirmed")])
def test_D1_client_reverses_the_route_set(status: int, state: str) -> None:
    opened = open_uac(invite(), response(status))

    assert opened == Dialog(
        call_id="call-1@127.0.0.1",
        local_tag="a1",
        remote_tag="b1",
        local='"Alice, A." <sip:alice@127.0.0.1:5080>',
        remote="<sip:bob@127.0.0.1:5070>",
        target="sip:bob@10.0.0.2:5070",
        routes=("<sip:p3.example.com;lr>", "<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"),
        local_cseq=7,
        remote_cseq=None,
        state=state,
    )


def test_peer_without_tags_gets_empty_ones() -> None:
    assert open_uas(invite(From="<sip:alice@h>"), "b1", confirmed=True).remote_tag == ""
    opened = open_uac(invite(From="<sip:alice@h>"), make_response(invite(), 200))

    assert (opened.local_tag, opened.remote_tag) == ("", "")
    assert request_parts(opened, "BYE")[1]["to"] == "<sip:bob@127.0.0.1:5070>"


def test_server_that_accepts_keeps_what_happened_while_the_dialog_was_early() -> None:
    early = msgspec.structs.replace(open_uas(invite(), "b1", confirmed=False), local_cseq=3, remote_cseq=9)

    assert confirmed(early) == msgspec.structs.replace(early, state="Confirmed")


@pytest.mark.parametrize("contact", [None, "*"])
def test_message_without_a_usable_contact_leaves_the_target_to_the_uri_that_is_known(contact: str | None) -> None:
    request = invite().without("Contact") if contact is None else invite(Contact=contact)

    assert open_uas(request, "b1", confirmed=True).target == "sip:alice@127.0.0.1:5080"
    assert open_uac(invite(), response(contact=contact)).target == "sip:bob@127.0.0.1:5070"
    assert on_response(dialog(), response(contact=contact)).target == "sip:bob@10.0.0.2:5070"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("<sip:a@h>;tag=1", "<sip:a@h>"),
        ("sip:a@h;tag=1", "sip:a@h"),
        ("<sip:a@h;tag=uri> ; TAG = 1", "<sip:a@h;tag=uri>"),
        ("<sip:a@h>;x=1;tag=1;y", "<sip:a@h>;x=1;y"),
        ('<sip:a@h>;x="p>q;tag=no";tag=1', '<sip:a@h>;x="p>q;tag=no"'),
        ('"Say \\"a<b;tag=2\\"" <sip:a@h>;tag=1', '"Say \\"a<b;tag=2\\"" <sip:a@h>'),
        ("Alice <sip:a@h>;tag=1", "Alice <sip:a@h>"),
        ("Al.ice <sip:a@h>;tag=1", "Al.ice <sip:a@h>"),
        ("Älice <sip:a@h>;tag=1", "Älice <sip:a@h>"),
        ('"A. <" \t<sip:a@h>;tag=1', '"A. <" \t<sip:a@h>'),
    ],
)
def test_address_of_the_peer_is_kept_as_written_without_its_tag(value: str, kept: str) -> None:
    opened = open_uas(invite(From=value), "b1", confirmed=True)

    assert opened.remote == kept


def test_2xx_confirms_an_early_dialog_and_renews_route_set_and_target() -> None:
    early = open_uac(invite(), response(180, contact="<sip:proxy@h>"))
    ok = make_response(
        invite().with_added("Record-Route", "<sip:p9;lr>"), 200, to_tag="b1", contact="<sip:bob@10.0.0.9>"
    )

    confirmed = on_response(early, ok)

    assert (confirmed.state, confirmed.routes, confirmed.target) == (
        "Confirmed", ("<sip:p9;lr>",), "sip:bob@10.0.0.9",
    )  # fmt: skip


def test_2xx_to_a_re_invite_refreshes_the_target_and_keeps_the_route_set() -> None:
    refreshed = on_response(dialog("<sip:p1;lr>"), response(contact="<sip:bob@new>"))

    assert (refreshed.target, refreshed.routes) == ("sip:bob@new", ("<sip:p1;lr>",))


def test_2xx_to_an_update_refreshes_the_target_and_confirms_nothing() -> None:
    ok = make_response(in_dialog("UPDATE", 8), 200, contact="<sip:bob@new>")

    refreshed = on_response(dialog(state="Early"), ok)

    assert (refreshed.target, refreshed.state) == ("sip:bob@new", "Early")


@pytest.mark.parametrize("status", [180, 486])
def test_response_that_is_no_2xx_changes_nothing(status: int) -> None:
    early = dialog(state="Early")

    assert on_response(early, response(status, contact="<sip:bob@new>")) is early


def test_2xx_to_another_method_changes_nothing() -> None:
    known = dialog()

    assert on_response(known, make_response(in_dialog("INFO", 8), 200, contact="<sip:bob@new>")) is known


def test_ended_dialog_stays_ended_when_a_2xx_comes_late() -> None:
    assert on_response(dialog(state="Terminated"), response()).state == "Terminated"


@pytest.mark.parametrize("cseq", [6, 7])
def test_D3_number_that_is_not_higher_is_refused_and_changes_nothing(cseq: int) -> None:
    known = open_uas(invite(), "b1", confirmed=True)

    assert on_request(known, in_dialog("INVITE", cseq, "<sip:alice@new>")) == (known, 500)


def test_D3_gap_in_the_numbers_is_accepted() -> None:
    after, refusal = on_request(open_uas(invite(), "b1", confirmed=True), in_dialog("INFO", 70))

    assert (after.remote_cseq, refusal) == (70, None)


def test_first_request_of_the_peer_sets_the_number() -> None:
    assert on_request(dialog(), in_dialog("BYE", 0))[0].remote_cseq == 0


@pytest.mark.parametrize(
    ("method", "target"),
    [*[(method, "sip:alice@new") for method in sorted(TARGET_REFRESH)], ("INFO", "sip:alice@127.0.0.1:5080")],
)
def test_D3_only_some_requests_refresh_the_target(method: str, target: str) -> None:
    came = in_dialog(method, 8, "<sip:alice@new>")
    before, _ = on_request(open_uas(invite(), "b1", confirmed=True), came)

    after = on_accepted(before, came)

    assert (before.target, after.target) == ("sip:alice@127.0.0.1:5080", target)


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_request_with_the_number_of_its_invite_changes_nothing(method: str) -> None:
    known = open_uas(invite(), "b1", confirmed=True)

    assert on_request(known, in_dialog(method, 7)) == (known, None)


@pytest.mark.parametrize(
    ("routes", "target", "uri", "sent"),
    [
        ((), "sip:bob@h", "sip:bob@h", ()),
        (("<sip:p1;lr>", "<sip:p2>"), "sip:bob@h", "sip:bob@h", ("<sip:p1;lr>", "<sip:p2>")),
        (("<sip:p1>", "<sip:p2;lr>"), "sip:bob@h", "sip:p1", ("<sip:p2;lr>", "<sip:bob@h>")),
        (("<sip:p1;method=INVITE;a=b?Subject=x>",), "sip:bob@h", "sip:p1;a=b", ("<sip:bob@h>",)),
        ((), "sip:bob@h;x=1?Route=%3Csip:evil%3E", "sip:bob@h;x=1", ()),
        ((), "tel:+1;method=a", "tel:+1;method=a", ()),
        ((), "sip:bo b@h?x=y", "sip:bo b@h?x=y", ()),
        (("<tel:+1>",), "sip:bob@h", "sip:bob@h", ("<tel:+1>",)),
        (("<sip:no host>",), "sip:bob@h", "sip:bob@h", ("<sip:no host>",)),
        (("sip:p1",), "sip:bob@h", "sip:p1", ("<sip:bob@h>",)),
    ],
)
def test_D2_request_is_built_for_loose_and_strict_routers(
    routes: tuple[str, ...], target: str, uri: str, sent: tuple[str, ...]
) -> None:
    _, parts = request_parts(dialog(*routes, target=target), "BYE")

    assert (parts["uri"], parts["routes"]) == (uri, sent)


def test_D2_request_has_the_tags_and_the_next_number() -> None:
    after, parts = request_parts(dialog(), "BYE")

    assert after.local_cseq == 8
    assert parts == {
        "uri": "sip:bob@10.0.0.2:5070",
        "from_": "<sip:alice@h>;tag=l",
        "to": "<sip:bob@h>;tag=r",
        "call_id": "call-1",
        "cseq": 8,
        "routes": (),
    }
    sent = make_request("BYE", via="SIP/2.0/UDP h;branch=z9hG4bK-1", **parts)
    assert (sent.from_.tag, sent.to.tag, sent.cseq) == ("l", "r", (8, "BYE"))


def test_ack_takes_no_number() -> None:
    known = dialog()

    after, parts = request_parts(known, "ACK")

    assert after is known
    assert parts["cseq"] == 7


def test_dialog_is_the_same_after_it_was_stored() -> None:
    known = open_uac(invite(), response())

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(known), type=Dialog) == known


@pytest.mark.parametrize(("scheme", "is_secure"), [("sips", True), ("sip", False)])
def test_D1_dialog_is_secure_when_its_first_request_was_for_a_sips_uri(scheme: str, is_secure: bool) -> None:
    request = invite().with_uri(f"{scheme}:bob@127.0.0.1:5070")

    assert open_uas(request, "b1", confirmed=True).secure == is_secure
    assert open_uac(request, response()).secure == is_secure
