"""Makes systems, in whatever process they are to work, and says what the others need to know of them."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.data.conditions import Conditions
from workbench.data.digests import flatten
from workbench.data.errors import ConfigurationError, UnusableSystemError, short
from workbench.data.secrets import hidden
from workbench.plugins.checks import checked_identity
from workbench.plugins.interfaces import (
    Answered,
    Benchmark,
    Checkable,
    FollowsBenchmark,
    HasConditions,
    HasOracles,
    Rerunnable,
    Streaming,
    System,
)
from workbench.workers.answers import is_timed
from workbench.workers.machine import device


@dataclass(frozen=True)
class Plan:
    """How a system is made: by its maker and, for an oracle, with one part replaced by the truth. `owner`: the name of
    the system that the oracle belongs to, its own name where it is none. `benchmark`: makes the benchmark, for a system
    that follows it.
    """

    name: str
    maker: Callable[[], System]
    owner: str
    benchmark: Callable[[], Benchmark]
    oracle: str | None = None


@dataclass(frozen=True)
class About:
    """What is to be known of a system, wherever it is.

    `batch_size`: samples that it takes at once in throughput mode; `at_once`: those that it answers side by side, each
    at its own pace, 1 where it takes batches. `seconds`: what it took to make it; `device`: what its process computes
    on. The other fields are those of `workbench.plugins.interfaces`.
    """

    identity: dict[str, Any]
    conditions: Conditions | None
    batch_size: int
    at_once: int
    depends_on_batch: bool
    timed: bool
    oracles: tuple[str, ...]
    answered: bool
    checkable: bool
    seconds: float
    device: str


def make(plan: Plan, base: System | None = None) -> tuple[System, About]:
    """A system and what is to be known of it. `base`: the system that an oracle belongs to, where it is there already:
    its models are shared.

    Raises `UnusableSystemError` where the system cannot be made, whatever the benchmark.
    """
    begun = time.perf_counter()
    try:
        system = base if base is not None else plan.maker()
    except OSError as error:  # transformers raises this for a missing file of a checkpoint
        raise UnusableSystemError(f"system {plan.name} cannot be made: {error}") from error
    except ConfigurationError as error:
        raise UnusableSystemError(str(error), error.cause) from error
    if base is None and isinstance(system, FollowsBenchmark):
        system.follow(plan.benchmark())
    if plan.oracle is not None:
        assert isinstance(system, Rerunnable)
        system = system.with_oracle(plan.oracle)
    return system, about(plan.name, system, time.perf_counter() - begun if base is None else 0.0)


def about(name: str, system: System, seconds: float) -> About:
    """What is to be known of a system; raises `ConfigurationError` where it says something that cannot be used."""
    at_once = system.at_once if isinstance(system, Streaming) else 1
    if type(at_once) is not int or at_once < 1:
        raise ConfigurationError(
            f"system {name}: expected `at_once` to be a whole number of at least 1, got {short(at_once)}"
        )
    return About(
        identity=checked_identity(f"system {name}", system.identity()),
        conditions=_conditions(name, system),
        batch_size=max(1, system.batch_size),
        at_once=at_once,
        depends_on_batch=bool(getattr(system, "depends_on_batch", False)),
        timed=is_timed(system),
        oracles=tuple(system.oracles) if isinstance(system, HasOracles) else (),
        answered=isinstance(system, Answered),
        checkable=isinstance(system, Checkable),
        seconds=seconds,
        device=device(),
    )


def same_identity(name: str, before: Mapping[str, Any], now: Mapping[str, Any], where: str = "") -> None:
    """Raise `ConfigurationError` that names what differs between the identities of a system that was made twice."""
    if hidden(before) == hidden(now):
        return
    first, second = flatten(before), flatten(now)
    keys = sorted(first.keys() | second.keys())
    changed = [
        f"{key} was {first.get(key, 'absent')!r} and is {second.get(key, 'absent')!r}"
        for key in keys
        if first.get(key, "absent") != second.get(key, "absent")
    ]
    raise ConfigurationError(f"system {name} became another one when it was made again{where}: {'; '.join(changed)}")


def check(system: System) -> None:
    """Ask a system whether it can work at all; raises `ConfigurationError` with the reason where it cannot."""
    if isinstance(system, Checkable):
        system.check()


def forget() -> None:
    """Give the memory of systems back that nothing refers to any more: models refer to themselves in circles."""
    gc.collect()


def _conditions(name: str, system: System) -> Conditions | None:
    """What a system says about itself; None where it says nothing."""
    if not isinstance(system, HasConditions):
        return None
    stated = system.conditions()
    if not isinstance(stated, Conditions):
        raise ConfigurationError(
            f"system {name}: expected `conditions()` to give a `workbench.Conditions`, got {short(stated)}"
        )
    return stated
