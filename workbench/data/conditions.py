"""How a system was made and set up, in its own words: what two systems may differ in beyond the idea that is compared.

A system says it by `conditions()` (see `workbench.plugins.interfaces.HasConditions`), the manifest of a run keeps it,
and the report lists what differs. Nothing in here is part of a system's identity.
"""

from collections.abc import Mapping

from workbench.data.numbers import listed
from workbench.data.records import Record


def outside(known: Mapping[str, str | None]) -> list[str]:
    """What systems know, by name, in a sentence for all that know the same: for people who ask them about something
    else. Nothing about systems that do not say it (`Conditions.knows`).
    """
    alike: dict[str, list[str]] = {}
    for name, knows in known.items():
        if knows:
            alike.setdefault(knows, []).append(name)
    return [
        f"What {listed(names)} {'know' if len(names) > 1 else 'knows'}: {knows}. "
        "Answers about other pictures are guesses."
        for knows, names in alike.items()
    ]


class Conditions(Record):
    """The conditions of a system; None for what it does not state."""

    resizing: str | None = None
    """How masks get to the size of the image: what is interpolated, and what counts as foreground."""
    threshold: float | None = None
    """Score that an instance of its answers has to exceed."""
    threshold_option: str | None = None
    """Name of the option that sets this threshold, if it has one."""
    threshold_chosen: str | None = None
    """On which data, and by which rule, the threshold was chosen: `chosen on val, ...`."""
    stored_from: float | None = None
    """Lowest score of the masks that it stores although they score too low; None: 0, if it stores any."""
    device: str | None = None
    """Where its models run, and in which precision: `cuda, bfloat16`."""
    weights: int | None = None
    """Bytes of its weights as they are stored: of rounded ones with their scales."""
    detector: str | None = None
    """What the detector was trained on: whether it saw instructions, or noun phrases only."""
    training: str | None = None
    """The budget of all trainings that led to its checkpoints."""
    knows: str | None = None
    """What its checkpoint can be asked about, where that is little: `generated tabletop scenes only`."""
    benchmarks: str | None = None
    """Names of the benchmarks, separated by commas, that ask for nothing else."""
    batch: str | None = None
    """What its answers depend on beside the sample, in throughput mode: the other samples of its batch."""
    timed: str | None = None
    """What is inside the clock."""
    not_timed: str | None = None
    """What is outside the clock, though its answers need it."""


def strangers(stated: Mapping[str, Conditions], benchmark: str, has_truth: bool) -> list[str]:
    """Like `outside`, of the systems that this benchmark asks about pictures that they do not know. Without a truth
    that is every system that says what it knows; else those that say which benchmarks they know.
    """
    known = {name: (one.benchmarks or "").split(", ") for name, one in stated.items()}
    return outside(
        {
            name: one.knows
            for name, one in stated.items()
            if not has_truth or (one.benchmarks is not None and benchmark not in known[name])
        }
    )
