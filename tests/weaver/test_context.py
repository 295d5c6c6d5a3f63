from contextvars import Context, copy_context

import pytest

from weaver import context
from weaver.dye import SPACE, mask_of
from weaver.dye_mask import parse_mask
from weaver.errors import UnknownNameError

ADDR1 = mask_of(["ADDR1"])
DYE_1 = mask_of(["DYE_1"])


def test_context_is_there_until_it_ends() -> None:
    def message() -> None:
        tokens = context.begin(ADDR1, {"method": "INVITE"}, "text")
        assert (context.dye_vector(), context.is_dyed_with("ADDR1"), context.payload()) == (ADDR1, True, "text")
        assert not context.is_dyed_with("SIP_REQ")
        context.end(tokens)
        assert context.current_dyes.get() is context.UNDYED
        assert (context.context_id(), context.payload(), context.dye_vector()) == (None, None, 0)

    Context().run(message)


def test_what_begins_within_a_context_has_its_id_and_payload_and_gives_way_to_it() -> None:
    def message() -> None:
        outer = context.begin(ADDR1, {}, "text")
        inner = context.begin(0, {})
        inside = (context.context_id(), context.payload(), context.dye_vector())
        context.end(inner)
        assert inside == (context.context_id(), "text", 0)
        assert context.dye_vector() == ADDR1
        context.end(outer)

    Context().run(message)


def test_id_is_unique_and_stays() -> None:
    one, other = context.DiagnosticContext(0, {}), context.DiagnosticContext(0, {})

    assert one.id == one.id != other.id
    assert len(one.id) == 33


def test_unknown_flag_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        context.is_dyed_with("ADDR9")


def test_names_of_all_flags_can_be_asked_for() -> None:
    assert {"ADDR1", "DYE_7", "SIP_ANY_HEADER"} <= set(context.dye_flag_names())


def test_application_dye_counts_at_once_and_for_what_is_sent_later() -> None:
    def message() -> None:
        outer = context.begin(ADDR1, {})
        context.set_application_dye("DYE_1")
        assert context.dye_vector() == ADDR1 | DYE_1
        inner = context.begin(0, {})
        assert context.dye_vector() == DYE_1
        context.end(inner)
        context.set_application_dye("DYE_1", on=False)
        inner = context.begin(0, {})
        assert context.dye_vector() == 0
        context.end(inner)
        assert context.dye_vector() == ADDR1
        context.end(outer)
        assert context.dye_vector() == 0

    Context().run(message)


def test_application_dye_opens_the_gate_of_its_mask_and_its_reset_shuts_it() -> None:
    slot, gate = SPACE.slot_of(parse_mask(["DYE_5"]))

    def message() -> None:
        tokens = context.begin(0, {})
        assert not gate.on
        context.set_application_dye("DYE_5")
        assert gate.on
        assert getattr(context.current_dyes.get(), slot)
        context.end(tokens)

    Context().run(message)

    assert not gate.on


@pytest.mark.parametrize("flag", ["ADDR1", "DYE_8", "dye_1", ""])
def test_program_can_set_no_other_flag(flag: str) -> None:
    with pytest.raises(UnknownNameError, match="DYE_0"):
        context.set_application_dye(flag)


def test_outside_of_a_message_nothing_can_be_set() -> None:
    def task() -> None:
        context.set_application_dye("DYE_1")
        context.set_payload("text")
        context.take_over("id", ADDR1, "text", node="a")
        assert (context.dye_vector(), context.payload(), context.context_id()) == (0, None, None)

    Context().run(task)


def test_payload_is_cut() -> None:
    def message() -> None:
        tokens = context.begin(0, {})
        context.set_payload("x" * 1_000)
        assert context.payload() == "x" * context.PAYLOAD_LIMIT
        context.set_payload(None)
        assert context.payload() is None
        context.end(tokens)

    Context().run(message)


def test_context_of_another_node_is_taken_over_with_all_that_begins_within() -> None:
    def message() -> None:
        outer = context.begin(ADDR1, {"method": "INVITE"})
        context.take_over("an-id", DYE_1, "text", node="a", parent="p")
        inner = context.begin(0, {"method": "BYE"})
        found = context.current_context.get()
        assert found is not None
        assert (found.id, found.vector, found.payload) == ("an-id", DYE_1, "text")
        assert dict(found.facts) == {"method": "BYE", "node": "a", "parent": "p"}
        context.end(inner)
        assert context.dye_vector() == ADDR1 | DYE_1
        context.end(outer)
        assert context.context_id() is None

    Context().run(message)


def test_dye_that_is_set_while_advice_runs_counts_behind_it_and_not_in_it() -> None:
    slot, _ = SPACE.slot_of(parse_mask(["DYE_1"]))

    def message() -> None:
        tokens = context.begin(0, {})
        muting = context.mute()
        context.set_application_dye("DYE_1")
        assert not getattr(context.current_dyes.get(), slot)
        context.unmute(muting)
        assert getattr(context.current_dyes.get(), slot)
        context.end(tokens)

    Context().run(message)


def test_function_that_is_to_follow_runs_in_the_context_it_was_made_in_and_leaves_nothing() -> None:
    def message() -> tuple[str | None, object]:
        tokens = context.begin(ADDR1, {})
        made = (context.context_id(), context.following(lambda: (context.context_id(), context.dye_vector())))
        context.end(tokens)
        return made

    identity, follows = Context().run(message)

    assert follows() == (identity, ADDR1)  # type: ignore[operator]
    assert (context.context_id(), context.dye_vector()) == (None, 0)


def test_function_follows_nothing_outside_of_a_message() -> None:
    assert Context().run(context.following, len) is len
    assert Context().run(context.hand_down, bool) is None


def test_task_that_begins_messages_of_its_own_keeps_nothing_of_whoever_started_it() -> None:
    def message() -> Context | None:
        tokens = context.begin(ADDR1, {})
        context.set_application_dye("DYE_1")
        handed = context.hand_down(lambda: True)
        context.end(tokens)
        return handed

    def work() -> list[object]:
        seen: list[object] = [context.dye_vector(), context.context_id()]
        tokens = context.begin(0, {})
        seen += [context.dye_vector(), context.context_id()]
        context.end(tokens)
        return [*seen, context.dye_vector(), context.context_id()]

    handed = Context().run(message)
    assert handed is not None
    first, identity, second, own, third, none = handed.run(work)

    assert (first, second, third, none) == (ADDR1 | DYE_1, 0, 0, None)
    assert identity != own


def test_what_an_heir_sends_from_elsewhere_is_part_of_the_same_request() -> None:
    def message() -> tuple[str | None, Context | None]:
        tokens = context.begin(ADDR1, {})
        made = (context.context_id(), context.hand_down(lambda: False))
        context.end(tokens)
        return made

    def send() -> str | None:
        context.begin(0, {})
        return context.context_id()

    identity, handed = Context().run(message)
    assert handed is not None

    assert handed.run(copy_context).run(send) == identity
