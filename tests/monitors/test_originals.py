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

SECTION = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## The original's monitors and actions")[2]
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in SECTION.partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith(("| original", "| ---"))
]
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
