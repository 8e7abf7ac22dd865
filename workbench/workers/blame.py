"""What becomes of the samples of a worker that died: they are asked again, and one that takes workers down is found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.data.samples import Sample

MOST = 2
"""Workers that a sample may take down with it."""


@dataclass(frozen=True)
class Parcel:
    """Samples that are handed out together. `alone`: to a worker that has nothing else meanwhile."""

    samples: tuple[Sample, ...]
    alone: bool = False


@dataclass
class Blame:
    """Counts how many workers died while they had a sample."""

    deaths: Counter[str] = field(default_factory=Counter)

    def died(self, suspects: Sequence[Sample]) -> tuple[list[Parcel], list[Sample]]:
        """A worker died while it worked on these samples. Returns what is to be asked again, and the samples that are
        to blame.

        Several are asked again together, as they were; after a second death one by one, each by a worker that has
        nothing else, so that the one to blame is found and no other is blamed for it.
        """
        self.deaths.update(sample.sample_id for sample in suspects)
        worst = max((self.deaths[sample.sample_id] for sample in suspects), default=0)
        if worst < MOST:
            return ([Parcel(tuple(suspects))] if suspects else []), []
        if len(suspects) == 1:
            return [], list(suspects)
        return self.apart(suspects), []

    def apart(self, suspects: Sequence[Sample]) -> list[Parcel]:
        """The samples one by one, each alone."""
        return [Parcel((sample,), alone=True) for sample in suspects]
