import pytest

from tests.weaver.weaving.golden import FOLDER, PAIRS, VERSION, pair, path_of


@pytest.mark.parametrize("name", PAIRS)
def test_disassembly_before_and_after_weaving_is_the_one_that_is_kept(name: str) -> None:
    assert pair(name) == path_of(name).read_text()


def test_every_kept_disassembly_of_this_python_is_compared() -> None:
    assert sorted(FOLDER.glob(f"*.{VERSION}.txt")) == sorted(map(path_of, PAIRS))
