"""What is wrong with an application is said with its file, all of it before anything starts."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from server.container.deployment import Application, deploy
from server.errors import ConfigError
from server.servlet import HttpServlet, ServletContext, SipServlet

GOOD = """
[application]
name = "good"
[[sip]]
servlet = "PACKAGE.parts:Sip"
methods = ["INVITE", "OPTIONS"]
[[sip]]
servlet = "PACKAGE.parts:OtherSip"
methods = ["OPTIONS", "MESSAGE"]
[[http]]
servlet = "PACKAGE.parts:Http"
path = "/x"
[settings]
limit = 3
"""
PARTS = """
from server.servlet import HttpServlet, SipServlet
class Sip(SipServlet): pass
class OtherSip(SipServlet): pass
class Http(HttpServlet): pass
NOTHING = 3
"""
Make = Callable[..., str]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = 0

    def package(descriptor: str | bytes | None = GOOD) -> str:
        nonlocal made
        made += 1
        name = f"deployed_{tmp_path.name.replace('-', '_')}_{made}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "parts.py").write_text(PARTS)
        if isinstance(descriptor, str):
            (folder / "app.toml").write_text(descriptor.replace("PACKAGE", name))
        elif descriptor is not None:
            (folder / "app.toml").write_bytes(descriptor)
        return name

    return package


def context(name: str, settings: Mapping[str, Any]) -> ServletContext:
    nothing: Any = None
    return ServletContext(name, nothing, nothing, nothing, nothing, settings, {}, nothing)


def deployed(name: str, **overrides: Mapping[str, Any]) -> Application:
    (application,) = deploy([name], overrides, context)
    return application


def faults(*names: str, **overrides: Mapping[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        deploy(names, overrides, context)
    return list(caught.value.faults)


def test_application_has_its_servlets_and_the_first_that_serves_a_method_serves_it(make: Make) -> None:
    package = make()

    application = deployed(package)

    assert application.name == "good"
    assert {method: name.rpartition(":")[2] for method, name in application.sip_mapping.items()} == {
        "INVITE": "Sip", "OPTIONS": "Sip", "MESSAGE": "OtherSip"
    }  # fmt: skip
    assert all(isinstance(servlet, SipServlet) for servlet in application.sip_servlets.values())
    assert isinstance(application.http_servlets["/x"], HttpServlet)


def test_configuration_lies_over_the_settings_of_the_application(make: Make) -> None:
    (servlet, _) = deployed(make(), good={"limit": 7}).sip_servlets.values()

    assert servlet.context.settings == {"limit": 7}


def test_application_without_a_name_has_that_of_its_package(make: Make) -> None:
    package = make("")

    assert deployed(package).name == package


@pytest.mark.parametrize(
    ("descriptor", "fault"),
    [
        (None, "cannot be read: No such file"),
        ("a = ", "is not TOML: "),
        (b"\xff", "is not TOML: "),
        ("[wrong]\n", "wrong: unknown section; known: application, sip, http, settings"),
        ("application = 3\n", "application: must be a table"),
        ("[application]\nnome = 'x'\n", "application.nome: unknown key"),
        ("[[http]]\nservlet = 'PACKAGE.parts:Http'\n", "http.path: is missing"),
        ("[[sip]]\nmethods = ['FROB']\nservlet = 'PACKAGE.parts:Sip'\n", "FROB is no method that a servlet can serve"),
        ("[[sip]]\nmethods = []\nservlet = 'PACKAGE.nowhere:Sip'\n", "nowhere:Sip: cannot be loaded: No module"),
        ("[[sip]]\nmethods = []\nservlet = 'PACKAGE.parts:Nobody'\n", "parts:Nobody: cannot be loaded: "),
        ("[[sip]]\nmethods = []\nservlet = 'PACKAGE.parts:Http'\n", "parts:Http: is no SipServlet"),
        ("[[http]]\npath = '/'\nservlet = 'PACKAGE.parts:NOTHING'\n", "parts:NOTHING: is no HttpServlet"),
    ],
)
def test_fault_of_a_descriptor_names_file_and_reason(
    make: Make, tmp_path: Path, descriptor: str | bytes | None, fault: str
) -> None:
    package = make(descriptor)

    (found,) = faults(package)

    assert found.startswith(f"{tmp_path / package / 'app.toml'}: ")
    assert fault in found


def test_faults_of_all_applications_come_together(make: Make) -> None:
    first, second = make("[wrong]\n[[http]]\n"), make("a = ")

    found = faults(first, "no_such_package", second)

    assert [fault.partition(": ")[2].split(":")[0] for fault in found] == [
        "wrong", "http.path", "http.servlet", "no such package; name one that has an app.toml, such as apps.click2call",
        "is not TOML",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["", "json.decoder", "json.decoder.x", ".relative"])
def test_what_is_no_package_is_refused(name: str) -> None:
    assert len(faults(name)) == 1


def test_two_applications_of_one_name_are_refused(make: Make) -> None:
    assert faults(make(), make()) == ["good: two applications have this name"]


def test_settings_that_an_application_does_not_have_are_refused(make: Make) -> None:
    assert faults(make(), good={"limt": 3, "x": 1}) == [
        "apps.good.limt: good has no such setting",
        "apps.good.x: good has no such setting",
    ]


def test_settings_for_an_application_that_was_not_started_are_refused(make: Make) -> None:
    assert faults(make(), other={}) == ["[apps.other]: no such application was started"]
