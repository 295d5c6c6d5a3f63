from dataclasses import dataclass, field

import pytest

from weaver.config import DyeRuleConfig
from weaver.dye_names import FLAGS, DyeNames
from weaver.dye_rules import VALUE_LIMIT, Rule, RuleBook
from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError, WeaverError


@dataclass(frozen=True)
class Kind:
    """Takes anything but ``wrong``."""

    name: str = "caller"
    description: str = "who calls"

    def compile(self, value: str) -> str:
        if value == "wrong":
            raise ValueError("that is wrong")
        return value.upper()


@dataclass
class Following:
    """Keeps what it was told."""

    seen: list[tuple[str, str]] = field(default_factory=list)

    def added(self, rule: Rule) -> None:
        self.seen.append(("added", rule.value))

    def removed(self, rule: Rule, *, ended: bool) -> None:
        self.seen.append(("ended" if ended else "removed", rule.value))

    def kept(self, call: str, vector: int) -> None:
        self.seen.append((call, hex(vector)))


class Book(RuleBook):
    """A book with a clock of its own."""

    def __init__(self) -> None:
        self.moment = 0.0
        super().__init__(lambda: self.moment, DyeNames())
        self.add_kind(Kind())
        self.following = Following()
        self.follow(self.following)


@pytest.fixture
def book() -> Book:
    return Book()


def test_rule_has_the_bit_of_its_name_and_what_its_kind_made_of_the_value(book: Book) -> None:
    rule = book.add("caller", "alice", "ALICE", reason="ticket 17")

    assert (rule.bit, rule.compiled) == (1 << len(FLAGS), "ALICE")
    assert book.list() == [
        {"id": 1, "kind": "caller", "value": "alice", "name": "ALICE", "ttl": None, "hits": 0, "limit": None,
         "reason": "ticket 17"}
    ]  # fmt: skip
    assert book.names.holders("ALICE") == ["rule 1: caller alice"]


def test_rules_share_a_name_and_one_without_gets_its_own(book: Book) -> None:
    bits = [book.add("caller", value, name).bit for value, name in (("a", "TEAM"), ("b", "TEAM"), ("c", ""))]

    assert bits[0] == bits[1] != bits[2]
    assert book.list()[2]["name"] == "RULE_3"


def test_dyes_of_another_node_are_told_to_whoever_looks_at_messages(book: Book) -> None:
    book.keep("the-call", 0x30)

    assert book.following.seen == [("the-call", "0x30")]
    assert book.list() == []


def test_rule_ends_with_its_time(book: Book) -> None:
    rule = book.add("caller", "alice", ttl=10)
    book.moment = 9.5
    assert book.hit(rule)
    assert book.list()[0]["ttl"] == 0.5

    book.moment = 10.0

    assert not book.hit(rule)
    assert book.list() == []
    assert book.following.seen[-1] == ("ended", "alice")
    assert book.names.holders(rule.name) == []


def test_rule_that_nobody_matches_ends_with_its_time_too(book: Book) -> None:
    book.add("caller", "alice", ttl=10)
    book.moment = 10.0

    assert book.list() == []


def test_rule_ends_with_its_last_hit_which_counts(book: Book) -> None:
    rule = book.add("caller", "alice", hits=2)

    assert [book.hit(rule), book.hit(rule)] == [True, True]

    assert book.list() == []
    assert rule.hits == 2


def test_rules_are_removed_by_number_or_name(book: Book) -> None:
    for value, name in (("a", "TEAM"), ("b", "TEAM"), ("c", "OTHER")):
        book.add("caller", value, name)

    assert [rule.value for rule in book.remove("3")] == ["c"]
    assert [rule.value for rule in book.remove("TEAM")] == ["a", "b"]

    assert book.list() == []
    assert [what for what, _ in book.following.seen] == ["added"] * 3 + ["removed"] * 3
    with pytest.raises(UnknownNameError, match="number or name '3'"):
        book.remove("3")


@pytest.mark.parametrize(
    ("kind", "value", "name", "bounds", "error", "words"),
    [
        ("callr", "a", "", {}, UnknownNameError, "did you mean 'caller'"),
        ("x", "a", "", {}, UnknownNameError, "there are: caller"),
        ("caller", "wrong", "", {}, InvalidAttributeError, "caller 'wrong': that is wrong"),
        ("caller", "", "", {}, InvalidAttributeError, "characters"),
        ("caller", "a" * (VALUE_LIMIT + 1), "", {}, InvalidAttributeError, "characters"),
        ("caller", "a", "ADDR1", {}, InvalidAttributeError, "is a flag"),
        ("caller", "a", "alice", {}, InvalidAttributeError, "no name of a dye"),
        ("caller", "a", "", {"ttl": 0}, InvalidAttributeError, "above 0"),
        ("caller", "a", "", {"ttl": float("nan")}, InvalidAttributeError, "above 0"),
        ("caller", "a", "", {"ttl": float("inf")}, InvalidAttributeError, "above 0"),
        ("caller", "a", "", {"hits": 0}, InvalidAttributeError, "at least one hit"),
    ],
)
def test_rule_that_makes_no_sense_is_refused_and_there_is_none(
    book: Book, kind: str, value: str, name: str, bounds: dict[str, float], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        book.add(kind, value, name, **bounds)  # type: ignore[arg-type]

    assert book.list() == []
    assert book.following.seen == []
    assert book.add("caller", "a").id == 1


def test_rule_for_a_name_too_many_is_refused_and_says_who_holds_the_bits(book: Book) -> None:
    for number in range(64 - len(FLAGS)):
        book.add("caller", f"c{number}")

    with pytest.raises(WeaverError, match=r"RULE_1 \(rule 1: caller c0\).*share a name, remove one, or raise"):
        book.add("caller", "one more")

    book.add("caller", "one more", "RULE_1")
    book.remove("2")
    assert book.add("caller", "one more").name == "RULE_23"


def test_kind_that_is_there_already_is_refused(book: Book) -> None:
    with pytest.raises(PluginError, match="caller"):
        book.add_kind(Kind())


def rule(value: str, **more: object) -> DyeRuleConfig:
    return DyeRuleConfig.model_validate({"kind": "caller", "value": value, "name": "FILE", **more})


def test_rules_of_the_file_that_stay_keep_their_counts_and_others_come_and_go(book: Book) -> None:
    book.add("caller", "mine", "MINE")
    book.take_file(64, [rule("a"), rule("b", hits=1)])
    kept = book._rules[2]
    book.hit(kept)

    book.take_file(128, [rule("a"), rule("c")])

    assert [(one["value"], one["hits"]) for one in book.list()] == [("mine", 0), ("a", 1), ("c", 0)]
    assert book.names.width == 128


def test_rule_of_the_file_that_has_run_out_does_not_come_back_by_itself(book: Book) -> None:
    book.take_file(64, [rule("a", hits=1)])
    book.hit(book._rules[1])

    book.take_file(64, [rule("a", hits=1), rule("b")])

    assert [one["value"] for one in book.list()] == ["b"]


def test_clear_takes_all_away(book: Book) -> None:
    book.add("caller", "mine")
    book.take_file(64, [rule("a")])

    book.clear()

    assert book.list() == []
