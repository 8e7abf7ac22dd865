"""A suite of axes is run, continued and reported."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import Install
from tests.reports.page import Page
from tests.workbench.stress.conftest import SYSTEMS
from workbench.cli.main import main
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.data.masks import areas, decode
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Benchmark
from workbench.runs.run import Run
from workbench.stress import suites
from workbench.stress.running import DRAWN, chosen
from workbench.stress.suite import read_suite
from workbench.tracking.load import load_run
from workbench.tracking.log import stress_values


def test_every_axis_is_a_run_whose_questions_are_the_same_at_all_levels(toys: SimpleNamespace) -> None:
    assert toys.exit == 0, "a benchmark whose files are missing is said, and no failure"
    samples = toys.noise.samples()
    assert len(samples) == 24 * 3
    levels: dict[object, list[object]] = {}
    for sample in samples:
        levels.setdefault(sample.facts["level"], []).append((sample.image_id, sample.instruction, sample.targets))
    assert list(levels) == [0, 1, 3] and levels[0] == levels[1] == levels[3]
    assert [sample.facts["level"] for sample in samples[:4]] == [0, 1, 3, 0], "level beside level"
    stress = toys.noise.results.stress
    assert stress is not None and (stress.questions, stress.images) == (24, 12)
    assert stress.axis.name == "noise" and stress.axis.levels == [0, 1, 3]


def test_at_severity_0_the_result_equals_the_plain_run(toys: SimpleNamespace, tmp_path: Path) -> None:
    from tests.workbench.toys import rectangles, threshold

    def plain() -> Benchmark:
        return rectangles(str(tmp_path / "data"), 24)

    run({"careful": threshold}, plain, tmp_path / "plain")
    from workbench.scoring.finish import finish

    scored = finish(tmp_path / "plain").results.systems["careful"]
    curves = toys.noise.results.stress.curves["careful"]
    for name, value in scored.metrics.items():
        assert curves[name].values[0] == value
        assert curves[name].intervals[0] == pytest.approx(scored.intervals[name])
    masks = [[one.mask for one in answer.instances] for answer in load_run(tmp_path / "plain").predictions("careful")]
    stressed = toys.noise.predictions("careful")[::3]
    assert [[one.mask for one in answer.instances] for answer in stressed] == masks


def test_what_is_there_is_kept_and_what_is_missing_is_asked_again(
    toys: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = toys.place / "out" / "noise" / "stress-noise" / "greedy" / "predictions.jsonl"
    lines = answers.read_text().splitlines(keepends=True)
    answers.write_text("".join(lines[:-5]))
    again = ["stress", "mine.yaml", *SYSTEMS, "--axes", "noise", "--out", "out", "--json"]
    assert main(again) == 0
    said = capsys.readouterr()
    assert "careful: all 72 predictions are there" in said.err and "greedy: 72/72 samples" in said.err
    continued = answers.read_text().splitlines(keepends=True)
    assert continued[:-5] == lines[:-5] and len(continued) == len(lines)
    (axis,) = json.loads(said.out)["axes"]
    assert axis["state"] == "done" and axis["results"]["stress"]["questions"] == 24


def test_the_page_has_a_figure_and_a_sentence_for_each_axis_and_says_what_is_missing(toys: SimpleNamespace) -> None:
    html = toys.page["stress.html"]
    page = Page(html)
    assert page.scripts == [] and html.count("<svg") == 2
    assert [one for one in page.loads if not one.startswith("#")] == ["noise/report.html"], "of the one that has one"
    assert "2 of 3 axes swept" in page.text and "Turned & more" in page.text
    assert "falls to half" in page.text and "refs.p" in page.text
    table = [line for line in toys.page["stress.md"].splitlines() if line.startswith("|")]
    assert len(table) == 2 + 2 * 2 and len({line.count("|") for line in table}) == 1
    report = Page((toys.place / "out" / "noise" / "report.html").read_text())
    assert "Mean height of the curve: careful" in report.text


def test_frames_have_the_curves_areas_pairs_and_crossings(toys: SimpleNamespace, tmp_path: Path) -> None:
    noise: Run = toys.noise
    points = noise.stress()
    assert set(points["level"]) == {0, 1, 3} and set(points["system"]) == {"careful", "greedy"}
    plain = points[points["plain"] & (points["metric"] == "gIoU")]
    assert list(plain["level"]) == [0, 0]
    areas = noise.stress("areas").set_index(["system", "metric"])
    rows = points[(points["system"] == "careful") & (points["metric"] == "gIoU")]
    assert areas.loc[("careful", "gIoU"), "area"] == pytest.approx(np.trapezoid(rows["value"], rows["level"]) / 3)
    pairs = noise.stress("pairs")
    assert set(pairs["metric"]) == {"mAP", "gIoU", "N_acc", "T_acc", "exact sets"}
    assert list(noise.stress("crossings").columns[:4]) == ["axis", "a", "b", "metric"]
    with pytest.raises(ConfigurationError, match="one of levels, areas, pairs, crossings; got 'level'"):
        noise.stress("level")  # type: ignore[arg-type]


def test_mlflow_gets_the_curve_as_steps(toys: SimpleNamespace) -> None:
    from mlflow import MlflowClient

    steps = stress_values(toys.noise, "careful")
    assert [step["stress.gIoU"] for step in steps] == toys.noise.results.stress.curves["careful"]["gIoU"].values
    assert "stress.area.gIoU" in steps[0] and "stress.area.gIoU" not in steps[1]
    logged = toys.noise.results.mlflow
    client = MlflowClient(tracking_uri=f"sqlite:///{toys.place / 'mlflow.db'}")
    found = client.search_runs(
        [client.get_experiment_by_name(logged.experiment).experiment_id], "tags.system = 'careful'"
    )
    history = client.get_metric_history(found[0].info.run_id, "stress.gIoU")
    assert [one.value for one in sorted(history, key=lambda one: one.step)] == [s["stress.gIoU"] for s in steps]


def test_the_gate_says_that_robustness_fell(
    toys: SimpleNamespace, install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rates: {}\n")
    arguments = ["stress", "mine.yaml", "--axes", "noise", "--tracking-uri", "none"]
    worse = str(tmp_path / "worse")
    assert main([*arguments, "--systems", "careful=toy-a", "--set", "careful.threshold=10", "--out", worse]) == 0
    capsys.readouterr()
    assert main(["gate", "out/noise", f"{worse}/noise", "--rules", str(rules)]) == 1
    said = capsys.readouterr().out
    assert "careful: robustness (area under the curve) of gIoU changed by -" in said
    assert main(["gate", "out/noise", "out/noise", "--rules", str(rules)]) == 0


def test_a_wrong_suite_option_or_folder_stops_before_anything(
    toys: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stress", "mine.yaml", *SYSTEMS, "--axes", "noize", "--out", str(tmp_path / "never")]) == 2
    assert "unknown axis 'noize' (did you mean 'noise'" in capsys.readouterr().err
    assert main(["stress", "mine.yaml", *SYSTEMS, "--questions", "0", "--out", str(tmp_path / "never")]) == 2
    assert main(["stress", "mine.yaml", *SYSTEMS, "--set", "greedy.far=1", "--out", str(tmp_path / "never")]) == 2
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("name", suites())
def test_the_suites_that_come_with_the_workbench_are_whole(name: str) -> None:
    suite = read_suite(name)
    assert suite.name == name and len(suite.entries) >= 6
    few = chosen(suite, ["targets", "blur"], 3)
    assert [entry.name for entry in few.entries] == ["targets", "blur"]


def test_stress_quick_holds_what_it_says_of_what_is_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every axis of the suite for the shipped InstructSAM, and one of them for the shipped agent."""
    monkeypatch.chdir(tmp_path)
    command = ["stress", "stress-quick", "--tracking-uri", "none", "--no-reports"]
    assert main([*command, "--systems", "instructsam-tiny", "--questions", "2", "--out", "out"]) == 0
    assert "report.html" not in (tmp_path / "out" / "stress.html").read_text()
    assert "## Where each side breaks, quickly" in capsys.readouterr().out
    other = ["--systems", "sam3-agent-tiny", "--axes", "paraphrase", "--questions", "1"]
    assert main([*command, *other, "--out", "agent"]) == 0

    suite = read_suite("stress-quick")
    runs = {entry.name: load_run(tmp_path / "out" / entry.name) for entry in suite.entries}
    for one in (*runs.values(), load_run(tmp_path / "agent" / "paraphrase")):
        stress = one.results.stress
        assert stress is not None and stress.questions == len(one.samples()) / len(stress.axis.levels)
        assert one.manifest.benchmark.protocol == DRAWN
        assert {sample.facts["level"] for sample in one.samples()} == set(stress.axis.levels)
        for name, system in one.results.systems.items():
            assert system.n_failed == 0
            assert "agreement" not in stress.curves[name] or stress.curves[name]["agreement"].values[0] == 1

    drawn = {name: _by_level(one) for name, one in runs.items()}
    for level, samples in drawn["targets"].items():
        assert [len(sample.targets) for sample in samples] == [level, level]
    for level, samples in drawn["occlusion"].items():
        seen = [areas(sample.targets)[0] for sample in samples]
        whole = [areas(sample.targets)[0] for sample in drawn["occlusion"][0.0]]
        assert [1 - part / all_of_it for part, all_of_it in zip(seen, whole, strict=True)] == (
            pytest.approx([level, level], abs=0.03)
        ), "the share of hidden pixels is what it says"
    for samples in drawn["paraphrase"].values():
        assert [one.targets for one in samples] == [one.targets for one in drawn["paraphrase"]["name"]]
    for plain, turned in zip(drawn["rotation"]["0"], drawn["rotation"]["90"], strict=True):
        quarters = [k for k in (1, 3) if np.array_equal(np.rot90(_picture(plain), k), _picture(turned))]
        for mask, moved in zip(plain.targets, turned.targets, strict=True):
            assert np.array_equal(np.rot90(decode(mask), quarters[0]), decode(moved)), (
                "pictures and masks move together"
            )
    plain_answers = [
        [(one.mask, one.score) for one in answer.instances]
        for name, level in (("rotation", "0"), ("blur", 0))
        for answer in _answers(runs[name], level)
    ]
    assert plain_answers[:2] == plain_answers[2:] and any(plain_answers), "severity 0 is the plain run"


def _by_level(run: Run) -> dict[Any, list[Sample]]:
    levels: dict[Any, list[Sample]] = {}
    for sample in run.samples():
        levels.setdefault(sample.facts["level"], []).append(sample)
    return levels


def _picture(sample: Sample) -> NDArray[np.uint8]:
    return np.asarray(Image.open(sample.image_path))


def _answers(run: Run, level: object) -> list[Prediction]:
    asked = {sample.sample_id for sample in run.samples() if sample.facts["level"] == level}
    return [answer for answer in run.predictions("instructsam-tiny") if answer.sample_id in asked]
