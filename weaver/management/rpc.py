"""JSON-RPC 2.0 over lines: a table of methods, and the answer to one line.

It knows no socket. A line is a request, a notification or a batch; whatever it holds, the answer is bytes or nothing,
never an exception. A method is a function from named parameters to a plain value; ``by_name`` makes one of an ordinary
typed function.

    -32700 not JSON              -32000 the weaver refuses, the message says why
    -32600 not a request         -32001 the client's role does not allow it
    -32601 no such method        -32002 a name that does not exist (a monitor, an action, a flag)
    -32602 wrong parameters      -32003 a value that an attribute cannot have, an expression that cannot be read
    -32603 a fault of ours

Source: JSON-RPC 2.0 specification, sections 4 to 6.
"""

from __future__ import annotations

import difflib
import inspect
import logging
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec

from weaver.errors import (
    ExpressionSyntaxError,
    InstrumentationConfigError,
    InvalidAttributeError,
    PluginError,
    UnknownNameError,
    WeaverError,
)
from weaver.log import AUDIT
from weaver.management.roles import Role

log = logging.getLogger(__name__)
audit = logging.getLogger(AUDIT)

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
FAILED, REFUSED, UNKNOWN_NAME, INVALID_ATTRIBUTE = -32000, -32001, -32002, -32003
OWN_GROUPS = frozenset(
    {
        *("change", "config", "dye", "event", "look_back", "monitor", "notice", "pointcut", "rpc", "server"),
        *("watch", "weave"),
    }
)
"""First parts of the methods' names that no plugin may take."""
BATCH_LIMIT = 50
AUDIT_CHARACTERS = 1000
METHOD_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_DEPTH = 32

Method = Callable[[Mapping[str, Any]], Any]


class MethodLike(Protocol):
    """What a contributed method brings; one without a role is for admins."""

    @property
    def function(self) -> Method:
        """What is called with the parameters."""
        ...

    @property
    def description(self) -> str:
        """What it does, in one line."""
        ...


@dataclass(frozen=True, slots=True)
class RegisteredMethod:
    """A method of the table."""

    function: Method
    description: str
    role: Role = Role.ADMIN


