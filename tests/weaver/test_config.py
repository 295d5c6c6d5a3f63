import subprocess
import sys
from pathlib import Path

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from weaver.config import (
    EventsConfig,
    InstrumentationConfig,
    MonitorConfig,
    fault_at,
    line_of,
    load_instrumentation,
)
from weaver.errors import InstrumentationConfigError
from weaver.pointcut.parser import parse_pointcut

SHIPPED = Path(__file__).parents[2] / "instrumentation.toml"
KNOWN = ("DyeInjection", "Sip_Servlet_Before_Service")
FLAGS = ("ADDR1", "PROTOCOL_SIP")


def written(folder: Path, text: str) -> Path:
    path = folder / "instrumentation.toml"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def faults_of(path: Path) -> list[str]:
    with pytest.raises(InstrumentationConfigError) as caught:
        load_instrumentation(path, KNOWN, FLAGS)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return [fault.removeprefix(f"{path}:") for fault in caught.value.faults]


def test_shipped_file_has_every_monitor_off_but_dye_injection() -> None:
    config = load_instrumentation(SHIPPED)

    assert [name for name, monitor in config.monitors.items() if monitor.enabled] == ["DyeInjection"]
    assert [name for name, monitor in config.monitors.items() if monitor.kind == "custom"] == ["ClickToCall"]
    assert {name for name in config.monitors if name.startswith("Sip_Servlet_")} == {
        f"Sip_Servlet_{location}_{what}"
        for location in ("Before", "After", "Around")
        for what in ("Service", "Session", "Message_Send_Internal")
    }


def test_expressions_in_comments_of_the_shipped_file_are_right() -> None:
    lines = [line for line in SHIPPED.read_text().splitlines() if line.startswith("#   pointcut = ")]

    assert len(lines) == 2
    for line in lines:
        assert parse_pointcut(line.split('"')[1])


def test_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_instrumentation(written(tmp_path, "")) == InstrumentationConfig()


def test_every_key_is_read(tmp_path: Path) -> None:
    text = """
[target]
module = "package"
[weaving]
prefixes = ["a", "b.c"]
exclude = ["b.c.d"]
[weaver]
plugins = ["monitors.x"]
[events]
ring = 5
json_lines = "e.jsonl"
json_lines_max_bytes = 4096
[admin]
socket = "/run/x.sock"
[redaction]
names = ["password"]
[monitors.DyeInjection]
enabled = true
dye_mask = ["ADDR1"]
dye_filtering = false
actions = ["A"]
properties = { ADDR1 = "127.0.0.1", n = 3 }
includes = ["a.*"]
excludes = ["a.b"]
description = "words"
[monitors.Mine]
kind = "custom"
scope = "server"
location = "around"
pointcut = "a.b"
[pointcuts]
starts = "execution(* a.start(..))"
"""

    config = load_instrumentation(written(tmp_path, text), KNOWN, FLAGS)

    assert config.target.module == "package"
    assert (config.weaving.prefixes, config.weaving.exclude) == (["a", "b.c"], ["b.c.d"])
    assert config.weaver.plugins == ["monitors.x"]
    assert config.events == EventsConfig(ring=5, json_lines="e.jsonl", json_lines_max_bytes=4096)
    assert config.admin.socket == "/run/x.sock"
    assert config.redaction.names == ["password"]
    assert config.monitors["DyeInjection"] == MonitorConfig(
        enabled=True, dye_mask=["ADDR1"], dye_filtering=False, actions=["A"], includes=["a.*"], excludes=["a.b"],
        properties={"ADDR1": "127.0.0.1", "n": 3}, description="words",
    )  # fmt: skip
    assert config.monitors["Mine"] == MonitorConfig(kind="custom", scope="server", location="around", pointcut="a.b")
    assert config.pointcuts == {"starts": "execution(* a.start(..))"}


