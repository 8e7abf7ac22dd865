"""The gate lets the same system pass and stops a worse one."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Install
from tests.workbench.metrics.scenes import answer, sample
from tests.workbench.toys import Rectangles, threshold
from workbench.cli.main import main
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.regression.gate import Rules, judge, read_rules


def made(folder: Path, near: int, n_samples: int = 24) -> str:
    benchmark = Rectangles(folder.parent / "data", n_samples)
    run({"toy": lambda: threshold(near)}, lambda: benchmark, folder)
    return str(folder)


def test_a_rerun_passes_and_a_broken_system_fails_with_the_samples_that_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, again, bad = made(tmp_path / "a", 90), made(tmp_path / "b", 90), made(tmp_path / "c", 0)
    assert main(["gate", good, again]) == 0
    assert capsys.readouterr().out == "passed: nothing got worse beyond its bound and beyond chance\n"
    assert main(["gate", good, bad]) == 1
    out = capsys.readouterr().out
    assert "toy: T_acc changed by -100.0 points" in out
    assert "toy: s0 was exact_set, is target_declined" in out
    assert "toy: the baseline leads in mAP by 100.0 points" in out and "and exact sets by 79.2" in out
    assert main(["gate", bad, good, "--json"]) == 0
    assert not json.loads(capsys.readouterr().out)["failed"]


def test_runs_of_other_samples_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", made(tmp_path / "a", 90), made(tmp_path / "b", 90, 20)]) == 2
    assert "not about the same samples" in capsys.readouterr().err


def test_runs_without_truth_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark = Rectangles(tmp_path / "data", 2, changes={f"s{n}": {"has_truth": False} for n in range(2)})
    run({"toy": lambda: threshold(90)}, lambda: benchmark, tmp_path / "a")
    assert main(["gate", str(tmp_path / "a"), str(tmp_path / "a")]) == 2
    assert "the runs have no truth, so nothing can be judged" in capsys.readouterr().err


def test_too_little_data_is_said_and_does_not_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", made(tmp_path / "a", 90, 8), made(tmp_path / "b", 0, 8)]) == 0
    assert "too little data: 4 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "expected keys with values"),
        ("mAP: 1", "expected the keys"),
        ("metrics: {mAP: much}", "metrics: expected names with bounds of at least 0"),
        ("rates: {missed: 2}", "rates: expected names with bounds from 0 to 1"),
        ("rates: {typo: 0.1}", "no rates"),
        ("level: 3", "level: expected a number"),
        ("metrics: [", "is not YAML"),
        ("metrics: {3: 0.1}", "expected names with bounds"),
        ("level: 2024-01-05", "level: expected a number"),
        ("level: !!python/name:os.system", "expected plain values"),
        ("level: " + "9" * 5000, "is not YAML that can be read"),
        ("metrics: &a {mAP: *a}", "holds itself"),
        ("metrics: " + "[" * 5000, "levels of lists"),
        ("level: 0.1\nlevel: 0.2", "is there twice"),
        ("level: \0", "is not YAML"),
    ],
)
def test_wrong_rules_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_rules(path)


def test_rules_decide_what_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("metrics: {gIoU: 0.5}\nrates: {}\n")
    found = {"x": [*overlaps([sample("a")], [answer("a")])]}
    assert [check.name for check in judge(found, found, "inst2seg", read_rules(path)).checks] == ["gIoU"]
    with pytest.raises(ConfigurationError, match="has no metrics"):
        judge(found, found, "inst2seg", Rules(metrics={"typo": 0.1}))


def test_a_bound_above_one_fits_a_fraction_never(tmp_path: Path) -> None:
    found = {"x": overlaps([sample("a")], [answer("a")])}
    with pytest.raises(ConfigurationError, match="rule mAP: expected a bound from 0 to 1"):
        judge(found, found, "inst2seg", Rules(metrics={"mAP": 2.0}))


BOUNDARIES = """
import numpy as np
from workbench.data.masks import decode
from workbench.data.metric_info import MetricInfo, describe

