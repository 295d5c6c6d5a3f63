"""Writes the tables of this folder, and the JSON schema, from what the code says of itself: ``make docs``.

A page is a function in ``PAGES`` that returns its text. ``tests/architecture/test_docs.py`` compares the pages with the
files and sees that nothing is without a description.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from docs.sources import (
    ROOT,
    Library,
    Setting,
    action_properties,
    app_settings,
    commands,
    errors,
    first_line,
    instrumentation_settings,
    methods,
    options,
    public,
    toml_settings,
)
from server.sip.transaction_tables import START, TABLES
from tests.conformance.table import STATES as ROW_STATES
from tests.conformance.table import rows as conformance_rows
from weaver.cli.main import cli
from weaver.config_schema import SHIPPED, schema_text
from weaver.dye import BITS
from weaver.management import rpc

HERE = Path(__file__).parent
NOTE = "<!-- made by `make docs`; change what it is made from -->"
FITS = {"stateless": "before, after", "around": "around", "built-in": "its own monitor"}
ACTIONS = """\
A monitor has its own properties for its actions: `weaver monitor set NAME --property KEY=VALUE`, `--unset KEY`. One
that none of its actions has is refused. Text is hidden wherever no property allows it, and what is shown is bounded.

`weaver stats '(CLASS)(METHOD)(SIGNATURE)(ATTRIBUTES)'` reads what the two statistics actions keep, `--reset` has it
begin anew: `(*.Cart)(add*)(?)(count,max)`. `?` or nothing stands for all, `*` for any text, parts may be left out at
the end. The attributes are `count`, `min`, `max`, `avg`, `sum`, `sum_of_squares` and `std_deviation`.
"""
APIS = {"weaver.api": "The plugin API", "server.servlet": "The servlet API"}


def _table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    heads = list(columns)
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(
        f"| {' | '.join(str(cell).replace('|', '&#124;').replace('``', '`') for cell in line)} |\n" for line in lines
    )


def _code(text: object) -> str:
    return f"`{text}`" if text not in {"", None} else ""


def _settings_table(settings: Iterable[Setting]) -> str:
    rows = [
        (_code(one.key), one.unit, "unset" if one.default is None else _code(json.dumps(one.default)), one.meaning)
        for one in settings
    ]
    return _table(("setting", "unit", "default", "meaning"), rows)


def settings_page() -> str:
    """Every setting of every file."""
    apps = [
        f"### `[apps.{name}]`\n\n{_settings_table(one._replace(key=one.key.partition('.')[2]) for one in settings)}"
        for name, settings in app_settings().items()
    ]
    return "\n".join([
        "# Settings\n",
        "Unknown keys and wrong values are faults: all are reported together, and nothing starts.\n",
        "## The server: the file of `--config`\n",
        _settings_table(toml_settings(ROOT / "server" / "defaults.toml")),
        *apps,
        "## The weaver: `instrumentation.toml`\n",
        _settings_table(instrumentation_settings()),
    ])  # fmt: skip


def monitors_page() -> str:
    """Every monitor of the library."""
    rows = [
        (_code(m.name), m.scope, m.kind, m.location, m.action_kind, m.description, _code(m.pointcut))
        for m in sorted(Library().monitors, key=lambda monitor: monitor.name)
    ]
    heads = ("monitor", "scope", "kind", "location", "actions", "what it is for", "pointcut")
    return f"# Monitors of the library\n\n{_table(heads, rows)}"


def actions_page() -> str:
    """Every action of the library."""
    rows = [
        (_code(a.name), FITS[a.kind], first_line(type(a)), "<br>".join(map(_property, action_properties(a))))
        for a in sorted(Library().actions, key=lambda action: action.name)
    ]
    heads = ("action", "fits", "what it does", "properties")
    return f"# Actions of the library\n\n{ACTIONS}\n{_table(heads, rows)}"


def _property(one: Setting) -> str:
    return f"{_code(one.key)} ({_code(json.dumps(one.default))}): {one.text}"


def flags_page() -> str:
    """Every dye flag."""
    rows = [
        (
            BITS[name],
            _code(name),
            "" if flag is None else ", ".join(map(_code, getattr(flag, "properties", (flag.property,)))),
            "no plugin of the library sets it" if flag is None else flag.description,
        )
        for name, flag in Library().flags().items()
    ]
    return (
        "# Dye flags\n\n"
        "Properties are those of `DyeInjection`; a flag that has one is set only while it has a value.\n\n"
        + _table(("bit", "flag", "property", "when it is set"), rows)
    )


def admin_page() -> str:
    """Methods of the admin socket and commands of the client."""
    rows = []
    for method in methods():
        takes = method.get("params") or []
        named = ", ".join(p["name"] if p["required"] else f"[{p['name']}]" for p in takes)  # type: ignore[attr-defined]
        rows.append((_code(method["name"]), method["role"], _code(named), method["description"]))
    codes = "\n".join(line for line in (rpc.__doc__ or "").splitlines() if line.startswith("    -32"))
    common = [_option(one) for one in cli.params if isinstance(one, click.Option)]
    return "\n".join([
        "# The admin socket and its client\n",
        "JSON-RPC 2.0 over a Unix socket, one object a line; parameters are given by name. `rpc.discover` lists the",
        "methods of a running program.\n",
        "## Methods\n",
        _table(("method", "role", "parameters", "what it does"), rows),
        "An answer that is an error has one of these codes:\n",
        f"```\n{codes}\n```\n",
        "## Commands\n",
        "Options of `weaver` itself; target and JSON may also stand behind the command:\n",
        *common,
        *(_command(path, command) for path, command in commands()),
        "",
    ])  # fmt: skip


def _command(path: str, command: click.Command) -> str:
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    words = [path, *((one.metavar or one.human_readable_name) for one in arguments)]
    lines = [f"\n### `{' '.join(words)}`\n", command.help or ""]
    shown = [_option(one) for one in options(command)]
    return "\n".join([*lines, "", *shown] if shown else lines)


def _option(one: click.Option) -> str:
    takes = "" if one.is_flag else f" {one.metavar or one.human_readable_name.upper()}"
    return f"- `{', '.join(one.opts + one.secondary_opts)}{takes}`: {one.help}"


def errors_page() -> str:
    """Every error class."""
    rows = [
        (_code(kind.__name__), _code(kind.__module__), _code(kind.__bases__[0].__name__), first_line(kind))
        for kind in errors()
    ]
    return f"# Errors\n\n{_table(('error', 'module', 'kind of', 'meaning'), rows)}"


def api_page() -> str:
    """Names of the two public APIs."""
    parts = ["# Public names\n", "What is not listed here may change at any time.\n"]
    for name, title in APIS.items():
        rows = [(_code(one), text) for one, text in public(importlib.import_module(name)).items()]
        parts += [f"## {title}: `{name}`\n", _table(("name", "what it is"), rows)]
    return "\n".join(parts)


def transactions_page() -> str:
    """Every transaction machine as a figure."""
    parts = [
        "# Transactions\n",
        "Above a line stands the event, behind the stroke what it does; the words are those of",
        "`server/sip/transaction_tables.py`. What changes nothing is left out.\n",
    ]
    for name, table in TABLES.items():
        state, actions = START[name]
        parts += [
            f"## {name}\n",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {state}{': ' if actions else ''}{', '.join(actions)}",
        ]
        steps: dict[tuple[str, str, str], list[str]] = {}
        for (before, event), (after, done) in table.items():
            if done != ("idle",):
                steps.setdefault((before, after, ", ".join(done)), []).append(event)
        for (before, after, done), events in steps.items():
            text = f"{', '.join(events)} / {done}" if done else ", ".join(events)
            parts.append(f"    {before} --> {'[*]' if after == 'Terminated' else after}: {text}")
        parts.append("```\n")
    return "\n".join(parts)


def conformance_page() -> str:
    """Every row of the RFCs, and whether it is held."""
    listed = conformance_rows()
    counts = [
        (mark, *(sum(1 for row in listed if (row.mark, row.state) == (mark, state)) for state in ROW_STATES))
        for mark in ("M", "P", "B")
    ]
    lines = [
        (
            row.id,
            row.mark,
            row.source,
            row.behaviour,
            f"{row.state}: {row.missing}" if row.state == "partly" else row.state,
            "<br>".join(map(_code, row.tests)),
        )
        for row in listed
    ]
    return "\n".join([
        "# Conformance\n",
        "A row is held when tests carry its id in their names (`test_x5_...`).",
        "M: a server has to; P: every serious one does; B: goes beyond.\n",
        _table(("mark", *ROW_STATES), counts),
        _table(("row", "mark", "RFC", "behaviour", "state", "tests"), lines),
    ])  # fmt: skip


PAGES: dict[str, Callable[[], str]] = {
    "transactions.md": transactions_page,
    "conformance.md": conformance_page,
    "settings.md": settings_page,
    "monitors.md": monitors_page,
    "actions.md": actions_page,
    "dye-flags.md": flags_page,
    "admin.md": admin_page,
    "errors.md": errors_page,
    "api.md": api_page,
}


def text_of(name: str) -> str:
    """Return the text that a page should have."""
    return f"{NOTE}\n\n{PAGES[name]()}"


if __name__ == "__main__":
    for page in PAGES:
        (HERE / page).write_text(text_of(page), encoding="utf-8")
    SHIPPED.write_text(schema_text(), encoding="utf-8")
