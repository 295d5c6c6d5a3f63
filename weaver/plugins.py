"""What plugins contribute, and the door they come in by."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Protocol

from weaver.dye import mask_of
from weaver.dye_rules import RuleKind
from weaver.errors import PluginError, describe_error
from weaver.look_back import LookBack
from weaver.management.rpc import METHOD_NAME, OWN_GROUPS
from weaver.monitor import Action, MonitorDefinition
from weaver.registry import Registry

GROUP = "weaver.plugins"


class DyeFlag(Protocol):
    """Decides about one dye flag for a message.

    Shape: ``name`` is a flag name, ``property`` the property of the injecting monitor that configures it, empty for a
    flag that needs none. ``compile(value)`` returns the test: facts of a message -> set or not. A flag may also have
    ``properties``, all that configure it, whose values ``compile`` then takes; ``applies``, to what the test is put (of
    ``sip``, ``http`` and ``user``); and ``lazy``: it is tested only while the mask of an enabled monitor names it.
    """

    @property
    def name(self) -> str:
        """The flag."""
        ...

    @property
    def description(self) -> str:
        """Which messages it is set for, in one line."""
        ...

    @property
    def property(self) -> str:
        """The property that configures it."""
        ...

    def compile(self, value: str) -> Callable[[Any], bool]:
        """Return the test for a property's value.

        Errors: ValueError, with the reason, for a value that makes no sense.
        """
        ...


Method = Callable[[Mapping[str, Any]], Any]
"""A method of the admin socket: parameters -> plain value."""


@dataclass(frozen=True, slots=True)
class RegisteredMethod:
    """A method with what a client is told of it."""

    function: Method
    description: str


class Plugins:
    """What ``register`` of a plugin gets."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.dye_flags: dict[str, DyeFlag] = {}
        self.rules = registry.rules
        self.methods: dict[str, RegisteredMethod] = {}
        self.look_back = LookBack()

    def action(self, action: Action) -> None:
        """Contribute an action.

        Errors: PluginError.
        """
        self.registry.add_action(action)

    def monitor(self, definition: MonitorDefinition) -> None:
        """Contribute a monitor of the library.

        Errors: PluginError.
        """
        self.registry.add(definition)

    def dye_flag(self, flag: DyeFlag) -> None:
        """Contribute the test for a dye flag.

        Errors: UnknownNameError, PluginError.
        """
        mask_of((flag.name,))
        if flag.name in self.dye_flags:
            raise PluginError(f"dye flag {flag.name}: there is a test for it already")
        self.dye_flags[flag.name] = flag

    def rule_kind(self, kind: RuleKind) -> None:
        """Contribute a kind of dye rule.

        Errors: PluginError.
        """
        self.rules.add_kind(kind)

    def method(self, name: str, function: Method, description: str) -> None:
        """Contribute a method of the admin socket, called ``group.verb``; the groups of the weaver's own are taken.

        Errors: PluginError.
        """
        if METHOD_NAME.fullmatch(name) is None:
            raise PluginError(f"method {name!r}: a name has the form group.verb, in lower case")
        if name in self.methods or name.partition(".")[0] in OWN_GROUPS:
            raise PluginError(f"method {name}: the name or its group is taken")
        self.methods[name] = RegisteredMethod(function, description)

    def load(self, modules: Iterable[str]) -> None:
        """Load plugins by module name, then those that are installed as entry points.

        Errors: PluginError, naming the first plugin at fault.
        """
        for error in self.load_all(modules):
            raise error

    def load_all(self, modules: Iterable[str]) -> list[PluginError]:
        """Load them as ``load`` does, whatever becomes of the others; return the errors."""
        names = [*modules, *(point.value for point in entry_points(group=GROUP))]
        errors = []
        for name in dict.fromkeys(names):
            try:
                self._load(name)
            except PluginError as error:
                errors.append(error)
        return errors

    def _load(self, name: str) -> None:
        try:
            register = importlib.import_module(name).register
        except (Exception, SystemExit) as error:
            raise PluginError(f"plugin {name} cannot be loaded: {describe_error(error)}") from error
        try:
            register(self)
        except (Exception, SystemExit) as error:
            raise PluginError(f"plugin {name} cannot register: {describe_error(error)}") from error
