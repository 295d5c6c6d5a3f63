"""Which partition a call belongs to: a share of all call keys that lives, moves and fails as one.

The number of partitions is fixed when a state tier is founded, since it decides where every call lies.
"""

from __future__ import annotations

from binascii import crc32
from typing import Final, NewType

PartitionId = NewType("PartitionId", int)
"""Number of a partition, from 0."""

PARTITIONS: Final = 256
"""Partitions of a state tier that was not founded with another number."""


def partition_of(key: str, partitions: int = PARTITIONS) -> PartitionId:
    """Return the partition of a call key: CRC-32 of its UTF-8 bytes, modulo the number of partitions."""
    return PartitionId(crc32(key.encode()) % partitions)
