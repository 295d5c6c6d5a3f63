"""JSON-RPC 2.0: one line in, one line out. Nothing that a client sends gets an exception out of here."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from weaver.errors import InvalidAttributeError, UnknownNameError, WeaverError
from weaver.plugins import RegisteredMethod

log = logging.getLogger(__name__)

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
REFUSED, NOT_FOUND = -32001, -32002

MAX_BATCH = 100


class Dispatcher:
    """Calls methods by name."""

    def __init__(self, methods: Mapping[str, RegisteredMethod]) -> None:
        self._methods = methods

    def answer(self, line: bytes) -> bytes | None:
        """Return the answer to one line, None when there is nothing to answer."""
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            return _line(_error(None, PARSE_ERROR, f"not JSON: {error}"))
        if isinstance(request, list):
            if not request or len(request) > MAX_BATCH:
                return _line(_error(None, INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} requests"))
            answers = [answer for one in request if (answer := self._call(one)) is not None]
            return _line(answers) if answers else None
        answer = self._call(request)
        return None if answer is None else _line(answer)

    def _call(self, request: object) -> dict[str, Any] | None:
        if (
            not isinstance(request, dict)
            or request.get("jsonrpc") != "2.0"
            or not isinstance(request.get("method"), str)
        ):
            return _error(
                None, INVALID_REQUEST, 'a request is {"jsonrpc": "2.0", "method": ..., "params": {...}, "id": ...}'
            )
        name, parameters, number = request["method"], request.get("params", {}), request.get("id")
        method = self._methods.get(name)
        if method is None:
            return _error(number, NO_METHOD, f"there is no method {name!r}; known: {', '.join(sorted(self._methods))}")
        if not isinstance(parameters, dict):
            return _error(number, INVALID_PARAMS, "parameters are given by name")
        try:
            result = method.function(parameters)
        except UnknownNameError as error:
            return _error(number, NOT_FOUND, str(error))
        except (InvalidAttributeError, WeaverError) as error:
            return _error(number, INVALID_PARAMS, str(error))
        except Exception:
            log.exception("the method %s failed", name)
            return _error(number, INTERNAL, f"{name} failed; see the log of the process")
        return None if "id" not in request else {"jsonrpc": "2.0", "id": number, "result": result}


def notification(method: str, parameters: Mapping[str, Any]) -> bytes:
    """Return the line of a notification."""
    return _line({"jsonrpc": "2.0", "method": method, "params": parameters})


def _error(number: object, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=str).encode() + b"\n"
