"""The settings of the server: ``defaults.toml``, over it the file of ``--config``, over it the command line.

Every setting has its default in ``defaults.toml`` and its unit in the docstring of its field. Unknown keys are faults;
all faults are reported together before anything starts. ``[apps.NAME]`` is handed to that application as it is.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from server.errors import ConfigError

DEFAULTS = Path(__file__).with_name("defaults.toml")


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port to listen on; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``HOST:PORT`` or ``[IPV6]:PORT``.

        Errors: ValueError when there is no port or it is none.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"{text!r} is not HOST:PORT")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))


def parse_addresses(key: str, value: str | list[str]) -> list[Address]:
    """Read a setting that holds ``HOST:PORT``, a list of them, or nothing.

    Errors: ConfigError with every one that is none; ``key`` names the setting.
    """
    found, faults = [], []
    for text in [value] if isinstance(value, str) else value:
        try:
            if text:
                found.append(Address.parse(text))
        except ValueError as error:
            faults.append(f"{key}: {error}")
    if faults:
        raise ConfigError(faults)
    return found


@dataclass(frozen=True, slots=True)
class SipConfig:
    """Section ``[sip]``.

    Shape: ``listen`` is ``HOST:PORT`` or a list of them; each gets UDP and TCP. ``domains`` are the names that phones
    register at here, ``trusted`` the addresses and networks of peers that are believed what they say of others.
    ``accounts`` are ``NAME:PASSWORD:REALM:PEER PEER ...``, what requests from here prove to those peers and no other.
    Units: ``t1``, ``t2``, ``t4`` seconds (RFC 3261 table 4).
    """

    listen: str | list[str]
    domains: list[str]
    outbound_proxy: str
    trusted: list[str]
    accounts: list[str]
    t1: float
    t2: float
    t4: float


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """Section ``[tls]``: SIP over TLS, and what secure WebSocket uses of it.

    Shape: ``listen`` as in ``[sip]``, empty for no TLS; ``certificate`` (the chain, ours first) and ``key`` are PEM
    files, ``authorities`` a PEM file of those that vouch for the servers we connect to, empty for the system's.
    """

    listen: str | list[str]
    certificate: str
    key: str
    authorities: str


@dataclass(frozen=True, slots=True)
class WebSocketConfig:
    """Section ``[websocket]``: SIP over WebSocket (RFC 7118).

    Shape: ``listen`` and ``secure_listen`` as in ``[sip]``, empty for none; ``origins`` are the pages that may connect
    (``https://phone.example.com``), empty for any.
    """

    listen: str | list[str]
    secure_listen: str | list[str]
    origins: list[str]


@dataclass(frozen=True, slots=True)
class ConnectionsConfig:
    """Section ``[connections]``: what one peer may take of TCP, TLS and WebSocket.

    Units: seconds; ``message_timeout`` from the first byte of a message to its last, ``idle_timeout`` without any
    byte, ``send_timeout`` until the kernel has taken one message, ``keep_alive`` of silence on a connection opened from
    here until the peer is asked for a sign of life, ``pong_timeout`` until it must come; ``queue_bytes`` bytes that
    wait for one connection; ``limit`` connections in all, ``limit_per_address`` that one address may open.
    """

    message_timeout: float
    idle_timeout: float
    connect_timeout: float
    send_timeout: float
    keep_alive: float
    pong_timeout: float
    queue_bytes: int
    limit: int
    limit_per_address: int


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """Section ``[dns]``: how host names are looked up (RFC 3263).

    Shape: ``servers`` are ``ADDRESS`` or ``ADDRESS:PORT``, empty for those of ``/etc/resolv.conf``.
    Units: ``timeout`` seconds for one question; ``cache_entries`` answers kept, each for its time to live.
    """

    servers: list[str]
    timeout: float
    cache_entries: int


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """Section ``[http]``; ``listen`` is ``HOST:PORT``, empty for no HTTP at all."""

    listen: str


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Section ``[engine]``.

    Units: ``turn_budget_ms`` milliseconds after which a turn stores what it has; ``lock_timeout`` seconds that HTTP
    waits for a call; ``near_cache_bytes`` bytes of call state kept decoded; ``inactivity`` seconds without any message
    after which a call is ended; ``session_expires`` seconds that the INVITEs of user agents here ask for between two
    refreshes (RFC 4028), 0 to ask for none.
    """

    turn_items: int
    turn_budget_ms: float
    lock_timeout: float
    near_cache_bytes: int
    call_state_bytes: int
    inactivity: float
    session_expires: int


@dataclass(frozen=True, slots=True)
class WorkConfig:
    """Section ``[work]``: how much of one kind the node does at the same time.

    Shape: ``sip``, ``timer`` and ``http`` are turns, what comes above waits; ``admin`` are polls and orders of the
    operator, what comes above is refused; ``application`` are HTTP requests of one application, what comes above is
    answered with 503. ``waiting`` turns may wait of each kind, then requests that start a call, and what HTTP servlets
    want done in one, get 503.
    """

    sip: int
    timer: int
    http: int
    admin: int
    application: int
    waiting: int


@dataclass(frozen=True, slots=True)
class RegistrarConfig:
    """Section ``[registrar]``.

    Shape: ``users`` are ``NAME:PASSWORD``, ``service_route`` values of Service-Route.
    Units: all ``expires`` seconds.
    """

    min_expires: int
    max_expires: int
    default_expires: int
    max_bindings: int
    service_route: list[str]
    realm: str
    users: list[str]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """All settings of one server."""

    sip: SipConfig
    tls: TlsConfig
    websocket: WebSocketConfig
    connections: ConnectionsConfig
    dns: DnsConfig
    http: HttpConfig
    engine: EngineConfig
    work: WorkConfig
    registrar: RegistrarConfig
    apps: dict[str, dict[str, Any]] = field(default_factory=dict)

    def with_command_line(self, *, sip: str | None, http: str | None, outbound_proxy: str | None) -> ServerConfig:
        """Return these settings with what the command line says instead."""
        config = self
        if sip is not None:
            config = replace(config, sip=replace(config.sip, listen=sip))
        if outbound_proxy is not None:
            config = replace(config, sip=replace(config.sip, outbound_proxy=outbound_proxy))
        if http is not None:
            config = replace(config, http=replace(config.http, listen=http))
        return config


SECTIONS = {
    "sip": SipConfig,
    "tls": TlsConfig,
    "websocket": WebSocketConfig,
    "connections": ConnectionsConfig,
    "dns": DnsConfig,
    "http": HttpConfig,
    "engine": EngineConfig,
    "work": WorkConfig,
    "registrar": RegistrarConfig,
}

KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "list[str]": (list,),
    "str | list[str]": (str, list),
}
"""Type of a setting -> what TOML may give for it."""