@describe({"left_edge": MetricInfo("Distance of the left edges.", unit="pixels", higher_is_better=False, leads=True)})
def left_edge(overlaps):
    "How far the left edge of all that was answered is from that of all targets; reads the masks themselves."
    def edge(masks):
        return min((int(np.flatnonzero(decode(mask).any(0))[0]) for mask in masks), default=0)
    far = np.array([
        abs(edge([i.mask for i in o.prediction.instances]) - edge(o.sample.targets)) for o in overlaps
    ], dtype=float)
    return lambda weights: {"left_edge": far @ weights / weights.sum(axis=0)}
"""


def test_a_metric_that_reads_masks_and_of_which_less_is_better_fails_when_it_rises(install: Install) -> None:
    install("acme", {"metrics": {"acme/edges": "acme_edges:left_edge"}}, {"acme_edges": BOUNDARIES})
    samples = [sample(f"s{i}", [(10, 30)], image=f"i{i}") for i in range(24)]
    near, far = ([answer(s.sample_id, [((10 + off, 30), 0.9)]) for s in samples] for off in (1, 6))
    before, after = ({"x": overlaps(samples, answers)} for answers in (near, far))
    verdict = judge(before, after, "acme/edges", Rules(rates={}))
    assert [(check.name, check.change, check.unit) for check in verdict.checks] == [("left_edge", 5.0, "pixels")]
    assert verdict.failed
    assert "x: left_edge changed by +5 pixels" in verdict.to_text()
    assert not judge(after, before, "acme/edges", Rules(rates={})).failed, "it fell, which is better"


def test_a_failure_rate_that_rose_fails_alone_and_one_that_fell_does_not() -> None:
    samples = [sample(f"s{i}", [(0, 20)], image=f"i{i}") for i in range(24)]
    once, twice = ([answer(s.sample_id, [((0, 20), 0.9)] * n) for s in samples] for n in (1, 2))
    before, after = ({"x": overlaps(samples, answers)} for answers in (once, twice))
    rules = Rules(metrics={"gIoU": 0.01}, rates={"duplicate": 0.02, "missed": 0.02})
    assert [check.name for check in judge(before, after, "inst2seg", rules).checks if check.failed] == ["duplicate"]
    assert not judge(after, before, "inst2seg", rules).failed
    lenient = Rules(metrics={}, rates={"duplicate": 1.0})
    assert not judge(before, after, "inst2seg", lenient).failed, "within its bound"


@pytest.fixture(scope="module")
def scenes() -> tuple[list[SampleOverlap], list[SampleOverlap]]:
    """Overlaps of 600 samples, two an image, one target each: where it is found, and where something else is."""
    samples = [sample(f"s{i}", [(0, 20)], image=f"i{i // 2}") for i in range(600)]
    scores = np.random.default_rng(2).uniform(0.5, 0.9, len(samples))
    found = [answer(s.sample_id, [((0, 20), float(score))]) for s, score in zip(samples, scores, strict=True)]
    return overlaps(samples, found), overlaps(samples, [answer(s.sample_id, [((40, 60), 0.4)]) for s in samples])


def answered(
    scenes: tuple[list[SampleOverlap], list[SampleOverlap]], generator: np.random.Generator, flips: float, lost: float
) -> list[SampleOverlap]:
    """70 % are found always, but for a share `flips` by chance of the run, and a share `lost` of all found ones by a
    regression."""
    easy = np.random.default_rng(1).random(len(scenes[0])) < 0.7
    hit = (easy ^ (generator.random(len(easy)) < flips)) & (generator.random(len(easy)) >= lost)
    return [found if h else missed for found, missed, h in zip(*scenes, hit, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "pairs", "least", "most"),
    # a share of 0.08 of what was found is more than five points of mAP
    [pytest.param(0.0, 50, 0, 3, id="a rerun passes"), pytest.param(0.08, 25, 22, 25, id="a regression is found")],
)
def test_a_regression_of_five_points_is_found_and_a_rerun_passes(
    scenes: tuple[list[SampleOverlap], list[SampleOverlap]], lost: float, pairs: int, least: int, most: int
) -> None:
    generator = np.random.default_rng(0)
    only = Rules(metrics={"mAP": 0.01, "gIoU": 0.01})
    failed = 0
    for _ in range(pairs):
        before, after = (answered(scenes, generator, 0.01, share) for share in (0.0, lost))
        failed += judge({"x": before}, {"x": after}, "inst2seg", only, draws=200).failed
    assert least <= failed <= most
