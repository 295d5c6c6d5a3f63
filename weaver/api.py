"""Everything that a plugin may use; nothing else in ``weaver`` is public.

A plugin is a module with a function ``register(registry: Plugins)``. It is named in ``[weaver] plugins`` of
``instrumentation.toml`` or is an entry point of the group ``weaver.plugins``.
"""

from __future__ import annotations

from weaver.context import (
    begin,
    context_id,
    current_context,
    dye_flag_names,
    dye_vector,
    end,
    follow_wanted,
    following,
    is_dyed_with,
    payload,
    set_application_dye,
    set_payload,
    take_over,
    wanted_flags,
)
from weaver.dye_names import FLAGS, mask_of, names_of
from weaver.dye_rules import Rule, RuleBook, RuleKind
from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError, WeaverError
from weaver.event import Event
from weaver.joinpoint import Compiled, Invocation, JoinPoint
from weaver.look_back import LookBack, mark
from weaver.message_context import MessageContext, add_dyes, begin_message, end_message, message_kind, set_connector_dye
from weaver.monitor import Action, ActionKind, Location, MonitorDefinition, Scope
from weaver.plugins import DyeFlag, Method, Plugins
from weaver.pointcut.designators import (
    args,
    call,
    cflow,
    decorated,
    execution,
    get,
    handler,
    initialization,
    raises,
    set_,
    target,
    this,
    within,
    withincode,
)
from weaver.pointcut.parser import parse_pointcut
from weaver.properties import Names, Properties
from weaver.redaction import HIDDEN, show
from weaver.shadow import Shadow

__all__ = [
    "FLAGS",
    "HIDDEN",
    "Action",
    "ActionKind",
    "Compiled",
    "DyeFlag",
    "Event",
    "InvalidAttributeError",
    "Invocation",
    "JoinPoint",
    "Location",
    "LookBack",
    "MessageContext",
    "Method",
    "MonitorDefinition",
    "Names",
    "PluginError",
    "Plugins",
    "Properties",
    "Rule",
    "RuleBook",
    "RuleKind",
    "Scope",
    "Shadow",
    "UnknownNameError",
    "WeaverError",
    "add_dyes",
    "args",
    "begin",
    "begin_message",
    "call",
    "cflow",
    "context_id",
    "current_context",
    "decorated",
    "dye_flag_names",
    "dye_vector",
    "end",
    "end_message",
    "execution",
    "follow_wanted",
    "following",
    "get",
    "handler",
    "initialization",
    "is_dyed_with",
    "mark",
    "mask_of",
    "message_kind",
    "names_of",
    "parse_pointcut",
    "payload",
    "raises",
    "set_",
    "set_application_dye",
    "set_connector_dye",
    "set_payload",
    "show",
    "take_over",
    "target",
    "this",
    "wanted_flags",
    "within",
    "withincode",
]
