from pathlib import Path

import pytest

from server.config import Address, load_config, parse_addresses
from server.errors import ConfigError


def test_file_lies_over_the_defaults_and_the_command_line_over_both(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text('[sip]\nlisten = "127.0.0.1:7000"\nt1 = 0.25\n[apps.click2call]\ncalls_per_minute = 3\n')

    config = load_config(path).with_command_line(sip="127.0.0.1:0", http=None, outbound_proxy=None)

    assert (config.sip.listen, config.sip.t1, config.sip.t2) == ("127.0.0.1:0", 0.25, 4.0)
    assert config.apps == {"click2call": {"calls_per_minute": 3}}


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text('[sip]\nlisen = "x"\nt1 = "fast"\nt2 = -1\n[htp]\n')

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert [fault.removeprefix(f"{path}:") for fault in caught.value.faults] == [
        "2: sip.lisen: unknown key; did you mean 'listen'?",
        "3: sip.t1: must be float, not 'fast'",
        "4: sip.t2: must be greater than 0, not -1",
        "5: htp: unknown section; did you mean [http]?",
    ]


@pytest.mark.parametrize(
    ("value", "hosts"),
    [("", []), ("a:1", ["a"]), (["a:1", "[::1]:2"], ["a", "::1"]), ([], []), (["", "a:1"], ["a"])],
)
def test_addresses_are_one_several_or_none(value: str | list[str], hosts: list[str]) -> None:
    assert [address.host for address in parse_addresses("sip.listen", value)] == hosts


def test_every_address_that_is_none_is_a_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_addresses("sip.listen", ["a", "b:1", "c:x"])

    assert caught.value.faults == ("sip.listen: 'a' is not HOST:PORT", "sip.listen: 'c:x' is not HOST:PORT")


@pytest.mark.parametrize("text", ["", "host", "host:", ":5", "host:99999", "host:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Address.parse(text)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"[sip]\nt1 = \n", ":2: is not TOML: "),
        (b"[sip]\nt1 = 1\nt1 = 2\n", ": is not TOML: "),
        (b"\xff", ": is not UTF-8: "),
        (None, ": cannot be read: "),
    ],
)
def test_file_that_cannot_be_read_is_a_fault(tmp_path: Path, content: bytes | None, fault: str) -> None:
    path = tmp_path / "server.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert [one.startswith(f"{path}{fault}") for one in caught.value.faults] == [True]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("sip = 3\n", "1: sip: unknown section"),
        ("[http]\nlisten = 3\n", "2: http.listen: must be str, not 3"),
        ("[sip]\nlisten = 3\n", "2: sip.listen: must be str | list[str], not 3"),
        ("[tls]\nlisten = [1]\n", "2: tls.listen: must be str | list[str], not [1]"),
        ("[dns]\nservers = '127.0.0.1'\n", "2: dns.servers: must be list[str], not '127.0.0.1'"),
        ("[engine]\nturn_items = true\n", "2: engine.turn_items: must be int, not True"),
        ("[sip]\n# nothing here\n[engine]\nxyzzy = 1\n", "4: engine.xyzzy: unknown key; known: turn_items, "),
        ("apps = 3\n", "1: apps: unknown section"),
    ],
)
def test_wrong_value_is_a_fault_at_its_line(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "server.toml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    (found,) = caught.value.faults
    assert found.removeprefix(f"{path}:").startswith(fault)


def test_command_line_says_what_it_says_and_leaves_the_rest() -> None:
    config = load_config().with_command_line(sip=None, http="", outbound_proxy="sip:192.0.2.1")

    assert (config.sip.listen, config.http.listen) == (load_config().sip.listen, "")
    assert config.sip.outbound_proxy == "sip:192.0.2.1"
