"""Which samples of a benchmark a comparison asks: all, the first so many, or a random part."""

from collections.abc import Iterable
from hashlib import sha256
from heapq import nsmallest
from itertools import islice

from workbench.data.choices import Choice
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample
from workbench.data.shards import Shard
from workbench.plugins.interfaces import Benchmark


def chosen(
    benchmark: Benchmark, limit: int | None, choice: Choice = "first", seed: int = 0, shard: Shard | None = None
) -> list[Sample]:
    """At most `limit` samples of a benchmark, in its order; all where it is None. Of these, those of the shard.

    `random`: those whose ids, with the seed, have the smallest digests. So the part depends on the seed and the ids
    alone, and a larger limit with the same seed adds samples to it. Of a benchmark that reads its samples one after the
    other, only those that are chosen are held. Raises `ConfigurationError` where there are no samples, and where two
    that are chosen have one id.
    """
    samples: Iterable[Sample] = benchmark.samples()
    if limit is None or choice == "first":
        asked: Iterable[Sample] = islice(samples, limit)
    else:
        drawn = nsmallest(limit, enumerate(samples), key=lambda pair: _draw(seed, pair[1].sample_id))
        asked = [sample for _, sample in sorted(drawn, key=lambda pair: pair[0])]
    taken = list(asked if shard is None else shard.among(asked))
    if not taken and shard is not None:
        raise ConfigurationError(f"shard {shard} has no samples: the benchmark has fewer than {shard.number}")
    if not taken:
        raise ConfigurationError(f"benchmark {benchmark.name} has no samples")
    seen: set[str] = set()
    for sample in taken:
        if sample.sample_id in seen:
            raise ConfigurationError(f"benchmark {benchmark.name} has two samples of id {sample.sample_id!r}")
        seen.add(sample.sample_id)
    return taken


def in_random_order(samples: Iterable[Sample], limit: int, seed: int) -> list[Sample]:
    """At most so many of the samples, those whose ids have the smallest digests with the seed, by rising digest."""
    return nsmallest(limit, samples, key=lambda sample: _draw(seed, sample.sample_id))


def _draw(seed: int, sample_id: str) -> bytes:
    return sha256(f"sample {seed} {sample_id}".encode()).digest()
