"""Runs strangers' test suites, and the server's own, plain and in four states of weaving, and compares test by test.

``python tests/woven/explore.py [SUBJECT ...] [--json FILE]`` prints a table and exits with 1 when any test ended
otherwise than plain, or when a state has no proof that it was one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.woven.inside import STATES
from tests.woven.packages import INSTALLED, SOURCES, fetch
from tests.woven.subjects import PACKAGES, SUBJECTS, Subject

ROOT = Path(__file__).parents[2]
TIMEOUT = 1_800
SHOWN = 10


@dataclass
class Run:
    """One suite in one state."""

    state: str
    outcomes: dict[str, str]
    proof: dict[str, int]
    text: str
    seconds: float

    @property
    def counts(self) -> Counter[str]:
        return Counter(outcome.partition(",")[0].partition(" in ")[0] for outcome in self.outcomes.values())


@dataclass
class Explored:
    """All runs of one suite; ``faults`` says what differs from the plain one, or was not proven."""

    subject: Subject
    runs: dict[str, Run] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def run(subject: Subject, state: str) -> Run:
    """Run a suite in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "outcomes.json"
        command = [
            sys.executable,
            str(ROOT / "tests/woven/inside.py"),
            f"--state={state}",
            f"--runner={subject.runner}",
        ]
        command += [f"--prefix={prefix}" for prefix in subject.prefixes]
        command += ["--gevent"] if subject.gevent else []
        command += [f"--path={path}" for path in paths_of(subject, folder)]
        command += [f"--out={out}", "--", *arguments_of(subject)]
        began = perf_counter()
        done = subprocess.run(
            command,
            cwd=paths_of(subject, folder)[-1],
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
        found = json.loads(out.read_text()) if out.exists() else {"outcomes": {}, "proof": {}, "text": done.stdout}
    return Run(state, found["outcomes"], found["proof"], found["text"], perf_counter() - began)


def paths_of(subject: Subject, folder: str) -> list[Path]:
    """Return what stands first on the path; the last is the working directory."""
    if subject.source is not None:
        return [INSTALLED, SOURCES / subject.source]
    return [ROOT] if subject.gevent else [Path(folder)]


def arguments_of(subject: Subject) -> list[str]:
    if subject.runner == "unittest":
        return list(subject.arguments)
    left_out = [f"--deselect={name}" for name, _ in subject.left_out]
    if subject.source is None:
        return [*subject.arguments, *left_out]
    # a package without a configuration of its own must not get that of this project, in whose folder it lies
    own = next(name for name in ("pyproject.toml", "setup.cfg") if (SOURCES / subject.source / name).exists())
    return ["-c", own, *subject.arguments, *left_out]


def explore(subject: Subject) -> Explored:
    """Run a suite in every state and compare."""
    explored = Explored(subject)
    for state in STATES:
        if state != "places" or subject.places:
            explored.runs[state] = run(subject, state)
    plain = explored.runs["plain"]
    if not plain.counts["passed"]:
        explored.faults.append(f"plain: no test passed: {plain.text[-2_000:]}")
    for state, made in explored.runs.items():
        if state != "plain":
            seeing = [] if state == "off" else [name for name, _ in subject.seeing]
            explored.faults += [f"{state}: {fault}" for fault in (*differences(plain, made, seeing), *unproven(made))]
    return explored


def differences(plain: Run, other: Run, seeing: Collection[str] = ()) -> list[str]:
    """Return the tests that did not end as they did plain; those that see the weaving have to end otherwise."""
    names = sorted(plain.outcomes.keys() | other.outcomes.keys())
    pairs = {name: (plain.outcomes.get(name, "not run"), other.outcomes.get(name, "not run")) for name in names}
    found = [f"{name}: {was}, now {now}" for name, (was, now) in pairs.items() if was != now and name not in seeing]
    found += [f"{name}: it does not see the weaving" for name in seeing if len({*pairs.get(name, ())}) < 2]
    return found if len(found) <= SHOWN else [*found[:SHOWN], f"and {len(found) - SHOWN} more", other.text[-2_000:]]


def unproven(made: Run) -> list[str]:
    """Return what shows that the state was not what it is called."""
    proof = made.proof
    if not proof:
        return [f"it did not come to its end: {made.text[-2_000:]}"]
    rules = {
        "off": [("nothing is woven", proof["woven"] == 0), ("no advice ran", proof["entered"] == 0)],
        "mismatch": [("functions are woven", proof["woven"] > 0), ("no advice ran", proof["entered"] == 0)],
        "match": [("functions are woven", proof["woven"] > 0), ("advice ran", proof["entered"] > 0)],
    }
    rules["places"] = rules["match"]
    found = [f"it is not so that {words}" for words, holds in rules[made.state] if not holds]
    return [*found, *(["a joinpoint was not woven: " + str(proof["failures"])] if proof["failures"] else [])]


def report(explored: Explored) -> None:
    """Print a row of the table, and what is wrong."""
    runs = explored.runs
    plain, counts, proof = runs["plain"], runs["plain"].counts, runs["match"].proof
    other = sum(counts.values()) - counts["passed"] - counts["failed"] - counts["skipped"]
    differing = [len(differences(plain, runs[state])) if state in runs else "-" for state in STATES[1:]]
    print(
        f"{explored.subject.name:16} {counts['passed']:7,} {counts['failed']:6} {counts['skipped']:7} {other:5}"
        + "".join(f" {count:8}" for count in differing)
        + f" {proof.get('woven', 0):6,}/{proof.get('functions', 0):<6,} {proof.get('entered', 0):12,}"
        + "".join(f" {made.seconds:6.0f}" for made in runs.values()),
        flush=True,
    )
    for name, why in explored.subject.seeing:
        print(f"    differs as it must: {name}: {why}")
    for fault in explored.faults:
        print("    " + fault.replace("\n", "\n      "))


def main() -> int:
    """Explore and print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], metavar="SUBJECT")
    names = parser.parse_args().subjects or list(SUBJECTS)
    if any(SUBJECTS[name] in PACKAGES for name in names):
        fetch()
    print(f"Python {'.'.join(map(str, sys.version_info[:3]))}; tests plain, differing tests off, mismatch, match")
    print(
        f"{'':16} {'passed':>7} {'failed':>6} {'skipped':>7} {'other':>5}"
        + "".join(f" {state:>8}" for state in STATES[1:])
        + f" {'woven/functions':>13} {'advice ran':>11}  seconds"
    )
    failed = False
    for name in names:
        explored = explore(SUBJECTS[name])
        report(explored)
        failed |= bool(explored.faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
