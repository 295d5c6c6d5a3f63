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
    is_dyed_with,
    payload,
    set_application_dye,
    set_payload,
    take_over,
    wanted_flags,
)
from weaver.dye import FLAGS, mask_of, names_of
from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError, WeaverError
from weaver.event import Event
from weaver.joinpoint import Compiled, Invocation, JoinPoint
from weaver.monitor import Action, MonitorDefinition
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
from weaver.redaction import show
from weaver.shadow import Shadow

__all__ = [
    "FLAGS",
    "Action",
    "Compiled",
    "DyeFlag",
    "Event",
    "InvalidAttributeError",
    "Invocation",
    "JoinPoint",
    "Method",
    "MonitorDefinition",
    "PluginError",
    "Plugins",
    "Shadow",
    "UnknownNameError",
    "WeaverError",
    "args",
    "begin",
    "call",
    "cflow",
    "context_id",
    "current_context",
    "decorated",
    "dye_flag_names",
    "dye_vector",
    "end",
    "execution",
    "get",
    "handler",
    "initialization",
    "is_dyed_with",
    "mask_of",
    "names_of",
    "parse_pointcut",
    "payload",
    "raises",
    "set_",
    "set_application_dye",
    "set_payload",
    "show",
    "take_over",
    "target",
    "this",
    "wanted_flags",
    "within",
    "withincode",
]
