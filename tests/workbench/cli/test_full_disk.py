"""A comparison on a disk that is too small ends in one line at every stage, and the same command finishes it when there
is room. A limit on the size of files stands in for the disk: it needs no rights.
"""

import errno
import os
import resource
import signal
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot
import pyarrow.parquet
import pytest

from tests.forking import forked
from tests.killing import scores, stored, without_times
from tests.workbench.toys import Rectangles, Threshold, threshold
from workbench.cli.main import main
from workbench.comparison.runner import run
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image
from workbench.scoring.finish import finish

SYSTEMS = ("toy-a", "toy-b")
N_SAMPLES = 12
COMMAND = ["compare", "--systems", ",".join(SYSTEMS), "--benchmark", "toy", "--tracking-uri", "none", "--out", "run"]
UNLIMITED = resource.RLIM_INFINITY
IMPORTED = (matplotlib.pyplot, pyarrow.parquet)
"""By this process, so that its copies need not."""
KEPT = "workbench: File too large. The predictions so far are kept in run: when there is room, give the same command"
SCORES = (
    "workbench: File too large. All predictions are in run, but not their scores: when there is room, give the same"
)
REPORT = "workbench: the report failed (File too large); write it with `workbench report"
SIZES = {300: (5, KEPT), 2_000: (5, KEPT), 3_600: (5, KEPT), 5_500: (5, KEPT), 20_000: (3, SCORES), 60_000: (3, REPORT)}
"""Bytes of the largest file, from less than the samples take to less than the report takes; the exit code and the line
that are expected."""


def compare(limit: int) -> tuple[int, str]:
    """Exit code and output of the command, in a copy of this process that can write so many bytes to a file."""

    def limited() -> int:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, UNLIMITED))
        return main(COMMAND)

    reading, writing = os.pipe()
    child = forked(limited, writing)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


@pytest.mark.slow
def test_a_comparison_on_a_disk_that_grows_ends_in_one_line_until_it_fits(workplace: Path) -> None:
    systems = dict.fromkeys(SYSTEMS, threshold)
    run(systems, lambda: Rectangles(workplace / "toy-data", N_SAMPLES), workplace / "whole")
    finish(workplace / "whole")
    counts = []
    before = stored(workplace / "run", "toy", SYSTEMS)
    for limit, expected in SIZES.items():
        code, text = compare(limit)
        lines = [line for line in text.splitlines() if line.startswith("workbench:")]
        assert (code, len(lines), lines[0].startswith(expected[1])) == (expected[0], 1, True), (limit, text)
        assert "Traceback" not in text
        after = stored(workplace / "run", "toy", SYSTEMS)
        assert all(after[name][: len(before[name])] == before[name] for name in SYSTEMS), "nothing is lost"
        before = after
        counts.append(sum(map(len, after.values())))
    assert counts[0] == 0 and 0 < counts[2] < counts[3] < counts[4] == counts[5] == 2 * N_SAMPLES
    assert compare(UNLIMITED)[0] == 0
    assert without_times(before) == without_times(stored(workplace / "whole", "toy", SYSTEMS))
    assert scores(workplace / "run") == scores(workplace / "whole")


def test_a_system_that_meets_the_full_disk_stops_the_comparison(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    predict = Threshold.predict

    def full(system: Threshold, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        if samples[0].sample_id == "s3":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/cache/features")
        return predict(system, samples, images)

    monkeypatch.setattr(Threshold, "predict", full)
    assert main(COMMAND) == 5
    said = capsys.readouterr().err
    assert "workbench: No space left on device: /cache/features. The predictions so far are kept in run" in said
    assert [one["sample_id"] for one in stored(workplace / "run", "toy", SYSTEMS)["toy-a"]] == ["s0", "s1", "s2"]
