"""Systems that are made and asked by workers of a Ray cluster, side by side where there is room."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.data.errors import UnusableSystemError
from workbench.data.samples import Sample
from workbench.workers.answers import Options
from workbench.workers.making import About, Plan
from workbench.workers.ray_cluster import RayCluster
from workbench.workers.ray_crew import STARTS, TELL, RayCrew
from workbench.workers.ray_seats import MACHINE_LOST, RaySeat, lost, make, packed, reason, seated, unseat
from workbench.workers.seat import Made, Refusal, Where
from workbench.workers.wanted import Workers
from workbench.workers.worker import at_once


class _MachineLostError(UnusableSystemError):
    """The machine of a system's first worker is lost."""


class RayTeam:
    """See `workbench.workers.crew.Team`. The worker that is looked at first stays, where there is room, and becomes the
    first of the crew.
    """

    side_by_side = True

    def __init__(self, options: Options, workers: Workers) -> None:
        self._options, self._workers = options, workers
        self._cluster = RayCluster(workers, options)
        self._spare: dict[str, tuple[Plan, RaySeat]] = {}

    def look(self, plan: Plan) -> About:
        """See `Team`. A machine that was lost a moment ago is still there for Ray, which then makes the worker fail."""
        for _ in range(STARTS - 1):
            try:
                return self._looked(plan)
            except _MachineLostError:
                print(f"{plan.name}: its first worker is gone: {MACHINE_LOST}; another is made", file=sys.stderr)
                self._dismiss(plan.name)
        return self._looked(plan)

    def _looked(self, plan: Plan) -> About:
        if not self._cluster.possible(plan.owner):
            raise UnusableSystemError(f"system {plan.name} has no place: {self._cluster.missing(plan.owner)}")
        while not (rooms := self._cluster.rooms(plan.owner)) and self._spare:
            self._dismiss(next(iter(self._spare)))
        if not rooms:
            raise UnusableSystemError(f"system {plan.name} has no place: {self._cluster.missing(plan.owner)}")
        seat = seated(self._cluster, rooms[0])
        self._spare[plan.name] = plan, seat
        where = self._wait(plan, seat, seat.step)
        assert isinstance(where, Where)
        seat.where = where
        self._cluster.placed(seat, where.ray_node)
        make(seat, packed(plan), self._options)
        made = self._wait(plan, seat, seat.step)
        assert isinstance(made, Made)
        seat.made, seat.step = made, None
        seat.now("idle")
        print(made.printed, end="", file=sys.stderr)
        return made.about

    def check(self, plan: Plan) -> None:
        """See `Team`."""
        _, seat = self._spare[plan.name]
        self._wait(plan, seat, seat.handle.check.remote())

    def check_samples(self, plan: Plan, samples: Sequence[Sample]) -> None:
        """See `Team`."""
        _, seat = self._spare[plan.name]
        self._wait(plan, seat, seat.handle.check_samples.remote(list(samples)))

    def leave(self, owner: str) -> None:
        """See `Team`: what there is room for stays."""

    def fits(self, plan: Plan) -> bool:
        """See `Team`."""
        return plan.name in self._spare or bool(self._cluster.rooms(plan.owner))

    def crew(self, plan: Plan, about: About, samples: Sequence[Sample], todo: int, folder: Path) -> RayCrew:
        """See `Team`. Workers that wait for the turn of other systems make room."""
        own = self._spare.pop(plan.name, None)
        seats = [own[1]] if own else []
        useful = -(-todo // at_once(about, self._options))
        wanted = min(self._workers.count or useful, useful)
        while not (free := self._cluster.rooms(plan.owner)) and not seats and self._spare:
            self._dismiss(next(iter(self._spare)))
        if self._workers.count is None or self._options.mode == "latency":
            possible = max(1, len(seats) + len(free))
            if self._workers.count and self._options.mode == "latency" and possible < wanted:
                print(f"{plan.name}: one worker a device is timed: {possible} of {wanted}", file=sys.stderr)
            wanted = min(wanted, possible)
        return RayCrew(self._cluster, plan, about, self._options, samples, todo, seats, wanted)

    def close(self) -> None:
        """See `Team`."""
        for name in list(self._spare):
            self._dismiss(name)
        self._cluster.close()

    def _dismiss(self, name: str) -> None:
        _, seat = self._spare.pop(name)
        unseat(self._cluster, seat)

    def _wait(self, plan: Plan, seat: RaySeat, ref: Any) -> Any:
        """What a worker answers to a call, before any work."""
        ray, told = self._cluster.ray, False
        while True:
            ready, _ = ray.wait([ref], timeout=TELL)
            if ready:
                break
            if seat.state == "waits for a place" and not told:
                told = True
                missing = self._cluster.missing(plan.owner)
                print(f"{plan.name}: its first worker waits for a place: {missing}", file=sys.stderr)
        try:
            value = ray.get(ref)
        except Exception as error:
            if not lost(self._cluster, error):
                raise
            why, where = reason(error, seat.where), f" on {seat.name}" if seat.where else ""
            kind = _MachineLostError if why == MACHINE_LOST else UnusableSystemError
            raise kind(f"system {plan.name} cannot be made: its worker{where} ended: {why}") from error
        if isinstance(value, Refusal):
            raise value.raised(plan.name)
        return value
