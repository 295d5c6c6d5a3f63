"""The locks hold what ``pyproject.toml`` asks for, nothing else, each package with its hashes."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOCKS = {
    "requirements.lock": ("build",),
    "requirements-test.lock": ("build", "test", "interop"),
    "requirements-lint.lock": ("build", "test", "lint"),
}
ENVIRONMENTS = [
    {
        "python_version": python, "python_full_version": f"{python}.0", "implementation_name": "cpython",
        "sys_platform": "linux", "platform_system": "Linux", "platform_python_implementation": "CPython", "extra": "",
    }
    for python in ("3.11", "3.12", "3.13")
]  # fmt: skip
STALE = "run `make lock` and commit what it writes"


class Pin(NamedTuple):
    """A package of a lock: its requirement, and below it the hashes and who asks for it."""

    requirement: Requirement
    version: str
    below: str

    @property
    def is_asked_for(self) -> bool:
        """Say whether the project itself asks for it, and not only another package."""
        return bool(re.search(r"^    #(?: via|  ) weaver(?: |$)", self.below, re.MULTILINE))


def name_of(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def pins(lock: str) -> dict[str, Pin]:
    entries = re.split(r"^(?=\w)", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = {}
    for entry in entries:
        head, _, below = entry.partition("\n")
        requirement = Requirement(head.removesuffix("\\").strip())
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        found[name_of(requirement)] = Pin(requirement, specifier.version, below)
    return found


def asked(lock: str) -> list[Requirement]:
    lines = [*PROJECT["project"]["dependencies"], *(line for extra in LOCKS[lock] for line in EXTRAS[extra])]
    return [Requirement(line) for line in lines]


def applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_an_allowed_version_of_everything_that_is_asked_for(lock: str) -> None:
    found = pins(lock)

    missing = [str(one) for one in asked(lock) if name_of(one) not in found]
    wrong = [
        str(one)
        for one in asked(lock)
        if name_of(one) in found and not one.specifier.contains(found[name_of(one)].version, prereleases=True)
    ]

    assert (missing, wrong) == ([], []), STALE


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_nothing_that_nobody_asks_for(lock: str) -> None:
    wanted = {name_of(one) for one in asked(lock)}

    assert {name for name, pin in pins(lock).items() if pin.is_asked_for} == wanted, STALE


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_hashes(lock: str) -> None:
    found = pins(lock)

    assert len(found) >= 20
    assert [name for name, pin in found.items() if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", pin.below)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert re.findall(r"https?:|index-url|find-links|^-e|@ ", text, re.MULTILINE) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda one: one["python_version"])
@pytest.mark.parametrize("lock", LOCKS)
def test_lock_is_for_every_supported_python(lock: str, environment: dict[str, str]) -> None:
    found = {name for name, pin in pins(lock).items() if applies(pin.requirement, environment)}

    assert {name_of(one) for one in asked(lock) if applies(one, environment)} <= found


def test_locks_agree() -> None:
    run, test, lint = (pins(lock) for lock in LOCKS)

    assert [name for name in run if run[name].version != test[name].version] == []
    assert [name for name in test if name in lint and test[name].version != lint[name].version] == []


def test_what_installed_packages_need_is_locked() -> None:
    found = pins("requirements-test.lock")
    missing = set()
    for name, pin in found.items():
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        needs = [Requirement(line) for line in installed.requires or () if installed.version == pin.version]
        missing |= {name_of(one) for one in needs if applies(one, ENVIRONMENTS[0])} - set(found)

    assert missing == set(), STALE


def test_build_extra_is_the_build_system() -> None:
    assert set(PROJECT["build-system"]["requires"]) <= set(EXTRAS["build"])


def test_every_dependency_is_bounded() -> None:
    lines = [*PROJECT["project"]["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]

    bounds = {line: {one.operator for one in Requirement(line).specifier} for line in lines}

    assert [line for line, operators in bounds.items() if not {">=", "<"} <= operators] == []
