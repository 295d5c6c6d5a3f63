from pathlib import Path

import pytest

from server.config import Address, load_config
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


@pytest.mark.parametrize("text", ["", "host", "host:", ":5", "host:99999", "host:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Address.parse(text)
