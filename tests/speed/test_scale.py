"""The measurement of workers works on few samples; what it measures is in docs/scale.md."""

import json
from pathlib import Path

import pytest

from speed import scale
from speed.scale import OneImage, Pace, Sleeps, orchestration, pace
from workbench.workers.wanted import Workers


def test_a_pace_counts_from_the_first_answer_to_the_last(tmp_path: Path) -> None:
    found = pace(lambda: Sleeps(0.02), OneImage(tmp_path, 6), None)
    assert found.answers == 5
    assert 0.1 <= found.seconds < 5
    assert found.rate == found.answers / found.seconds
    assert Pace(10, 2.0, 0.1).rate == 5.0


def test_each_part_is_a_table_or_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def counted(system: object, benchmark: OneImage, workers: Workers | None) -> Pace:
        asked.append((workers and workers.count, benchmark.count))
        return Pace(100, 100 * scale.SECONDS / (workers.count or 1 if workers else 1), 0.05)

    monkeypatch.setattr(scale, "pace", counted)
    assert scale.main(["--part", "sleeping", "--part", "orchestration", "--samples", "10", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["efficiency"] for row in found["sleeping"]] == pytest.approx([1.0, 1.0, 1.0])
    assert asked == [(1, 10), (2, 20), (4, 40), (None, 50), (1, 50)]
    assert [row["by"] for row in orchestration(tmp_path, 5)] == ["one process", "one worker of Ray"]
    assert scale.main(["--part", "sleeping"]) == 0
    assert "workers 4, per_second 80, efficiency 1" in capsys.readouterr().out
