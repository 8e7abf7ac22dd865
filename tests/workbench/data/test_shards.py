"""Parts of a list, joined again."""

import pytest

from workbench.data.shards import Shard, joined, read_shard


@pytest.mark.parametrize("total", range(12))
@pytest.mark.parametrize("count", range(1, 6))
def test_joined_parts_are_the_whole(total: int, count: int) -> None:
    shards = [Shard(number, count) for number in range(1, count + 1)]
    parts = [list(shard.among(range(total))) for shard in shards]
    assert joined(parts) == list(range(total))
    assert [shard.size(total) for shard in shards] == [len(part) for part in parts]


def test_a_shard_reads_as_it_is_written() -> None:
    assert str(read_shard(" 3 / 8 ")) == "3/8"
