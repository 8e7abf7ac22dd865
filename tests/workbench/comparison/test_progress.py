"""Progress tells rate and time left from what is new, in one line on a terminal and in plain lines elsewhere."""

import io

from workbench.comparison.progress import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_rate_and_time_left_count_what_is_new() -> None:
    clock = Clock()
    progress = Progress("agent", 240, done=100, failed=1, stream=io.StringIO(), now=clock)
    clock.now = 4.0
    progress.add(20, failed=2)
    assert progress.line() == "agent: 120/240 samples, 5.0/s, 0:24 left, 3 failed"
    clock.now = 4000.0
    assert progress.line().endswith("6:40:00 left, 3 failed")  # 24000 s


def test_the_rate_is_that_of_the_last_minute_and_begins_when_a_worker_is_ready() -> None:
    clock = Clock()
    progress = Progress("agent", 1000, stream=io.StringIO(), now=clock)
    clock.now = 600.0  # models were loaded
    progress.begin()
    for _ in range(30):
        clock.now += 1.0
        progress.add(1, 0)
    assert progress.rate == 1.0
    progress.begin()  # another worker
    for _ in range(400):
        clock.now += 0.5
        progress.add(1, 0)
    assert progress.rate == 2.0
    clock.now += 60.0
    assert 0.9 < (progress.rate or 0.0) < 1.1, "it has come to a stop"


def test_few_slow_answers_are_all_counted() -> None:
    clock = Clock()
    progress = Progress("agent", 1000, stream=io.StringIO(), now=clock)
    for _ in range(10):
        clock.now += 100.0
        progress.add(1, 0)
    assert progress.rate == 0.01


def test_lines_appear_every_five_seconds_and_the_last_one_once() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Progress("agent", 3, stream=stream, now=clock)
    for second in (2.0, 6.0, 8.0):
        clock.now = second
        progress.add(1, 0)
    progress.close()
    progress.close()
    assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == [
        "agent: 2/3 samples",
        "agent: 3/3 samples",
    ]


def test_a_terminal_has_one_line_that_is_rewritten() -> None:
    clock, stream = Clock(), Terminal()
    progress = Progress("agent", 2, stream=stream, now=clock)
    for second in (1.0, 2.0):
        clock.now = second
        progress.add(1, 0)
    progress.close()
    assert stream.getvalue().count("\r") == 2
    assert stream.getvalue().count("\n") == 1
