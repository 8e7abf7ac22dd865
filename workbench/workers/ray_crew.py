"""The workers of one system on a Ray cluster: samples go to whoever has least, and those of a lost worker to others."""

import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from workbench.data.errors import ConfigurationError, StoppedError
from workbench.data.numbers import many
from workbench.data.predictions import CRASHED
from workbench.data.progress import WorkerProgress
from workbench.data.samples import Sample
from workbench.workers.answers import Answer, Options, failure
from workbench.workers.blame import Blame, Parcel
from workbench.workers.crew import Ended, Joined
from workbench.workers.making import About, Plan, same_identity
from workbench.workers.ray_cluster import RayCluster
from workbench.workers.ray_seats import (
    CALLS,
    Call,
    RaySeat,
    lost,
    make,
    oldest,
    pace,
    packed,
    reason,
    seated,
    suspects,
    unseat,
)
from workbench.workers.seat import Made, Refusal, Warm, Where
from workbench.workers.worker import at_once, streams

TICK = 0.5
"""Seconds that `take` waits at most."""
TELL = 10.0
"""Seconds after which it is said that a worker has no place."""
LOOK = 1.0
"""Seconds between two looks at whether more workers have a place."""
PATIENCE = 600.0
"""Seconds in which a crew without any worker waits for a place."""
STARTS = 3
"""Workers in a row that may die before they are ready."""
WARM_UP_SAMPLES = 32