def test_every_setting_has_a_description() -> None:
    defaults = [field.default for field in InstrumentationConfig.model_fields.values()]
    sections = [type(default) for default in defaults if isinstance(default, BaseModel)]

    for section in (InstrumentationConfig, *sections, MonitorConfig):
        assert [name for name, field in section.model_fields.items() if not field.description] == []


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """[monitors.Other]
pointcut = "a.b"
[weaving]
prefixs = ["a"]
[monitors.X]
kind = "custom"
enabled = "yes"
pointcut = "exection(* a(..))"
[monitors.Y]
kind = "custom"
"""

    faults = faults_of(written(tmp_path, text))

    assert [fault.partition(":")[0] for fault in faults] == ["1", "4", "7", "8", "9"]
    assert faults[1] == "4: weaving.prefixs: unknown key; did you mean 'prefixes'?\n    prefixs = [\"a\"]"
    assert faults[2] == '7: monitors.X.enabled: must be true or false, not "yes"\n    enabled = "yes"'
    assert faults[4] == "9: monitors.Y.pointcut: a custom monitor needs a pointcut\n    [monitors.Y]"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[weavin]\n", "1: weavin: unknown key; did you mean 'weaving'?"),
        ("[nothing]\n", "1: nothing: unknown key; known: target, weaving, weaver, events, admin, redaction, monitors"),
        ("[monitors.DyeInjection]\nenabeld = true\n", "2: monitors.DyeInjection.enabeld: unknown key; did you mean 'e"),
        ("[events]\nRING = 1\n", "2: events.RING: unknown key; did you mean 'ring'?"),
        ("[events.archive]\npth = 'x'\n", "2: events.archive.pth: unknown key; did you mean 'path'?"),
        ("[events.archive]\nmax_bytes = 1\n", "2: events.archive.max_bytes: must be greater than or equal to"),
        ("[events]\nlog_level = 'INFOO'\n", "2: events.log_level: must be "),
        ("events = 3\n", "1: events: must be a table, not 3"),
        ("[watches.W]\nwhen = 'statu > 1'\n", "2: watches.W.when: there is nothing called 'statu' in an event;"),
        ("[watches.W]\nactions = ['log']\n", "1: watches.W: '': expected a comparison such as status >= 500"),
        ("[watches.W]\nwhen = 'status > 1'\nactions = ['lag']\n", "3: watches.W.actions: there is no 'lag'; did you"),
        ("[watches.W]\nwhen = 'status > 1'\nalarm = 'never'\n", "3: watches.W.alarm: must be 'none', 'manual' or"),
        ("[watches.W]\nwhen = 'status > 1'\nwen = 1\n", "3: watches.W.wen: unknown key; did you mean 'when'?"),
        ("monitors = 3\n", "1: monitors: must be a table, not 3"),
        ("[monitors]\nDyeInjection = 3\n", "2: monitors.DyeInjection: must be a table, not 3"),
        ("[target]\nmodule = 'a/b'\n", '2: target.module: must be the dotted name of a module, not "a/b"'),
        ("[events]\nring = 0\n", "2: events.ring: must be greater than or equal to 1, not 0"),
        ("[events]\nring = 1.5\n", "2: events.ring: must be a whole number, not 1.5"),
        ("[events]\nring = '" + 70 * "x" + "'\n", '2: events.ring: must be a whole number, not "' + 56 * "x" + "..."),
        ("[admin]\nsocket = ' '\n", '2: admin.socket: must be text that is not empty, not " "'),
        ("[weaver]\nplugins = 'a'\n", '2: weaver.plugins: must be a list, not "a"'),
        ("[weaver]\nplugins = [\n  'a',\n  3,\n]\n", "2: weaver.plugins.1: must be text in quotes, not 3"),
        ("[monitors.M]\nkind = 'custom'\npointcut = 'a'\nlocation = 'arround'\n",
         "4: monitors.M.location: must be 'before', 'after' or 'around', not \"arround\"; did you mean 'around'?"),
        ("[monitors.M]\nkind = 'custom'\npointcut = ''\n", "3: monitors.M.pointcut: must be text that is not empty"),
        ("[monitors.M]\nkind = 'custom'\npointcut = 3\n", "3: monitors.M.pointcut: must be text in quotes, not 3"),
        ("[monitors.DyeInjektion]\n",
         "1: monitors.DyeInjektion: there is no such monitor; did you mean 'DyeInjection'?; one of your own needs"),
        ("[monitors.'a.b']\n", '1: monitors."a.b": there is no such monitor; one of your own needs kind = "custom"'),
        ("[monitors.DyeInjection]\nkind = 'custom'\npointcut = 'a'\n",
         "1: monitors.DyeInjection: the library has a monitor of that name; choose another"),
        ("[monitors.DyeInjection]\nlocation = 'after'\n",
         "2: monitors.DyeInjection.location: only a custom monitor has a location of its own; add kind = "),
        ("[monitors.DyeInjection]\nscope = 'server'\n", "2: monitors.DyeInjection.scope: only a custom monitor"),
        ("[monitors.DyeInjection]\ndye_mask = ['ADDR1', 'ADR1']\n",
         "2: monitors.DyeInjection.dye_mask: 'ADR1' is no dye flag; did you mean 'ADDR1'?"),
        ("[monitors.DyeInjection]\ndye_mask = ['protocol_sip']\n",
         "2: monitors.DyeInjection.dye_mask: 'protocol_sip' is no dye flag; did you mean 'PROTOCOL_SIP'?"),
        ("[monitors.DyeInjection]\ndye_mask = [3]\n", "2: monitors.DyeInjection.dye_mask.0: must be text in quotes"),
        ("[monitors.DyeInjection]\nincludes = ['']\n", "2: monitors.DyeInjection.includes.0: must be text that is not"),
        ("[pointcuts]\nstarts = 3\n", "2: pointcuts.starts: must be text in quotes, not 3"),
        ("[pointcuts]\nstarts = 'a.b ?'\n", "2: pointcuts.starts: column 5: expected a name, an operator or a paren"),
        ("[monitors.M]\nkind = 'cutsom'\npointcut = 'a'\n",
         "2: monitors.M.kind: must be 'custom', not \"cutsom\"; did you mean 'custom'?"),
        ("[events]\nring = 1000001\n", "2: events.ring: must be less than or equal to 1000000, not 1000001"),
        ("[[events]]\nring = 1\n", "1: events: must be a table, not [{"),
    ],
)  # fmt: skip
def test_fault_names_line_key_reason_and_remedy(tmp_path: Path, text: str, fault: str) -> None:
    faults = faults_of(written(tmp_path, text))

    assert len(faults) == 1
    assert faults[0].startswith(fault)
    assert faults[0].splitlines()[1].strip() in text