def load_config(path: Path | None = None) -> ServerConfig:
    """Read the defaults and, over them, the file at ``path``.

    Errors: ConfigError with every fault (``file:line: section.key: reason``).
    """
    values: dict[str, Any] = tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))
    apps: dict[str, dict[str, Any]] = {}
    if path is not None:
        _merge(values, apps, path)
    return ServerConfig(**{name: kind(**values[name]) for name, kind in SECTIONS.items()}, apps=apps)


def _merge(values: dict[str, Any], apps: dict[str, dict[str, Any]], path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
        document = tomlkit.parse(text).unwrap()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8: {error.reason}"]) from error
    except TOMLKitError as error:
        line = f":{error.line}" if isinstance(error, ParseError) else ""
        raise ConfigError([f"{path}{line}: is not TOML: {error}"]) from error
    faults: list[str] = []
    for section, content in document.items():
        if section == "apps" and isinstance(content, dict) and all(isinstance(v, dict) for v in content.values()):
            apps.update(content)
        elif section not in SECTIONS or not isinstance(content, dict):
            faults.append(_unknown(path, text, section, "", [*SECTIONS, "apps"]))
        else:
            for key, value in content.items():
                fault = _check(section, key, value)
                if fault:
                    faults.append(f"{path}:{_line_of(text, section, key)}: {section}.{key}: {fault}")
                else:
                    values[section][key] = value
    if faults:
        raise ConfigError(faults)


def _check(section: str, key: str, value: object) -> str:
    kinds = {f.name: f.type for f in fields(SECTIONS[section])}
    if key not in kinds:
        near = difflib.get_close_matches(key, kinds, 1)
        return "unknown key" + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(kinds)}")
    if isinstance(value, bool) or not isinstance(value, KINDS[str(kinds[key])]):
        return f"must be {kinds[key]}, not {value!r}"
    if isinstance(value, list) and not all(isinstance(member, str) for member in value):
        return f"must be {kinds[key]}, not {value!r}"
    if isinstance(value, (int, float)) and value <= 0:
        return f"must be greater than 0, not {value!r}"
    return ""


def _unknown(path: Path, text: str, section: str, key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(section, known, 1)
    hint = f"did you mean [{near[0]}]?" if near else f"known: {', '.join(known)}"
    return f"{path}:{_line_of(text, section, key)}: {section}: unknown section; {hint}"


def _line_of(text: str, section: str, key: str) -> int:
    """Return the line of ``key`` in ``[section]``, or of the section itself."""
    inside, found = False, 1
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped.strip("[] ").split(".")[0] == section
            if inside and not key:
                return number
            if inside:
                found = number
        elif stripped.split("=")[0].strip() == (key or section) and bool(key) == inside:
            return number
    return found
