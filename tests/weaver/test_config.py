from pathlib import Path

import pytest

from weaver.config import load_instrumentation
from weaver.errors import InstrumentationConfigError

SHIPPED = Path(__file__).parents[2] / "instrumentation.toml"


def test_shipped_file_has_every_monitor_off_but_dye_injection() -> None:
    config = load_instrumentation(SHIPPED)

    assert [name for name, monitor in config.monitors.items() if monitor.enabled] == ["DyeInjection"]
    assert [name for name, monitor in config.monitors.items() if monitor.kind == "custom"] == ["ClickToCall"]


def test_all_faults_come_at_once_with_file_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_text(
        '[weaving]\nprefixs = ["a"]\n\n[monitors.X]\nkind = "custom"\nenabled = "yes"\npointcut = "exection(* a(..))"\n'
        '[monitors.Y]\nkind = "custom"\n[monitors.Z]\npointcut = "a.b"\n'
    )

    with pytest.raises(InstrumentationConfigError) as caught:
        load_instrumentation(path)

    faults = caught.value.faults
    assert len(faults) == 5
    assert faults[0].startswith(f"{path}:2: weaving.prefixs: unknown key; did you mean 'prefixes'?")
    assert faults[1].startswith(f"{path}:6: monitors.X.enabled: ")
    assert f"{path}:7: monitors.X.pointcut: column 1" in faults[2]
    assert "a custom monitor needs a pointcut" in faults[3]
    assert f"{path}:11: monitors.Z.pointcut: only a custom monitor" in faults[4]


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe"])
def test_file_that_cannot_be_read_is_a_fault(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "instrumentation.toml"
    path.write_bytes(content)

    with pytest.raises(InstrumentationConfigError):
        load_instrumentation(path)
    with pytest.raises(InstrumentationConfigError):
        load_instrumentation(tmp_path / "none.toml")
