"""What a dye flag sees of a SIP message."""

from dataclasses import dataclass, field


class Lines:
    """Header lines by lower-case name."""

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = values

    @property
    def first(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._values.items() if values}

    def get(self, name: str) -> str | None:
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> tuple[str, ...]:
        return tuple(self._values.get(name.lower(), ()))


@dataclass
class Message:
    """A request, or with a status a response."""

    method: str = "INVITE"
    status: int | None = None
    values: dict[str, list[str]] = field(default_factory=dict)
    call_id: str = "c1"

    @property
    def headers(self) -> Lines:
        return Lines(self.values)


@dataclass
class Flow:
    """Where it came from."""

    remote_host: str = "127.0.0.1"
