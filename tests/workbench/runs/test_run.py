"""A run folder says what went in and what came out, and reads back equal."""

import json
from pathlib import Path

import numpy as np
import pytest

import workbench
from tests.workbench.toys import HEIGHT, WIDTH, Rectangles, threshold
from workbench.comparison.runner import run
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample, SceneObject, sample_from_json, sample_to_json
from workbench.runs.run import Run
from workbench.scoring.finish import finish

MASK = masks.encode(np.ones((HEIGHT, WIDTH), bool))


def _finished(tmp_path: Path, n_samples: int = 24, **options: object) -> Run:
    benchmark = Rectangles(tmp_path / "data", n_samples)
    systems = {"wide": lambda: threshold(90), "narrow": lambda: threshold(0)}
    run(systems, lambda: benchmark, tmp_path / "run", **options)  # type: ignore[arg-type]
    return finish(tmp_path / "run")


def test_the_manifest_says_what_the_results_depend_on(tmp_path: Path) -> None:
    manifest = _finished(tmp_path, limit=20, seed=3).manifest
    assert manifest.name == "run"
    assert manifest.systems == {
        "wide": {"name": "threshold", "threshold": 90},
        "narrow": {"name": "threshold", "threshold": 0},
    }
    assert manifest.benchmark.to_json() == {
        "name": "toy",
        "protocol": "inst2seg",
        "identity": {"version": 1, "seed": 7},
        "image_root": str(tmp_path / "data"),
    }
    asked = {"limit": 20, "sample": "first", "mode": "latency", "seed": 3, "time_limit": None, "repeats": 0}
    assert manifest.options.to_json() == asked
    assert manifest.versions["numpy"] == np.__version__
    assert manifest.machine.cores
    assert manifest.git.dirty in (True, False, None)


def test_the_results_score_every_system_and_compare_every_pair(tmp_path: Path) -> None:
    results = _finished(tmp_path).results
    wide, narrow = results.systems["wide"], results.systems["narrow"]
    assert results.benchmark.samples == wide.samples == 24
    assert wide.metrics["gIoU"] == 1.0
    assert narrow.metrics["T_acc"] == 0.0
    assert wide.cold_start > 0
    assert wide.samples_per_second is None
    assert Path(wide.store, "predictions.jsonl").exists()
    (pair,) = results.differences
    assert (pair.a, pair.b) == ("wide", "narrow")
    assert pair.metrics["T_acc"].difference == 1.0


def test_throughput_is_samples_over_the_seconds_that_the_system_worked(tmp_path: Path) -> None:
    found = _finished(tmp_path, mode="throughput")
    seconds = sum(record["seconds"] for record in found.records("wide"))
    result = found.results.systems["wide"]
    assert result.samples_per_second == pytest.approx(24 / seconds)
    assert result.latency.samples == 0


def test_the_table_has_a_row_for_each_sample_and_system(tmp_path: Path) -> None:
    found = _finished(tmp_path)
    table = found.table()
    assert table.groupby(["benchmark", "system"]).size().to_dict() == {("toy", "wide"): 24, ("toy", "narrow"): 24}
    assert list(table[table.system == "wide"].sample_id) == [sample.sample_id for sample in found.samples()]


def test_a_run_reads_back_what_went_in(tmp_path: Path) -> None:
    _finished(tmp_path)
    found = workbench.load_run(tmp_path / "run")
    assert found.samples() == list(Rectangles(tmp_path / "data", 24).samples())
    assert [p.sample_id for p in found.predictions("narrow")] == [f"s{n}" for n in range(24)]


def test_a_sample_keeps_every_field_and_an_image_path_below_the_root_is_relative() -> None:
    sample = Sample(
        sample_id="1",
        image_id="2",
        image_path=Path("/images/a/b.png"),
        width=WIDTH,
        height=HEIGHT,
        instruction="the cup",
        targets=(MASK, MASK),
        others=(SceneObject(MASK, "plate"),),
        ignore=MASK,
        kind="relation",
        problem="none",
    )
    record = json.loads(json.dumps(sample_to_json(sample, Path("/images"))))
    assert record["image_path"] == "a/b.png"
    assert sample_from_json(record, Path("/images")) == sample
    assert sample_to_json(sample, Path("/other"))["image_path"] == "/images/a/b.png"


def test_an_unfinished_run_says_what_is_missing_and_how_to_go_on(tmp_path: Path) -> None:
    _finished(tmp_path)
    stored = tmp_path / "run/toy/narrow/predictions.jsonl"
    stored.write_text("".join(stored.read_text().splitlines(keepends=True)[:20]))
    with pytest.raises(ConfigurationError, match=r"narrow has no prediction for 4 of 24 samples; continue it with"):
        finish(tmp_path / "run")


def test_a_continued_run_keeps_its_creation_time_and_drops_old_results_until_it_is_scored(tmp_path: Path) -> None:
    first = _finished(tmp_path, limit=4)
    manifest = tmp_path / "run" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(first.manifest.created, "2020-01-01T00:00:00+00:00"))
    run({"wide": lambda: threshold(90)}, lambda: Rectangles(tmp_path / "data", 24), tmp_path / "run", limit=6)
    found = workbench.load_run(tmp_path / "run")
    assert found.manifest.created == "2020-01-01T00:00:00+00:00"
    assert not found.finished
    with pytest.raises(ConfigurationError, match="is not finished: continue it with"):
        _ = found.results
    assert len(found.predictions("wide")) == 6


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"file not found: .*manifest.json"):
        workbench.load_run(tmp_path)


def test_a_system_that_the_run_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no system 'wise'; it has wide, narrow"):
        _finished(tmp_path).predictions("wise")