SETTINGS = [
    *(f"{table}.{key}" for table in ("target", "weaving", "weaver", "events", "admin", "redaction")
      for key in type(InstrumentationConfig.model_fields[table].default).model_fields),
    *(f"monitors.DyeInjection.{key}" for key in MonitorConfig.model_fields),
    "pointcuts.a", "monitors.A", "monitors", "pointcuts", "events", "a", "a.b",
]  # fmt: skip
VALUES = ("1", "-1", "99999999999999999999", "1.5", "inf", "nan", "true", "''", "'x'", "'a.b'", "' '", "'\u2028'", "[]",
          "[1]", "['']", "[[]]", "{}", "{a = 1}", "{a = {}}", "2026-01-01", "07:00:00")  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS)
def test_any_value_is_taken_or_is_a_fault_at_its_line(tmp_path: Path, setting: str) -> None:
    faults = []
    for value in VALUES:
        path = written(tmp_path, f"\n{setting} = {value}\n")
        try:
            load_instrumentation(path, KNOWN, FLAGS)
        except InstrumentationConfigError as error:
            faults += error.faults

    assert faults
    assert all(fault.startswith(f"{path}:2: ") for fault in faults)


def test_monitor_uses_pointcuts_by_their_names(tmp_path: Path) -> None:
    text = """
[pointcuts]
starts = "a.start or stops()"
stops = "a.stop"
[monitors.Mine]
kind = "custom"
pointcut = "starts() and not within(b)"
"""

    config = load_instrumentation(written(tmp_path, text))

    assert config.pointcut_of(config.monitors["Mine"]) == parse_pointcut("(a.start or a.stop) and not within(b)")


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (
            "a = 'b()'\nb = 'a()'\n",
            "2: pointcuts.a: column 1: expected a pointcut that does not lead back here; a uses b",
        ),
        ("a = 'none()'\n", "2: pointcuts.a: column 1: "),
        ("execution = 'a.b'\n", "2: pointcuts.execution: column 1: expected a name of letters"),
    ],
)
def test_fault_of_a_named_pointcut_is_told_where_it_stands_and_not_again_where_it_is_used(
    tmp_path: Path, table: str, fault: str
) -> None:
    used = f"[monitors.M]\nkind = 'custom'\npointcut = '{table.split(' ')[0]}()'\n"

    faults = faults_of(written(tmp_path, f"[pointcuts]\n{table}{used if 'execution' not in table else ''}"))

    assert faults[0].startswith(fault)
    assert all("pointcuts." in one for one in faults)


def test_name_that_no_pointcut_has_is_a_fault_of_the_monitor(tmp_path: Path) -> None:
    text = "[pointcuts]\nstarts = 'a.start'\n[monitors.M]\nkind = 'custom'\npointcut = 'start()'\n"

    (fault,) = faults_of(written(tmp_path, text))

    assert fault.startswith("5: monitors.M.pointcut: column 1: ")
    assert "starts" in fault.splitlines()[0]


