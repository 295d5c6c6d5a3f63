from collections import Counter

from server.state.partition import PARTITIONS, partition_of


def test_partition_of_a_key_never_changes() -> None:
    assert [partition_of(key) for key in ("", "123456789", "a")] == [0, 0x26, 0x43]


def test_keys_spread_over_all_partitions() -> None:
    counts = Counter(partition_of(f"{number:020x}") for number in range(100 * PARTITIONS))

    assert set(counts) == set(range(PARTITIONS))
    assert max(counts.values()) < 200


def test_number_of_partitions_can_be_another() -> None:
    assert {partition_of(f"{number:x}", 4) for number in range(100)} == {0, 1, 2, 3}
