"""The server as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytestmark = [pytest.mark.interop, pytest.mark.slow]

APP = "apps.click2call"
LISTEN = ["--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]


@contextmanager
def running(*command: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    bound: dict[str, str] = {}
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip() == "ready":
            break
        name, _, address = line.strip().partition(": ")
        bound[name] = address
    try:
        yield process, bound
    finally:
        process.kill()
        process.wait(10)
        process.stderr.close()


def test_banner_names_what_was_bound_and_sigterm_ends_with_0() -> None:
    with running("-m", "server", APP, *LISTEN) as (process, bound):
        assert list(bound) == ["sip-udp", "sip-tcp", "http"]
        with urllib.request.urlopen(f"http://{bound['http']}/config", timeout=5) as answer:
            assert json.load(answer)["demo"] is False
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_server_has_no_weaver_in_its_process() -> None:
    code = (
        "from gevent import monkey; monkey.patch_all()\n"
        "import os, signal, sys, gevent, server.__main__ as main\n"
        "def end():\n"
        "    gevent.sleep(0.5)\n"
        "    print([m for m in sys.modules if m.split('.')[0] in ('weaver', 'monitors')])\n"
        "    sys.stdout.flush()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "gevent.spawn(end)\n"
        f"sys.exit(main.main({[APP, *LISTEN, '--demo']!r}))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, env=os.environ)

    assert (done.returncode, done.stdout.strip()) == (0, "[]")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["apps.nothing"], "no such package"),
        ([APP, "--sip", "nowhere"], "sip.listen: 'nowhere' is not HOST:PORT"),
        ([APP, "--outbound-proxy", "tel:1"], "sip.outbound_proxy"),
        ([APP, "--config", "/nonexistent.toml"], "cannot be read"),
    ],
)
def test_bad_argument_ends_with_2_and_says_why(arguments: list[str], words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "server", *arguments], capture_output=True, text=True, timeout=20)

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
