"""The original product's descriptor becomes monitors of ours."""

import re
import tomllib
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.sources import Library
from weaver.config import InstrumentationConfig, read_draft
from weaver.config_values import value_faults
from weaver.dye import NAMES
from weaver.weblogic import Imported, read_descriptor
from weaver.weblogic_names import ACTIONS, LIBRARY, PROPERTIES, RENAMED
from weaver.weblogic_toml import format_imported

EXAMPLE = Path(__file__).parents[1] / "data" / "weblogic" / "example.xml"


def descriptor(inside: str, around: str = "") -> bytes:
    return f"<wldf-resource><instrumentation>{around}{inside}</instrumentation></wldf-resource>".encode()


def element(name: str, **values: str) -> str:
    inside = "".join(f"<{key.replace('_', '-')}>{value}</{key.replace('_', '-')}>" for key, value in values.items())
    return f"<wldf-instrumentation-monitor><name>{name}</name>{inside}</wldf-instrumentation-monitor>"


def imported(*monitors: str, around: str = "") -> Imported:
    return read_descriptor(descriptor("".join(monitors), around))


def checked(text: str, name: str = "x.toml") -> InstrumentationConfig:
    return read_draft(Path(name), text).checked()


def test_example_becomes_monitors_that_pass_the_check() -> None:
    found = read_descriptor(EXAMPLE.read_bytes())

    config = checked(format_imported(found, EXAMPLE.name))

    monitors = {name: one.model_dump(exclude_unset=True) for name, one in config.monitors.items()}
    assert monitors == {
        "DyeInjection": {
            "enabled": True,
            "properties": {
                "ADDR1": "127.0.0.1",
                "SIP_REQ": "INVITE",
                "SIP_ANY_HEADER": "request.Contact=sip:sipp@localhost:5061",
            },
        },
        "Sip_Servlet_Before_Service": {
            "enabled": True,
            "dye_mask": ["SIP_ANY_HEADER"],
            "dye_filtering": True,
            "actions": ["DisplayArgumentsAction"],
            "includes": ["demo.ProxyServlet"],
            "excludes": ["demo.gen.*"],
        },
        "Sip_Servlet_Around_Message_Send_Internal": {
            "enabled": False,
            "dye_mask": ["ADDR1", "SIP_REQ"],
            "dye_filtering": False,
            "actions": ["TraceElapsedTimeAction"],
        },
        "My_Gets": {
            "enabled": True,
            "kind": "custom",
            "location": "after",
            "pointcut": "call( * com.foo.bar.* get* (...))",
            "actions": ["TraceAction"],
            "includes": ["demo.*"],
            "excludes": ["com.foo.Old", "demo.gen.*"],
            "description": "All getters of the demo.",
        },
    }


def test_what_is_left_out_has_line_and_reason_and_stands_in_the_text() -> None:
    found = read_descriptor(EXAMPLE.read_bytes())

    text = format_imported(found, EXAMPLE.name)

    assert [remark.partition(": ")[0] for remark in found.remarks] == ["line 30", "line 32", "line 41", "line 46",
                                                                       "line 51"]  # fmt: skip
    assert all(f"#   {remark}\n" in text for remark in found.remarks)


@pytest.mark.parametrize(
    ("monitor", "remark"),
    [
        (element("", pointcut="call(* a b(...))"), "a monitor: has no name"),
        (element("Servlet_Around_Tags"), "Servlet_Around_Tags: there are no JSP tags here"),
        (element("JMS_Before_MessageSent"), "there is no message service here"),
        (element("JDBC_Before_Execute"), "JDBC_Before_Execute: is called Database_Before_Execute here"),
        (element("JDBC_Before_Connection_Internal"), "what a database driver does inside is not seen"),
        (element("Mine"), "Mine: is no monitor of the library, and has no pointcut"),
        (element("DyeInjection") * 2, "DyeInjection: there is one of that name already"),
        (element("DyeInjection", action="TraceAction"), "DyeInjection: TraceAction: the action of a standard monitor"),
        (element("DyeInjection", properties="ADDR9=x"), "DyeInjection: ADDR9=x: is no property; known: ADDR1"),
        (element("DyeInjection", properties="ADDR1"), "DyeInjection: ADDR1: is no property"),
        (element("Servlet_Before_Service", properties="a=b"), "a=b: only DyeInjection has properties there"),
        (element("DyeInjection", enabled="maybe"), "enabled = maybe: is neither true nor false; true was taken"),
        (element("DyeInjection", colour="red"), "DyeInjection: colour: is not known"),
        (element("Mine", pointcut="call(* a b(...))"), "Mine: its location-type is 'missing'; before was taken"),
        (element("Mine", pointcut="a ?", location_type="after"), "Mine: its pointcut cannot be read: column 3: "),
        ("<harvest/>", "harvest: is not known"),
    ],
)
def test_what_has_no_meaning_here_is_told_with_the_reason(monitor: str, remark: str) -> None:
    found = imported(monitor)

    assert len(found.remarks) == 1
    assert remark in found.remarks[0]
    checked(format_imported(found, "x"))


