"""Two phones that nobody here wrote, without a sound card: baresip and PJSIP.

Each says a tone and records what it hears.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.processes import ROOT, Process, free_ports, program
from tests.interop.tones import write_tone

PJSIP_PACKAGE = "pjsua2-python==2.15.1.post1"


class Phone(Process):
    """A phone that registers as ``user`` and answers calls."""

    def __init__(self, user: str, hertz: int, folder: Path, command: list[str]) -> None:
        self.user = user
        self.hertz = hertz
        self.folder = folder
        write_tone(folder / "say.wav", hertz)
        super().__init__(f"{type(self).__name__} {user}", command, cwd=folder)

    def wait_registered(self) -> None:
        """Wait until the server has taken the registration."""
        raise AssertionError("each kind of phone says it in its own words")

    def recording(self) -> Path | None:
        """Return the file of what it hears, as soon as there is one."""
        raise AssertionError("each kind of phone keeps it elsewhere")


class Baresip(Phone):
    """baresip (libre), from Debian; over TLS it trusts the authority of that PEM file."""

    def __init__(
        self, user: str, hertz: int, folder: Path, registrar: str, transport: str = "udp", authority: str = ""
    ) -> None:
        (sip, rtp), binary = free_ports(2), program("baresip", "baresip")
        modules = ["g711", "sndfile", "aufile", "aubridge"]
        config = [
            f"sip_listen 127.0.0.1:{sip}", "net_interface 127.0.0.1", f"rtp_ports {rtp}-{rtp + 8}",
            f"audio_source aufile,{folder}/say.wav", f"audio_player aubridge,ear-{user}",
            f"audio_alert aubridge,bell-{user}", f"snd_path {folder}", "ausrc_srate 8000", "auplay_srate 8000",
            "ausrc_channels 1", "auplay_channels 1", f"module_path {_modules()}", *(f"module {m}.so" for m in modules),
            "module_tmp uuid.so", "module_tmp account.so", "module_app menu.so",
            *([f"sip_cafile {authority}", "sip_verify_server yes"] if authority else []),
        ]  # fmt: skip
        folder.mkdir()
        (folder / "config").write_text("\n".join(config) + "\n", encoding="utf-8")
        account = [
            f"<sip:{user}@{registrar};transport={transport}>",
            "regint=60",
            "answermode=auto",
            "audio_codecs=PCMU",
        ]
        account.append(f'outbound="sip:{registrar};transport={transport}"')
        (folder / "accounts").write_text(";".join(account) + "\n", encoding="utf-8")
        (folder / "contacts").touch()
        super().__init__(user, hertz, folder, [binary, "-f", str(folder), "-v"])

    def wait_registered(self) -> None:
        """Wait for its "200 OK" to the REGISTER."""
        self.wait_line("200 OK")

    def recording(self) -> Path | None:
        """Return what its sndfile module writes of the decoder's side."""
        return next(self.folder.glob("dump-*-dec.wav"), None)


class Pjsip(Phone):
    """PJSIP (the PyPI package pjsua2-python)."""

    def __init__(self, user: str, hertz: int, folder: Path, registrar: str) -> None:
        (port,), python = free_ports(1), pjsip_python()
        folder.mkdir()
        script = str(Path(__file__).with_name("pjsip_phone.py"))
        super().__init__(user, hertz, folder, [str(python), script, user, str(port), registrar, str(folder)])

    def wait_registered(self) -> None:
        """Wait for the answer to its REGISTER."""
        self.wait_line("registered 200")

    def recording(self) -> Path | None:
        """Return its recorder's file."""
        found = self.folder / "heard.wav"
        return found if found.exists() else None


def pjsip_python() -> Path:
    """Return an interpreter that has PJSIP: a virtual environment of its own below ``build/``, made when first needed.

    The package has wheels for some Python versions only; the first interpreter of this machine that gets one is taken.
    """
    reasons = []
    for interpreter in _interpreters():
        version = Path(interpreter).name
        folder = ROOT / "build" / f"pjsip-{version}"
        python, stamp = folder / "bin" / "python", folder / "complete"
        if stamp.exists():
            return python
        shutil.rmtree(folder, ignore_errors=True)
        install = [str(python), "-m", "pip", "install", "-q", "--only-binary", ":all:", PJSIP_PACKAGE]
        check = [str(python), "-c", "import pjsua2"]
        for command in ([interpreter, "-m", "venv", str(folder)], install, check):
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                reasons.append(f"{version}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
                break
        else:
            stamp.touch()
            return python
    pytest.skip(f"{PJSIP_PACKAGE} cannot be installed: {'; '.join(reasons)}")


def _modules() -> Path:
    """Return the folder of baresip's modules; Debian's releases keep it in different places."""
    return next(Path("/usr/lib").glob("**/baresip/modules"))


def _interpreters() -> list[str]:
    """Return this interpreter's base and the other supported ones of the machine."""
    listed = subprocess.run(["sh", str(ROOT / "tests" / "pythons.sh")], capture_output=True, text=True, check=True)
    own = os.path.realpath(sys.executable)
    return [own, *(line.split()[1] for line in listed.stdout.splitlines() if os.path.realpath(line.split()[1]) != own)]
