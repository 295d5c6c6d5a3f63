"""Lines in, answers out."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaver.errors import InvalidAttributeError, PluginError, PointcutSyntaxError, UnknownNameError, WeaverError
from weaver.management.roles import Role
from weaver.management.rpc import Caller, Dispatcher, MethodTable, RegisteredMethod, by_name, encode


def add(left: int, right: int = 1) -> int:
    return left + right


def fail(kind: str) -> None:
    if kind == "syntax":
        raise PointcutSyntaxError("exec(x)", 1, "a pointcut")
    raise {"unknown": UnknownNameError, "invalid": InvalidAttributeError, "other": WeaverError, "bug": KeyError}[kind](
        kind
    )


def table() -> MethodTable:
    methods = MethodTable()
    methods.register("math.add", by_name(add), Role.VIEWER, "Adds.")
    methods.register("math.fail", by_name(fail), Role.VIEWER, "Fails.")
    methods.register("math.raw", dict, Role.OPERATOR, "Gives the parameters back.")
    return methods


def ask(request: object, role: Role = Role.ADMIN) -> Any:
    line = request if isinstance(request, bytes) else json.dumps(request).encode()
    data = Dispatcher(table(), Caller(role, 1000, 42)).answer(line).data
    return None if data is None else json.loads(data)


def request(method: str, params: object = None, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, **({} if params is None else {"params": params}), **more}


def test_request_is_answered_with_its_id() -> None:
    assert ask(request("math.add", {"left": 2})) == {"jsonrpc": "2.0", "id": 1, "result": 3}


@pytest.mark.parametrize("identity", ["a", 1.5, None, 0])
def test_id_comes_back_as_it_was(identity: object) -> None:
    assert ask(request("math.add", {"left": 2}, id=identity))["id"] == identity


def test_notification_gets_no_answer_even_when_it_fails() -> None:
    for params in ({"left": 1}, {}, [1, 2], {"left": "x"}):
        assert ask({"jsonrpc": "2.0", "method": "math.add", "params": params}) is None
    assert ask({"jsonrpc": "2.0", "method": "no.such"}) is None


def test_batch_gets_one_answer_for_each_request() -> None:
    replies = ask([request("math.add", {"left": 1}), {"jsonrpc": "2.0", "method": "math.add"}, 7])

    assert [reply.get("result") for reply in replies] == [2, None]
    assert replies[1]["error"]["code"] == -32600


def test_batch_of_notifications_gets_no_answer() -> None:
    assert ask([{"jsonrpc": "2.0", "method": "math.add", "params": {"left": 1}}]) is None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[" * 100_000, -32700),
        (b"GET / HTTP/1.1", -32700),
        (b"[]", -32600),
        (b"[" + b"1," * 50 + b"1]", -32600),
        (b"1", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":[],"method":"math.add"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"math.add"}', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"math.add"}', -32600),
    ],
)
def test_what_is_no_request_is_answered_with_an_error(line: bytes, code: int) -> None:
    answer = Dispatcher(table(), Caller(Role.ADMIN, 0, 1)).answer(line)

    assert answer.malformed
    assert json.loads(answer.data or b"")["error"]["code"] == code


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "'left' is missing"),
        ({"left": "x"}, "'left': Expected `int`, got `str`"),
        ({"left": 1, "rigth": 2}, "no parameter 'rigth'; this method takes: left, right"),
        ([1], "given by name"),
    ],
)
def test_wrong_parameters_are_named(params: object, words: str) -> None:
    error = ask(request("math.add", params))["error"]

    assert error["code"] == -32602
    assert words in error["message"]


def test_unknown_parameter_and_method_come_with_near_names() -> None:
    assert ask(request("math.add", {"lfet": 1}))["error"]["data"]["did_you_mean"] == ["left"]
    error = ask(request("math.ad"))["error"]
    assert (error["code"], error["data"]["did_you_mean"][0]) == (-32601, "math.add")


@pytest.mark.parametrize(("kind", "code"), [("unknown", -32002), ("invalid", -32003), ("other", -32000)])
def test_errors_of_the_weaver_have_codes_of_their_own(kind: str, code: int) -> None:
    error = ask(request("math.fail", {"kind": kind}))["error"]

    assert (error["code"], error["message"]) == (code, kind)


def test_expression_that_cannot_be_read_is_a_value_that_cannot_be() -> None:
    error = ask(request("math.fail", {"kind": "syntax"}))["error"]

    assert (error["code"], error["message"].splitlines()[0]) == (-32003, "column 1: expected a pointcut")


def test_fault_of_a_method_is_logged_and_told_without_details(caplog: pytest.LogCaptureFixture) -> None:
    error = ask(request("math.fail", {"kind": "bug"}))["error"]

    assert (error["code"], error["message"]) == (-32603, "math.fail failed: KeyError")
    assert "Traceback" in caplog.text


def test_role_below_the_method_is_refused_and_the_needed_one_named() -> None:
    error = ask(request("math.raw"), Role.VIEWER)["error"]

    assert (error["code"], error["message"]) == (-32001, "math.raw needs the role operator; yours is viewer")


def test_write_leaves_an_audit_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "weaver.audit")

    ask(request("math.raw", {"a": 1}))
    ask(request("math.add", {"left": 1}))

    assert [record.getMessage() for record in caplog.records] == ["math.raw {'a': 1} by uid 1000, pid 42: done"]


def test_discover_describes_the_methods() -> None:
    found = {method["name"]: method for method in ask(request("rpc.discover"))["result"]["methods"]}

    assert found["math.add"]["role"] == "viewer"
    assert [(p["name"], p["required"]) for p in found["math.add"]["params"]] == [("left", True), ("right", False)]
    assert "params" not in found["math.raw"]


@pytest.mark.parametrize("name", ["math.add", "rpc.more", "nogroup", "Upper.case", "a.b c"])
def test_name_that_is_taken_or_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(PluginError):
        table().register(name, dict, Role.VIEWER, "")


def test_contributed_method_without_a_role_is_for_admins() -> None:
    class Contributed:
        description = "Does it."

        @staticmethod
        def function(params: Mapping[str, Any]) -> Any:
            return params

    found = MethodTable({"plugin.do": Contributed(), "plugin.see": RegisteredMethod(dict, "", Role.VIEWER)})

    assert (found.find("plugin.do").role, found.find("plugin.see").role) == (Role.ADMIN, Role.VIEWER)


def test_function_without_names_for_its_parameters_is_refused() -> None:
    with pytest.raises(PluginError, match="values"):
        by_name(lambda *values: values)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\udc80", "\\udc80"),
        ({"\udc80": 1}, {"\\udc80": 1}),
        ([object], ["<class 'object'>"]),
        ({(1, 2): {3}}, {"(1, 2)": [3]}),
        (float("nan"), None),
    ],
)
def test_what_json_cannot_hold_is_shown_as_text(value: object, shown: object) -> None:
    assert json.loads(encode(value)) == shown


def test_value_without_end_is_cut() -> None:
    endless: list[object] = []
    endless.append(endless)

    assert b'"..."' in encode(endless)


@given(st.binary())
def test_arbitrary_bytes_are_answered_and_raise_nothing(line: bytes) -> None:
    answer = Dispatcher(table(), Caller(Role.ADMIN, 0, 1)).answer(line)

    assert answer.data is None or b"\n" not in answer.data


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0"), "method": st.sampled_from(["math.add", "math.raw", "rpc.discover"])},
        optional={"id": _json, "params": _json},
    )
)
def test_arbitrary_requests_are_answered_by_result_or_error(value: dict[str, Any]) -> None:
    reply = ask(value)

    assert reply is None or ("result" in reply) != ("error" in reply)
