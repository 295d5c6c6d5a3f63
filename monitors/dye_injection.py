"""DyeInjection: sets the dyes of each message at the dye points and resets them when the message is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from monitors.sip_flags import Facts
from weaver.api import (
    DyeFlag,
    InvalidAttributeError,
    Invocation,
    MonitorDefinition,
    Plugins,
    begin,
    end,
    mask_of,
    parse_pointcut,
    wanted_flags,
)

POINTCUT = (
    "execution(* server.engine.turn.process_inbound(..)) or execution(* server.engine.outbound.send_outbound(..))"
)


COSTLY = frozenset({"SIP_ANY_HEADER"})
"""Flags that are computed only while the mask of an enabled monitor names them."""


class DyeInjectionAction:
    """The fixed action of the monitor.

    Shape: the properties are those of the flags: ``ADDR1`` ... ``SIP_ANY_HEADER``.
    """

    name = "DyeInjectionAction"
    around = True

    def __init__(self, flags: Mapping[str, DyeFlag]) -> None:
        self._flags = flags
        self._costly = mask_of(COSTLY)
        self._tests: tuple[tuple[int, Callable[[Any], bool]], ...] = ()
        self.configure({})

    def configure(self, properties: Mapping[str, Any]) -> None:
        """Take new properties, all or none of them.

        Errors: InvalidAttributeError, naming the property.
        """
        known = {flag.property for flag in self._flags.values() if flag.property}
        for key in properties:
            if key not in known:
                raise InvalidAttributeError(f"DyeInjection: {key} is no property; known: {', '.join(sorted(known))}")
        tests = []
        for flag in self._flags.values():
            if flag.property and flag.property not in properties:
                continue
            try:
                tests.append((mask_of((flag.name,)), flag.compile(str(properties.get(flag.property, "")))))
            except ValueError as error:
                raise InvalidAttributeError(f"DyeInjection: {flag.property}: {error}") from error
        self._tests = tuple(tests)

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> None:
        """Set the context of the message."""
        item = invocation.argument("item")
        message = invocation.argument("message") if item is None else item.message
        flow = invocation.argument("flow") if item is None else item.flow
        vector = 0
        if message is not None:
            facts = Facts(message, "" if flow is None else flow.remote_host)
            wanted = wanted_flags() | ~self._costly
            for bit, test in self._tests:
                if bit & wanted and test(facts):
                    vector |= bit
        invocation.state = begin(vector, MessageFacts(message, invocation.argument("call")))

    def leave(self, invocation: Invocation) -> None:
        """Reset the context."""
        if invocation.state is not None:
            end(invocation.state)  # type: ignore[arg-type]
            invocation.state = None


class MessageFacts(Mapping[str, object]):
    """What is known of the message, looked up when somebody asks."""

    def __init__(self, message: Any, call: Any) -> None:
        self._message = message
        self._call = call

    def __getitem__(self, name: str) -> object:
        if name == "call_key":
            return getattr(self._call, "key", None)
        if name not in {"method", "status", "call_id"}:
            raise KeyError(name)
        try:
            return getattr(self._message, name, None)
        except ValueError:
            return None  # a header that nobody can read is no fault of the monitor that shows it

    def __iter__(self) -> Iterator[str]:
        return iter(("call_key", "method", "status", "call_id"))

    def __len__(self) -> int:
        return 4


def register(plugins: Plugins) -> None:
    """Contribute the monitor."""
    action = DyeInjectionAction(plugins.dye_flags)
    plugins.monitor(
        MonitorDefinition(
            "DyeInjection",
            "server",
            "standard",
            "around",
            parse_pointcut(POINTCUT),
            "Sets the dyes of each SIP message that enters or leaves, and resets them when it is done.",
            (action.name,),
            action,
            precedence=0,
        )
    )