class RpcError(WeaverError):
    """An answer that is an error; the client gets all of it."""

    def __init__(self, code: int, message: str, *, hint: str = "", did_you_mean: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.did_you_mean = tuple(did_you_mean)

    def as_json(self) -> dict[str, Any]:
        """Return the ``error`` member of the answer."""
        data: dict[str, Any] = {"hint": self.hint} if self.hint else {}
        if self.did_you_mean:
            data["did_you_mean"] = list(self.did_you_mean)
        return {"code": self.code, "message": str(self), **({"data": data} if data else {})}


class Caller(NamedTuple):
    """Who calls."""

    role: Role
    uid: int
    pid: int


class Answer(NamedTuple):
    """What a line gets: a line without its end, or None when nothing is answered; and whether it was no request."""

    data: bytes | None
    malformed: bool


class MethodTable:
    """The methods of one admin socket."""

    def __init__(self, methods: Mapping[str, MethodLike] | None = None) -> None:
        self._methods: dict[str, RegisteredMethod] = {}
        for name, method in (methods or {}).items():
            self.register(name, method.function, getattr(method, "role", Role.ADMIN), method.description)

    def register(self, name: str, function: Method, role: Role, description: str) -> None:
        """Add a method, called ``group.verb``.

        Errors: PluginError for a name that is taken, reserved, or of another form.
        """
        if not METHOD_NAME.fullmatch(name):
            raise PluginError(f"method {name!r}: a name has the form group.verb, in lower case")
        if name in self._methods or name.startswith("rpc."):
            raise PluginError(f"method {name!r}: the name is taken")
        self._methods[name] = RegisteredMethod(function, description, role)

    def find(self, name: str) -> RegisteredMethod:
        """Return a method.

        Errors: RpcError when there is none.
        """
        if name == "rpc.discover":
            return RegisteredMethod(by_name(self.discover), "Lists the methods.", Role.VIEWER)
        try:
            return self._methods[name]
        except KeyError:
            near = difflib.get_close_matches(name, [*self._methods, "rpc.discover"], 3)
            hint = "rpc.discover lists the methods"
            raise RpcError(METHOD_NOT_FOUND, f"there is no method {name!r}", hint=hint, did_you_mean=near) from None

    def discover(self) -> dict[str, Any]:
        """Describe all methods.

        Shape: ``methods``: list of ``name``, ``role``, ``description`` and, where known, ``params``.
        """
        return {
            "methods": [
                {
                    "name": name,
                    "role": str(method.role),
                    "description": method.description,
                    **_described(method.function),
                }
                for name, method in sorted(self._methods.items())
            ]
        }

    def groups(self) -> list[str]:
        """Return the first parts of the methods' names."""
        return sorted({name.partition(".")[0] for name in self._methods})


class Dispatcher:
    """Answers lines for one client."""

    def __init__(self, table: MethodTable, caller: Caller) -> None:
        self._table = table
        self._caller = caller

    def answer(self, line: bytes) -> Answer:
        """Do what a line asks for and return the answer.

        Switches: as the methods do.
        """
        try:
            value = msgspec.json.decode(line)
        except (ValueError, RecursionError) as error:
            hint = "send one JSON-RPC 2.0 object a line"
            return Answer(
                encode(_failure(None, RpcError(PARSE_ERROR, f"not JSON: {error}", hint=hint))), malformed=True
            )
        if not isinstance(value, list):
            reply = self._one(value)
            return Answer(None if reply is None else encode(reply), _is_malformed(reply))
        if not 0 < len(value) <= BATCH_LIMIT:
            error_ = RpcError(INVALID_REQUEST, f"a batch has 1 to {BATCH_LIMIT} requests, not {len(value)}")
            return Answer(encode(_failure(None, error_)), malformed=True)
        replies = [reply for reply in map(self._one, value) if reply is not None]
        malformed = bool(replies) and all(map(_is_malformed, replies))
        return Answer(encode(replies) if replies else None, malformed)

    def _one(self, request: object) -> dict[str, Any] | None:
        """Answer one request; None for a notification."""
        try:
            method, params, identity = _checked(request)
        except RpcError as error:
            return _failure(_identity(request), error)
        try:
            reply = {"jsonrpc": "2.0", "id": identity, "result": self._call(method, params)}
        except RpcError as error:
            reply = _failure(identity, error)
        return reply if isinstance(request, dict) and "id" in request else None

    def _call(self, name: str, params: object) -> object:
        method = self._table.find(name)
        if params == []:
            params = {}
        if not isinstance(params, dict):
            raise RpcError(INVALID_PARAMS, "parameters are given by name, as an object")
        outcome = "broken off"
        try:
            if self._caller.role < method.role:
                raise RpcError(REFUSED, f"{name} needs the role {method.role}; yours is {self._caller.role}")
            result = method.function(params)
            outcome = "done"
        except RpcError as error:
            outcome = str(error)
            raise
        except WeaverError as error:
            outcome = str(error)
            raise _translated(error) from error
        except Exception as error:
            log.exception("the method %s failed", name)
            outcome = f"{type(error).__name__}: {error}"
            hint = "this is a fault of the server or of a plugin; its log has the traceback"
            raise RpcError(INTERNAL_ERROR, f"{name} failed: {type(error).__name__}", hint=hint) from error
        else:
            return result
        finally:
            if method.role > Role.VIEWER:
                caller = self._caller
                shown = repr(params)[:AUDIT_CHARACTERS]
                audit.info("%s %s by uid %d, pid %d: %s", name, shown, caller.uid, caller.pid, outcome)


def by_name(function: Callable[..., Any]) -> Method:
    """Make a method of a typed function: its parameters are the named ones, checked against their annotations.

    Errors: PluginError for a function with positional-only or variable parameters.
    """
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise PluginError(
                f"{function.__qualname__}: the parameter {parameter.name} has no name that a client can use"
            )
    types = typing.get_type_hints(function)
    required = [p.name for p in signature.parameters.values() if p.default is p.empty]

    def method(params: Mapping[str, Any]) -> Any:
        for name in params:
            if name not in signature.parameters:
                raise _unknown(name, tuple(signature.parameters))
        for name in required:
            if name not in params:
                raise RpcError(INVALID_PARAMS, f"the parameter {name!r} is missing")
        values = {}
        for name, value in params.items():
            try:
                values[name] = msgspec.convert(value, types.get(name, Any))
            except msgspec.ValidationError as error:
                raise RpcError(INVALID_PARAMS, f"the parameter {name!r}: {error}") from error
        return function(**values)

    method.__dict__["parameters"] = signature.parameters
    return method


def encode(value: object) -> bytes:
    """Return a value as one line of JSON, without its end; what JSON cannot hold is shown as text."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return msgspec.json.encode(_plain(value, 0))


def notification(method: str, params: Mapping[str, object]) -> bytes:
    """Return a notification as one line of JSON, without its end."""
    return encode({"jsonrpc": "2.0", "method": method, "params": params})


def _plain(value: object, depth: int) -> object:
    if depth > _DEPTH:
        return "..."
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, Mapping):
        return {str(_plain(str(key), depth)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float | bytes):
        return value
    return str(value).encode("utf-8", "backslashreplace").decode()


def _checked(request: object) -> tuple[str, object, object]:
    """Return method, parameters and id of a request.

    Errors: RpcError.
    """
    if not isinstance(request, dict):
        raise RpcError(
            INVALID_REQUEST, "a request is an object", hint='{"jsonrpc": "2.0", "id": 1, "method": "monitor.list"}'
        )
    if request.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'the member "jsonrpc" must be "2.0"')
    method, params = request.get("method"), request.get("params", {})
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, 'the member "method" must be a string')
    if not _is_identity(request.get("id")):
        raise RpcError(INVALID_REQUEST, 'the member "id" must be a string, a number or null')
    return method, params, request.get("id")


def _is_identity(value: object) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _identity(request: object) -> object:
    """Return the id of a request that may be none."""
    value = request.get("id") if isinstance(request, dict) else None
    return value if _is_identity(value) else None


def _failure(identity: object, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "error": error.as_json()}


def _is_malformed(reply: Mapping[str, Any] | None) -> bool:
    return reply is not None and reply.get("error", {}).get("code") == INVALID_REQUEST


def _translated(error: WeaverError) -> RpcError:
    if isinstance(error, UnknownNameError):
        code = UNKNOWN_NAME
    elif isinstance(error, InvalidAttributeError | InstrumentationConfigError | ExpressionSyntaxError):
        code = INVALID_ATTRIBUTE
    else:
        code = FAILED
    return RpcError(code, str(error))


def _unknown(name: str, known: Sequence[str]) -> RpcError:
    near = difflib.get_close_matches(name, known, 3)
    takes = ", ".join(known) if known else "none"
    return RpcError(INVALID_PARAMS, f"there is no parameter {name!r}; this method takes: {takes}", did_you_mean=near)


def _described(function: Method) -> dict[str, Any]:
    parameters = getattr(function, "parameters", None)
    if parameters is None:
        return {}
    return {
        "params": [
            {"name": p.name, "required": p.default is p.empty, "type": str(p.annotation)} for p in parameters.values()
        ]
    }
