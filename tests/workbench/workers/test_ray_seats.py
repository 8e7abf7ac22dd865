"""What is known of a worker from its calls alone."""

import platform
import time
from pathlib import Path

import pytest

from tests.workbench.comparison.watched import toy
from workbench.data.samples import Sample
from workbench.workers import ray_seats
from workbench.workers.answers import Options
from workbench.workers.blame import Blame, Parcel
from workbench.workers.ray_cluster import Room
from workbench.workers.ray_seats import Call, RaySeat, pace, reason, suspects
from workbench.workers.seat import Where
from workbench.workers.wanted import Needs


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return list(toy(tmp_path, 8).samples())


def seat(*calls: list[Sample]) -> RaySeat:
    found = RaySeat(None, Room(Needs()), state="works")
    for number, call in enumerate(calls):
        found.calls[number] = Call(tuple(call), time.monotonic())
        found.held |= {sample.sample_id: (sample, 0.0) for sample in call}
    return found


def test_of_batches_only_the_first_was_begun(samples: list[Sample]) -> None:
    one = seat(samples[:4], samples[4:6])
    one.outbox.append(Parcel(tuple(samples[6:])))
    began, untouched = suspects(one, 4, streams=False)
    assert began == samples[:4]
    assert [list(parcel.samples) for parcel in untouched] == [samples[4:6], samples[6:]]


def test_of_a_stream_those_are_open_that_it_works_on_at_once(samples: list[Sample]) -> None:
    began, untouched = suspects(seat(samples[:4], samples[4:6]), 3, streams=True)
    assert began == samples[:3]
    assert [parcel.samples for parcel in untouched] == [(sample,) for sample in samples[3:6]]


def test_a_worker_that_had_nothing_leaves_nothing() -> None:
    assert suspects(seat(), 4, streams=False) == ([], [])


def test_a_worker_may_take_its_limits_and_a_little_more(samples: list[Sample]) -> None:
    limited, grace = Options(mode="throughput", time_limit=3), ray_seats.GRACE
    assert pace(Options(), Call(tuple(samples), 0.0), False) is None
    assert pace(limited, None, False) is None
    assert pace(limited, Call(tuple(samples[:1]), 0.0), False) == 3 + grace
    assert pace(limited, Call(tuple(samples), 0.0), False) == 2 * 8 * 3 + grace, "and each alone, after the batch"
    assert pace(limited, Call(tuple(samples), 0.0), True) == 3 + grace


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "1 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 127.0.0.1, ID: 51) "
            "was 4.29GB used / 23.54GB limit (0.182044)\nOOM kill reason: ...",
            "out of memory (4.29GB of 23.54GB of its machine were in use)",
        ),
        ("The actor died because its node has died.", "its machine is lost"),
        (
            "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: "
            "... Some common causes include: (1) the process was killed by the OOM killer due to high memory usage",
            "its process ended",
        ),
    ],
)
def test_the_reason_of_a_loss_in_few_words(text: str, expected: str) -> None:
    assert reason(RuntimeError(text)) == expected


def test_a_kill_for_lack_of_memory_on_this_machine_is_part_of_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_seats, "memory_kills", lambda: 4)
    ended, here = RuntimeError("its worker process has died"), platform.node()
    assert reason(ended, Where(here, 7, "a", 4)) == "its process ended"
    assert reason(ended, Where("elsewhere", 7, "a", 3)) == "its process ended"
    assert "the kernel has ended a process for lack of memory" in reason(ended, Where(here, 7, "a", 3))


def test_samples_are_asked_together_then_alone_then_one_is_to_blame(samples: list[Sample]) -> None:
    blame = Blame()
    assert blame.died(samples[:2]) == ([Parcel(tuple(samples[:2]))], [])
    assert blame.died(samples[:2]) == ([Parcel((samples[0],), True), Parcel((samples[1],), True)], [])
    assert blame.died([samples[1]]) == ([], [samples[1]])
    assert blame.died([samples[5]]) == ([Parcel((samples[5],))], [])
    assert blame.died([samples[5]]) == ([], [samples[5]])
    assert blame.died([]) == ([], [])