class RayCrew:
    """See `workbench.workers.crew.Crew`. `wanted`: how many workers it is to have."""

    def __init__(
        self,
        cluster: RayCluster,
        plan: Plan,
        about: About,
        options: Options,
        samples: Sequence[Sample],
        todo: int,
        seats: Sequence[RaySeat],
        wanted: int,
    ) -> None:
        self._cluster, self._plan, self._about, self._options = cluster, plan, about, options
        self._packed = packed(plan)
        self._warm_up, self._todo = list(samples[:WARM_UP_SAMPLES]), todo
        self._size, self._streams = at_once(about, options), streams(about, options)
        self._seats = list(seats)
        self._wanted = wanted
        self._retries: deque[Parcel] = deque()
        self._events: list[Joined | Ended] = []
        self._blame = Blame()
        self._unready = 0  # workers in a row that died before they were ready
        self._device = about.device
        self._error: Exception | None = None
        self._told, self._looked = "", -LOOK
        self._alone_since = time.monotonic()
        for seat in self._seats:
            self._warm(seat)

    def wants(self) -> bool:
        """See `Crew`."""
        return not self._retries and any(map(self._has_room, self._seats))

    def give(self, samples: Sequence[Sample]) -> None:
        """See `Crew`."""
        self._hand(Parcel(tuple(samples)))

    def open(self) -> int:
        """See `Crew`."""
        waiting = sum(len(parcel.samples) for parcel in self._retries)
        ended = sum(len(event.answers) for event in self._events if isinstance(event, Ended))
        return waiting + ended + sum(seat.load() for seat in self._seats)

    def take(self) -> list[Joined | Ended]:
        """See `Crew`."""
        if self._error is not None:
            raise self._error
        try:
            self._take()
        except (StoppedError, ConfigurationError) as error:
            if not self._events:
                raise
            self._error = error  # what came before it is stored first
        events, self._events = self._events, []
        return events

    def _take(self) -> None:
        self._recruit()
        self._serve_retries()
        self._send()
        seats = {ref: seat for seat in self._seats for ref in (*seat.calls, *([seat.step] if seat.step else []))}
        if seats:
            wait = self._cluster.ray.wait
            ready, _ = wait(list(seats), num_returns=1, timeout=0 if self._events else TICK)
            if ready:
                ready, _ = wait(list(seats), num_returns=len(seats), timeout=0)
            for ref in ready:
                if seats[ref] in self._seats:  # else it died by an earlier one of these
                    self._arrived(seats[ref], ref)
        elif not self._events:
            time.sleep(TICK)
        self._tend()

    def stored(self, sample_ids: Sequence[str]) -> None:
        """See `Crew`: workers keep no steps."""

    def check(self) -> None:
        """See `Crew`."""
        seat = next((seat for seat in self._seats if seat.state == "works"), None)
        if seat is None:
            return
        try:
            refusal = self._cluster.ray.get(seat.handle.check.remote())
        except Exception as error:
            if not lost(self._cluster, error):
                raise
            return
        if isinstance(refusal, Refusal):
            raise refusal.raised(self._plan.name)

    def workers(self) -> list[WorkerProgress]:
        """See `Crew`."""
        return [seat.progress() for seat in self._seats]

    def close(self) -> None:
        """See `Crew`."""
        for seat in self._seats:
            unseat(self._cluster, seat)
        self._seats.clear()

    # what is handed out

    def _has_room(self, seat: RaySeat) -> bool:
        if seat.state != "works" or seat.reserved:
            return False
        if self._streams:
            return seat.load() < CALLS * self._size
        return len(seat.calls) + len(seat.outbox) < CALLS

    def _hand(self, parcel: Parcel) -> bool:
        """Give a parcel to the worker that has least; whether there was one."""
        if parcel.alone:
            free = [seat for seat in self._seats if self._has_room(seat) and not seat.load()]
        else:
            free = [seat for seat in self._seats if self._has_room(seat)]
        if not free:
            return False
        seat = min(free, key=RaySeat.load)
        seat.reserved = parcel.alone
        seat.outbox.append(parcel)
        return True

    def _serve_retries(self) -> None:
        while self._retries and self._hand(self._retries[0]):
            self._retries.popleft()

    def _send(self) -> None:
        for seat in self._seats:
            while seat.outbox and len(seat.calls) < CALLS:
                if self._streams:
                    samples = tuple(seat.waiting())
                    seat.outbox.clear()
                else:
                    samples = seat.outbox.popleft().samples
                self._call(seat, samples)
            if self._streams and seat.held and not seat.calls:  # wait for what is open
                self._call(seat, ())

    def _call(self, seat: RaySeat, samples: tuple[Sample, ...]) -> None:
        now = time.monotonic()
        if not seat.held:
            seat.since = time.time()
        seat.held.update({sample.sample_id: (sample, now) for sample in samples})
        seat.calls[seat.handle.ask.remote(list(samples))] = Call(samples, now)

    # what comes back

    def _arrived(self, seat: RaySeat, ref: Any) -> None:
        try:
            value = self._cluster.ray.get(ref)
        except Exception as error:
            if not lost(self._cluster, error):
                raise
            self._died(seat, reason(error, seat.where))
            return
        if isinstance(value, Refusal):
            if value.kind != "memory":
                raise value.raised(self._plan.name)
            self._died(seat, f"out of memory ({value.message})")
            return
        if ref is seat.step or ref == seat.step:
            seat.step = None
            self._stepped(seat, value)
            return
        full = [one.prediction for one in value if one.no_memory]
        if self._streams or not full:
            del seat.calls[ref]
            self._ended(seat, [one for one in value if not one.no_memory])
        if full:  # of a batch, all is asked again, as the batch that it was
            seat.held = {one.sample_id: seat.held[one.sample_id] for one in full} | seat.held
            self._died(seat, f"out of memory ({full[0].message})")

    def _ended(self, seat: RaySeat, answers: Sequence[Answer]) -> None:
        """A worker has given answers."""
        now = time.monotonic()
        seat.last, seat.since = now, time.time()
        seat.answered += len(answers)
        begun = min((seat.held.pop(one.prediction.sample_id)[1] for one in answers), default=now)
        if not seat.load():
            seat.reserved = False
        if answers:
            self._events.append(Ended(answers, begun, self._about_seat(seat)))

    def _stepped(self, seat: RaySeat, value: Any) -> None:
        if isinstance(value, Where):
            seat.where = value
            self._cluster.placed(seat, value.ray_node)
            make(seat, self._packed, self._options)
        elif isinstance(value, Made):
            seat.made = value
            same_identity(self._plan.name, self._about.identity, value.about.identity, f" on {seat.name}")
            self._warm(seat)
        elif isinstance(value, Warm):
            self._joined(seat, value)

    def _warm(self, seat: RaySeat) -> None:
        assert seat.made
        if self._options.mode == "latency" and seat.made.device != self._device:
            print(
                f"{self._plan.name}: {seat.name} is left out: it computes on {seat.made.device}, and latencies of "
                f"{self._device} are measured",
                file=sys.stderr,
            )
            self._wanted -= 1
            self._remove(seat)
            return
        seat.now("warms up")
        seat.step = seat.handle.warm_up.remote(self._warm_up)

    def _joined(self, seat: RaySeat, warm: Warm) -> None:
        assert seat.made and seat.where
        if warm.printed:
            print(warm.printed, end="", file=sys.stderr)
        seat.now("works")
        seat.last = time.monotonic()
        self._unready = 0
        session = {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "load": seat.made.about.seconds,
            "warm_up": warm.warm_up.seconds,
            "todo": self._todo,
            "machine": warm.machine,
            **self._about_seat(seat),
            "node": seat.where.node,
            "device": seat.made.device,
        }
        timed = session if self._about.timed else {**session, "timed": False}
        self._events.append(Joined(timed, warm.warm_up.outage))

    def _about_seat(self, seat: RaySeat) -> Mapping[str, Any]:
        return {"worker": seat.name}

    # what goes wrong

    def _died(self, seat: RaySeat, why: str, hung: bool = False) -> None:
        """A worker is gone: its samples go to others."""
        began, untouched = suspects(seat, self._size, self._streams)
        ready = seat.state == "works"
        self._remove(seat)
        if not ready:
            self._unready += 1
            if self._unready >= STARTS:
                raise StoppedError(
                    f"{self._plan.name}: {STARTS} workers in a row ended before they could answer: {why}. The "
                    "predictions so far are kept, and the same command goes on"
                )
        again = many(len(began), "sample")
        what = f"; {again} of it {'is' if len(began) == 1 else 'are'} asked again elsewhere" if began else ""
        print(f"{self._plan.name}: worker {seat.name} is gone: {why}{what}", file=sys.stderr)
        self._retries.extendleft(reversed(untouched))
        if hung:
            parcels = self._blame.apart(began) if len(began) > 1 else []
            blamed = began if len(began) == 1 else []
        else:
            parcels, blamed = self._blame.died(began)
        self._retries.extendleft(reversed(parcels))
        if blamed:
            self._events.append(Ended([self._given_up(one, why, hung) for one in blamed], time.monotonic()))

    def _given_up(self, sample: Sample, why: str, hung: bool) -> Any:
        if hung:
            return failure(sample, "timed_out", f"no answer within {self._options.time_limit:g} s; {why}", 0.0)
        times = self._blame.deaths[sample.sample_id]
        return failure(sample, CRASHED, f"it took {many(times, 'worker')} down with it: {why}", 0.0)

    def _remove(self, seat: RaySeat) -> None:
        self._seats.remove(seat)
        unseat(self._cluster, seat)

    def _tend(self) -> None:
        """Replace workers that hang, and say which have no place."""
        now = time.monotonic()
        for seat in list(self._seats):
            call = oldest(seat)
            longest = pace(self._options, call, self._streams)
            if call and longest is not None and now - max(call.sent, seat.last) > longest:
                self._died(seat, "it did not come back after the time limit, and was replaced", hung=True)
        if any(seat.state != "waits for a place" for seat in self._seats):
            self._alone_since = now
        elif now - self._alone_since > PATIENCE:
            raise StoppedError(
                f"{self._plan.name}: no worker could be placed in {PATIENCE:g} s: "
                f"{self._cluster.missing(self._plan.owner)}. The predictions so far are kept; the same command goes on"
            )
        for seat in self._seats:
            if seat.state == "waits for a place" and now - seat.placing > TELL:
                self._tell_missing()

    def _tell_missing(self) -> None:
        """Say what a worker that has no place would need, where that was not said already."""
        having = sum(seat.state != "waits for a place" for seat in self._seats)
        said = f"{having} of {many(self._wanted, 'worker')}: {self._cluster.missing(self._plan.owner)}"
        if said != self._told:
            self._told = said
            print(f"{self._plan.name}: {said}", file=sys.stderr)

    def _recruit(self) -> None:
        """New workers in the places that are free, up to how many are wanted, while all that are there have work."""
        lacking = self._wanted - len(self._seats)
        idle = any(seat.state == "works" and not seat.load() for seat in self._seats)
        if lacking <= 0 or (idle and not self._retries):
            return
        if self._seats and time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        rooms = self._cluster.rooms(self._plan.owner)[:lacking]
        self._seats += [seated(self._cluster, room) for room in rooms]
        if len(rooms) < lacking and len(self._cluster.rooms(self._plan.owner, taken=False)) < self._wanted:
            self._tell_missing()
