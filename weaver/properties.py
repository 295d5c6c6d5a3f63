"""Properties of a monitor: which there are, by the models of its actions, and their values once they are checked.

They belong to a monitor's use of its actions, so that one action object can serve two monitors with different ones.
The core of the weaver imports this module when a plugin is loaded, not before: gevent patches what pydantic imports.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from weaver.errors import InvalidAttributeError, PluginError, WeaverError, describe_error
from weaver.joinpoint import Checked
from weaver.monitor import Action


class Properties(BaseModel):
    """Base of the model that an action declares as ``Properties``; each field has a default and a description."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _split(value: object) -> object:
    if isinstance(value, str):
        return frozenset(value.replace(",", " ").split())
    return frozenset(value) if isinstance(value, list | tuple) else value


Names = Annotated[frozenset[str], BeforeValidator(_split)]
"""A property that is a list of names, or a text of them with blanks or commas between."""


class MonitorProperties(Properties):
    """What every monitor has, whatever its actions."""

    proxy: bool = Field(default=False, description="whether a proxy is put where there is no code to weave")


def check_model(action: Action) -> None:
    """See that the model of an action's properties is one, and that nothing has to be set.

    Errors: PluginError.
    """
    model: object = getattr(action, "Properties", None)
    if not (isinstance(model, type) and issubclass(model, Properties)):
        raise PluginError(f"action {action.name}: its Properties come from weaver.api.Properties")
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    if needed:
        raise PluginError(f"action {action.name}: its property {needed[0]} has no default")


def check_properties(monitor: str, actions: Iterable[Action], properties: Mapping[str, Any]) -> Checked:
    """Return the properties as each action wants them: model -> its values.

    An action with ``configure`` judges its properties itself, all of them.
    Errors: InvalidAttributeError for a value that is wrong, and for a property that no action takes.
    """
    used = tuple(actions)
    models = [MonitorProperties, *(action.Properties for action in used if hasattr(action, "Properties"))]
    if not _configure(monitor, used, properties):
        _refuse_unknown(monitor, used, models, properties)
    return MappingProxyType({model: _read(monitor, model, properties) for model in models})


def _configure(monitor: str, actions: Iterable[Action], properties: Mapping[str, Any]) -> bool:
    """Give the properties to the actions that judge them themselves; say whether there are such."""
    judges = [one for one in actions if hasattr(one, "configure")]
    for action in judges:
        try:
            action.configure(properties)
        except WeaverError:
            raise
        except Exception as error:
            raise InvalidAttributeError(
                f"{monitor}: {action.name} does not take its properties: {describe_error(error)}"
            ) from error
    return bool(judges)


def _refuse_unknown(
    monitor: str, actions: Iterable[Action], models: Iterable[type[Properties]], properties: Mapping[str, Any]
) -> None:
    known = sorted({name for model in models for name in model.model_fields})
    for key in properties:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"these can be set: {', '.join(known)}"
            takers = ", ".join(action.name for action in actions) or "a monitor without actions"
            raise InvalidAttributeError(f"{monitor}: {takers} has no property {key!r}; {hint}")


def _read(monitor: str, model: type[Properties], properties: Mapping[str, Any]) -> Properties:
    try:
        return model.model_validate({key: properties[key] for key in model.model_fields if key in properties})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InvalidAttributeError(f"{monitor}: property {key}: {_said(first['msg'])}") from error


def _said(message: str) -> str:
    """Return pydantic's message without the words that name its classes of errors."""
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