def test_names_are_not_checked_when_they_are_not_given(tmp_path: Path) -> None:
    path = written(tmp_path, "[monitors.Unheard]\ndye_mask = ['NO_SUCH']\n")

    assert load_instrumentation(path).monitors["Unheard"].dye_mask == ["NO_SUCH"]


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ('"a.b and exection(c)"', 'pointcut = "a.b and exection(c)"'),
        ("'a.b and exection(c)' # more", "pointcut = 'a.b and exection(c)' # more"),
        ('"a.b\\tand exection(c)"', "a.b and exection(c)"),
        ('"""\na.b\nand exection(c)"""', "a.b and exection(c)"),
    ],
)
def test_pointcut_that_cannot_be_read_has_a_caret(tmp_path: Path, value: str, quoted: str) -> None:
    path = written(tmp_path, f"\n[monitors.X]\nkind = 'custom'\npointcut = {value}\n")

    (fault,) = faults_of(path)

    lines = fault.splitlines()
    assert lines[0].startswith("4: monitors.X.pointcut: column 9: expected one of execution, ")
    assert lines[0].endswith("; did you mean 'execution'?")
    assert lines[-2].strip() == quoted
    assert lines[-2][lines[-1].index("^") :].startswith("exection(c)")


def test_pointcut_fault_without_a_hint_has_none(tmp_path: Path) -> None:
    path = written(tmp_path, "[monitors.X]\nkind = 'custom'\npointcut = 'a.b ?'\n")

    assert faults_of(path)[0].splitlines()[0].endswith("expected a name, an operator or a parenthesis")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a = 1\nb = \n", "2: is not TOML: "),
        (b"[a]\nb = 1\nb = 2\n", "3: is not TOML: "),
        (b"[a]\nb.c = 1\n[a.b]\nd = 1\n", "3: is not TOML: "),
        (b"\n\na = ", "3: is not TOML: "),
        (b"\xff\xfe", " cannot be read: "),
        (b"#" * (1 << 20) + b"\n", " cannot be read: it has more than 1048576 characters"),
        (b"a = " + 10_000 * b"[", " tables or lists stand too deep in each other"),
        (None, " cannot be read: "),
    ],
)
def test_file_that_cannot_be_read_is_a_fault(tmp_path: Path, content: bytes | None, fault: str) -> None:
    path = tmp_path / "instrumentation.toml"
    if content is not None:
        path.write_bytes(content)

    (found,) = faults_of(path)

    assert found.startswith(fault)


EVERYTHING = '''top = 1

# words = 3
a.b.c = [
  1, # one
  2,
]
[first]   # words

key = """
[not.a.table]
key = 1"""
[first.inner]
x = { y = 1, z = [1, 2] }
[monitors.A]
one = 1
[second]
d.e = 1
d."f g" = 2

[monitors."B.C"]
  two = '\'\'a
b'\'\'

  [[many]]
  n = 1
[[many]]
n = 2
[many.below]
m = 3
'''


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("top", 1), ("a", 4), ("a b c", 4), ("a b c 1", 4), ("first", 8), ("first key", 10), ("first inner", 13),
        ("first inner x", 14), ("first inner x y", 14), ("monitors", 15), ("monitors A one", 16), ("second d e", 18),
        ("second d f_g", 19), ("monitors B.C", 21), ("monitors B.C two", 22), ("many", 25), ("many 0", 25),
        ("many 0 n", 26), ("many 1 n", 28), ("many 1 below m", 30), ("missing", 1), ("first missing", 8), ("", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_of_a_key_is_found(keys: str, line: int, newline: str) -> None:
    text = EVERYTHING.replace("'\\'\\'", "'''").replace("\n", newline)

    assert line_of(text, [key.replace("_", " ") if "_" in key else key for key in keys.split()]) == line


NAME = st.sampled_from("abcdef")
PIECE = st.sampled_from(["{k} = 1\n", "\n", "# x\n", '{k} = """\n\n"""\n', "{k} = [\n 1,\n]\n", "[{k}.{k}{n}] # x\n\n",
                         "  [{k}{n}]\n", "{k}.x = 2\n", "[[{k}{n}]]\n"])  # fmt: skip


@given(st.lists(PIECE, max_size=12))
def test_line_of_a_marked_key_is_right_wherever_it_stands(pieces: list[str]) -> None:
    head = "".join(piece.format(k=f"key{n}", n=n) for n, piece in enumerate(pieces))
    text = f"{head}[marked]\nkey = 1\n"

    assert line_of(text, ["marked", "key"]) == text.count("\n")
    assert tomlkit.parse(text)["marked"] == {"key": 1}


def test_fault_of_the_caller_gets_its_line(tmp_path: Path) -> None:
    text = "[monitors.X]\nactions = ['A']\n"

    fault = fault_at(tmp_path / "f.toml", text, ["monitors", "X", "actions"], "there is no action 'A'")

    assert fault == f"{tmp_path}/f.toml:2: monitors.X.actions: there is no action 'A'\n    actions = ['A']"


def test_reading_imports_neither_gevent_nor_plugins() -> None:
    program = (
        "import sys, pathlib; from weaver.config import load_instrumentation; "
        f"load_instrumentation(pathlib.Path({str(SHIPPED)!r})); "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'gevent', 'monitors', 'server', 'apps'}))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"
