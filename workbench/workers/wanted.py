"""Which workers a comparison wants: how many, where, and what each of them takes."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.data.errors import ConfigurationError, short
from workbench.plugins.names import unknown

LOCAL = ""
"""`Workers.address` of a Ray that is started on this machine for the length of the comparison."""


@dataclass(frozen=True)
class Needs:
    """What a worker takes: processors, GPUs (a fraction shares one) and GB of memory. A GPU is None where it takes one
    if there are any."""

    cpu: float = 1.0
    gpu: float | None = None
    memory: float = 0.0

    def __str__(self) -> str:
        shown = {"cpu": self.cpu, "gpu": self.gpu or 0.0, "memory": self.memory}
        return ", ".join(f"{name}={value:g}" for name, value in shown.items() if value)


@dataclass(frozen=True)
class Workers:
    """`count`: workers of each system, None for as many as there is room for. `address`: of a Ray cluster that runs
    (`auto`: the one of this machine), or `LOCAL`. `needs`: what a worker takes, by name of a system in the run.
    """

    count: int | None = None
    address: str = LOCAL
    needs: Mapping[str, Needs] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count is not None and (type(self.count) is not int or self.count < 1):
            raise ConfigurationError(f"workers must be a whole number of at least 1, got {self.count!r}")

    def of(self, system: str) -> Needs:
        """What a worker of a system takes."""
        return self.needs.get(system, Needs())


def wanted_workers(
    count: int | None, address: str | None, resources: Sequence[str], systems: Sequence[str]
) -> Workers | None:
    """The workers that a command asks for by `--workers`, `--ray` and `--worker-resources`; None where its own process
    asks. Raises `ConfigurationError` for a value that does not fit.
    """
    needs = read_needs(resources, systems)
    if count is None and address is None:
        if needs:
            raise ConfigurationError(
                "worker resources: expected a number of workers or the address of a Ray cluster beside them"
            )
        return None
    return Workers(count, LOCAL if address is None else address, needs)


def check_repeats(repeats: int, workers: Workers | None) -> None:
    """Raise `ConfigurationError` where samples are to be asked again in turns, and by workers."""
    if workers and repeats:
        raise ConfigurationError("repeats compare times in turns, in one process: leave out workers, or repeats")


def read_needs(given: Sequence[str], systems: Sequence[str]) -> dict[str, Needs]:
    """Read `sam3-agent:gpu=0.5,cpu=2`, once for each system; raises `ConfigurationError` for anything else."""
    found: dict[str, Needs] = {}
    for text in given:
        name, colon, parts = text.partition(":")
        name = name.strip()
        pairs = [re.fullmatch(r"\s*(cpu|gpu|memory)\s*=\s*([0-9.]+)\s*", part) for part in parts.split(",")]
        if not colon or not all(pairs):
            raise ConfigurationError(
                "worker resources: expected NAME:cpu=2,gpu=0.5,memory=16 (processors, GPUs, GB; each may be left out), "
                f"got {short(text)}"
            )
        if name not in systems:
            raise ConfigurationError(unknown("system with worker resources", name, list(systems)))
        if name in found:
            raise ConfigurationError(f"worker resources: {name} is named twice: give all in one, as NAME:cpu=2,gpu=1")
        found[name] = Needs(**{pair[1]: _amount(text, pair[2]) for pair in pairs if pair})
    return found


def _amount(text: str, value: str) -> float:
    try:
        amount = float(value)
    except ValueError:
        amount = math.nan
    if not amount >= 0:
        raise ConfigurationError(f"worker resources: expected amounts as 2 or 0.5, got {value!r} in {short(text)}")
    return amount
