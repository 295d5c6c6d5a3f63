"""State_*: the engine checks call states out of the state tier and in again, and waits for calls that are on loan."""

from __future__ import annotations

from monitors.family import Family, executions, register_all
from weaver.api import Plugins

STORE = "server.state..*Store"
ITSELF = "not within(server.state.store)"

FAMILIES = (
    Family(
        "State_*_Check_Out_Internal",
        "server",
        "a call state is locked and read",
        f"{executions(f'{STORE}.check_out')} and {ITSELF}",
    ),
    Family(
        "State_*_Check_In_Internal",
        "server",
        "a call state is written, removed or left as it was, and unlocked",
        f"{executions(f'{STORE}.{{check_in,remove,unlock}}')} and {ITSELF}",
    ),
    Family(
        "State_*_Lock_Wait_Internal",
        "server",
        "an application waits until a call is its own, or its state is stored",
        executions("server.engine.engine.Engine._wait"),
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
