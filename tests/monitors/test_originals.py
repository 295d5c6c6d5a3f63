"""What the original has stands in ``ARCHITECTURE.md``: with what stands for it here and a test, or with a reason."""

import re
from fnmatch import fnmatchcase

import pytest

from docs.sources import ROOT, Library

SIP_MONITORS = (
    "DyeInjection", "Sip_Servlet_*_Service", "Sip_Servlet_*_Session", "Sip_Servlet_*_Message_Send_Internal",
    "SipSessionDebug",
)  # fmt: skip
APPLICATION_MONITORS = (
    "Servlet_*_Service", "Servlet_*_Session", "HttpSessionDebug", "Servlet_*_Tags", "JNDI_*_Lookup",
    "JDBC_*_GetConnection", "JDBC_*_CloseConnection", "JDBC_*_CommitRollback", "JDBC_*_Statement", "JDBC_*_Execute",
    "JMS_*", "MDB_*", "EJB_*", "JTA_*", "Connector_*", "JDBC_*_Internal",
)  # fmt: skip
ACTIONS = (
    "TraceAction", "DisplayArgumentsAction", "StackDumpAction", "ThreadDumpAction", "TraceElapsedTimeAction",
    "TraceMemoryAllocationAction", "MethodInvocationStatisticsAction", "MethodMemoryAllocationStatisticsAction",
    "dye injection (built-in)", "session debug (built-in)",
)  # fmt: skip

FLAGS = (
    *(f"{group}{number}" for group in ("ADDR", "USER", "COOKIE", "CONNECTOR") for number in (1, 2, 3, 4)),
    *(f"PROTOCOL_{name}" for name in ("HTTP", "IIOP", "JRMP", "RMI", "SOAP", "SSL", "T3", "SIP")),
    *(f"DYE_{number}" for number in range(8)), "THROTTLE", "THROTTLE_INTERVAL", "THROTTLE_RATE",
    "SIP_REQ", "SIP_RES", "SIP_REQURI", "SIP_ANY_HEADER", "EXECQ", "THREADGROUP",
)  # fmt: skip
HEADER_VALUE = (
    "header value: request or response, any header", "header value: text or regular expression, case ignored",
    "header value: what is malformed does not match",
)  # fmt: skip
MASKS = (
    "mask: monitor off, never", "mask: filtering off, at every pass", "mask: filtering on, all of its flags",
    "mask: filtering on, empty, always", "mask: no context, never", "mask: changes while the program runs",
)  # fmt: skip
COLUMNS = (
    "RECORDID", "TIMESTAMP", "CONTEXTID", "TXID", "USERID", "TYPE", "DOMAIN", "SERVER", "SCOPE", "MODULE", "MONITOR",
    "FILENAME", "LINENUM", "CLASSNAME", "METHODNAME", "METHODDSC", "ARGUMENTS", "RETVAL", "PAYLOAD", "CTXPAYLOAD",
    "DYES", "THREADNAME",
)  # fmt: skip
FIGURES = (
    "figure: INVITE from the address", "figure: BYE from the address", "figure: from the address, Contact matches",
    "figure: nothing matches", "figure: two messages of one call, the first matches",
    "figure: BYE that the server makes",
)  # fmt: skip

Row = tuple[str, ...]


def rows_of(title: str) -> list[Row]:
    """Return the rows of the table below a title."""
    section = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition(f"## {title}\n")[2]
    return [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in section.partition("\n## ")[0].splitlines()
        if line.startswith("| ") and not line.startswith(("| original", "| ---"))
    ]


ROWS = rows_of("The original's monitors and actions")
DYE_ROWS = rows_of("The original's dyes, masks and events")
NAMED = re.compile(r"`([^`]+)`")


@pytest.fixture(scope="module")
def names() -> set[str]:
    """All monitors and actions there are."""
    library = Library()
    found = {monitor.name for monitor in library.monitors} | {action.name for action in library.actions}
    return found | {monitor.action.name for monitor in library.monitors if monitor.action is not None}


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """The names of all tests."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE)}


@pytest.mark.parametrize("original", [*SIP_MONITORS, *APPLICATION_MONITORS, *ACTIONS])
def test_what_the_original_has_stands_in_one_row(original: str) -> None:
    rows = [row for row in ROWS if original in (row[0], *NAMED.findall(row[0]))]

    assert len(rows) == 1


@pytest.mark.parametrize("original", [*FLAGS, *HEADER_VALUE, *MASKS, *COLUMNS, *FIGURES])
def test_what_dyes_masks_and_events_have_there_stands_in_one_row(original: str) -> None:
    rows = [row for row in DYE_ROWS if original in (row[0], *NAMED.findall(row[0]))]

    assert len(rows) == 1


@pytest.mark.parametrize("row", DYE_ROWS, ids=lambda row: row[0])
def test_row_of_dyes_names_tests_or_a_reason(row: Row, tests: set[str]) -> None:
    _, here, shown_by = row
    named = NAMED.findall(shown_by)

    assert bool(named) is not here.startswith("none: ")
    assert [one for one in named if one not in tests] == []


def test_flag_without_a_test_is_never_set() -> None:
    unset = {name for row in DYE_ROWS if row[1].startswith("none: ") for name in NAMED.findall(row[0])}
    flags = Library().flags()

    assert unset == {
        name for name, flag in flags.items() if flag is not None and flag.description.startswith("never: ")
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_row_names_what_there_is_and_a_test_or_a_reason(
    row: tuple[str, str, str], names: set[str], tests: set[str]
) -> None:
    _, here, shown_by = row

    if here.startswith("none: "):
        assert len(here) > 30
        assert shown_by == ""
    else:
        stand_in = NAMED.findall(here)
        assert stand_in
        assert [one for one in stand_in if not any(fnmatchcase(name, one) for name in names)] == []
        assert NAMED.findall(shown_by)
        assert [one for one in NAMED.findall(shown_by) if one not in tests] == []