def test_classes_outside_those_of_all_monitors_are_told() -> None:
    found = imported(element("Servlet_Before_Service", include="other.A"), around="<include>demo.*</include>")

    assert "a class must fit those of all monitors, too (demo.*)" in found.remarks[0]
    assert found.monitors["Servlet_Before_Service"]["includes"] == ["other.A"]


def test_instrumentation_that_is_off_has_monitors_that_are_off() -> None:
    found = imported(element("DyeInjection", enabled="true"), around="<enabled>false</enabled>")

    assert found.monitors["DyeInjection"]["enabled"] is False
    assert "all its monitors are off" in found.remarks[0]


def test_monitors_of_the_server_know_no_class_patterns() -> None:
    found = imported(
        element("DyeInjection"), element("Sip_Servlet_After_Message_Send_Internal"), around="<exclude>demo.*</exclude>"
    )

    assert all("excludes" not in settings for settings in found.monitors.values())


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"<a/>", "line 1: the root is a, not wldf-resource"), (b"<!DOCTYPE a><a/>", "document type"), (b"x", "not XML")],
)
def test_what_is_no_descriptor_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        read_descriptor(data)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
LIKELY = st.sampled_from(["DyeInjection", "occas/Sip_Servlet_Before_Service", "Mine", "a.b", "x y", "true", "before",
                          "call(* a b(...))", "TraceAction", "ADDR1=x", "A,B"])  # fmt: skip
VALUE = (TEXT | LIKELY).map(escape)
KEYS = ("description", "enabled", "action", "dye_mask", "dye_filtering_enabled", "properties", "location_type",
        "pointcut", "include", "exclude")  # fmt: skip


@given(st.lists(st.tuples(VALUE, st.dictionaries(st.sampled_from(KEYS), VALUE)), max_size=4), TEXT)
def test_whatever_a_descriptor_says_what_is_made_passes_the_check(
    monitors: list[tuple[str, dict[str, str]]], source: str
) -> None:
    found = imported(*(element(name, **values) for name, values in monitors))

    config = checked(format_imported(found, source))

    assert config.monitors.keys() == found.monitors.keys()
    written: dict[str, Any] = tomllib.loads(format_imported(found, source)).get("monitors", {})
    assert written == found.monitors


def test_names_of_monitors_actions_and_properties_are_those_that_plugins_bring() -> None:
    library = Library()

    assert sorted({*LIBRARY, *RENAMED.values()} - {monitor.name for monitor in library.monitors}) == []
    assert sorted(ACTIONS - {action.name for action in library.actions}) == []
    assert sorted(PROPERTIES - {name for flag in library.dye_flags.values() for name in _properties(flag)}) == []


def _properties(flag: Any) -> tuple[str, ...]:
    return getattr(flag, "properties", (flag.property,))


def test_what_is_made_of_a_descriptor_is_taken_by_the_plugins_of_the_library() -> None:
    names = sorted({"occas/" + name for name in LIBRARY if "Sip" in name} | LIBRARY | RENAMED.keys())
    around = [name for name in names if "_Around_" in name]
    found = imported(
        *(element(name, dye_mask="ADDR1,SIP_REQ") for name in names if name not in around),
        *(element(name, action="TraceElapsedTimeAction", include="demo.*") for name in around),
    )
    registry = Library().registry

    for text in (format_imported(found, "x"), format_imported(read_descriptor(EXAMPLE.read_bytes()), "y")):
        assert value_faults(read_draft(Path("x.toml"), text), registry, NAMES) == []
    assert len(found.monitors) == len(LIBRARY) + len(RENAMED)
