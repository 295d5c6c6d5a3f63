"""The tree that events of one context make."""

import json
from itertools import permutations
from typing import Any

from weaver.call_tree import Branch, NodePart, as_json, build_tree, walk

TIMED = "TraceElapsedTimeAction"


class Recording:
    """Makes records, one after another, as a server would."""

    def __init__(self, server: str = "a") -> None:
        self.server = server
        self.records: list[dict[str, Any]] = []

    def add(self, method: str, phase: str = "before", kind: str = TIMED, thread: str = "t", **more: Any) -> None:
        facts = more.pop("facts", None)
        number = len(self.records) + 1
        self.records.append(
            {
                "record_id": number,
                "timestamp": 1_000 + number,
                "server": self.server,
                "type": kind,
                "monitor": "M",
                "module": "m",
                "class_name": None,
                "method": method,
                "line": 1,
                "thread": thread,
                "payload": {"phase": phase, **more},
                "context_payload": facts,
            }
        )

    def leaf(self, method: str, **more: Any) -> None:
        self.add(method, kind="TraceAction", **more)

    def end(self, method: str, elapsed_ns: int, **more: Any) -> None:
        self.add(method, "after", elapsed_ns=elapsed_ns, **more)


def shape(roots: list[NodePart]) -> list[str]:
    return [
        "  " * depth + (f"[{what.node}]" if isinstance(what, NodePart) else what.record["method"])
        for depth, what in walk(roots)
    ]


def found(roots: list[NodePart], method: str) -> Branch:
    return next(what for _, what in walk(roots) if isinstance(what, Branch) and what.record["method"] == method)


def test_what_ran_inside_stands_below_with_its_time_and_share() -> None:
    one = Recording()
    one.add("service")
    one.add("do_invite")
    one.leaf("send")
    one.end("do_invite", 250)
    one.end("service", 1_000)
    one.leaf("after")

    roots = build_tree(one.records)

    assert shape(roots) == ["[a]", "  service", "    do_invite", "      send", "  after"]
    assert (found(roots, "service").elapsed_ns, found(roots, "service").percent) == (1_000, None)
    assert (found(roots, "do_invite").elapsed_ns, found(roots, "do_invite").percent) == (250, 25.0)
    assert (found(roots, "send").elapsed_ns, found(roots, "send").is_open) == (None, False)


def test_order_of_the_records_does_not_matter_and_one_that_comes_twice_counts_once() -> None:
    one = Recording()
    one.add("f")
    one.leaf("g")
    one.end("f", 5)

    shapes = [shape(build_tree([*order, order[0]])) for order in permutations(one.records)]

    assert all(each == ["[a]", "  f", "    g"] for each in shapes)


def test_function_that_calls_itself_is_nested() -> None:
    one = Recording()
    one.add("f")
    one.add("f")
    one.end("f", 1)
    one.end("f", 4)

    roots = build_tree(one.records)

    assert shape(roots) == ["[a]", "  f", "    f"]
    assert [what.elapsed_ns for _, what in walk(roots) if isinstance(what, Branch)] == [4, 1]


def test_threads_do_not_mix() -> None:
    one = Recording()
    one.add("f", thread="x")
    one.add("g", thread="y")
    one.end("f", 1, thread="x")
    one.end("g", 1, thread="y")

    assert shape(build_tree(one.records)) == ["[a]", "  f", "  g"]


def test_what_has_no_end_or_no_beginning_says_so() -> None:
    one = Recording()
    one.end("lost", 7)
    one.add("f")
    one.add("never_ends")
    one.end("f", 10, error="ValueError")

    roots = build_tree(one.records)

    assert shape(roots) == ["[a]", "  lost", "  f", "    never_ends"]
    assert [found(roots, name).is_open for name in ("lost", "f", "never_ends")] == [True, False, True]
    assert (found(roots, "lost").elapsed_ns, found(roots, "f").error) == (7, "ValueError")


def test_other_action_with_a_time_is_a_leaf() -> None:
    one = Recording()
    one.add("query", "after", kind="SlowQuery", elapsed_ns=9)

    roots = build_tree(one.records)

    assert (found(roots, "query").elapsed_ns, found(roots, "query").is_open) == (9, False)


def two_nodes() -> list[dict[str, Any]]:
    a, b = Recording("a"), Recording("b")
    a.add("proxy")
    a.add("send")
    a.end("send", 10, facts={"hop": "h1"})
    a.end("proxy", 40, facts={"hop": "h1"})
    b.add("serve", facts={"parent": "h1", "node": "a"})
    b.leaf("answer", facts={"parent": "h1", "node": "a", "hop": "h2"})
    b.end("serve", 20, facts={"parent": "h1", "node": "a", "hop": "h2"})
    a.leaf("receive", facts={"parent": "h2", "node": "b"})
    return [*b.records, *a.records]


def test_other_node_hangs_below_what_sent_the_message_there_and_the_answer_below_that() -> None:
    roots = build_tree(two_nodes())

    assert shape(roots) == [
        "[a]",
        "  proxy",
        "    send",
        "      [b]",
        "        serve",
        "          answer",
        "            [a]",
        "              receive",
    ]
    assert roots[0].sender is None
    assert found(roots, "send").parts[0].sender == "a"
    assert found(roots, "serve").percent is None


def test_node_whose_sender_is_not_known_is_a_root() -> None:
    b = Recording("b")
    b.leaf("serve", facts={"parent": "h9", "node": "a"})

    roots = build_tree(b.records)

    assert [(root.node, root.parent, root.sender) for root in roots] == [("b", "h9", "a")]


def test_ring_of_forged_ids_loses_no_event() -> None:
    a, b = Recording("a"), Recording("b")
    a.leaf("f", facts={"parent": "1", "hop": "2"})
    b.leaf("g", facts={"parent": "2", "hop": "1"})
    b.leaf("h", facts={"parent": "1", "hop": "1"})

    methods = [
        what.record["method"] for _, what in walk(build_tree([*a.records, *b.records])) if isinstance(what, Branch)
    ]

    assert sorted(methods) == ["f", "g", "h"]


def test_json_has_the_whole_tree() -> None:
    value = json.loads(json.dumps([as_json(root) for root in build_tree(two_nodes())]))

    send = value[0]["branches"][0]["branches"][0]
    assert (send["elapsed_ns"], send["percent"], send["record"]["method"]) == (10, 25.0, "send")
    assert send["nodes"][0]["branches"][0]["branches"][0]["nodes"][0]["branches"][0]["record"]["method"] == "receive"


def test_nothing_makes_no_tree() -> None:
    assert build_tree([]) == []
