from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.workbench.metrics.scenes import Strip, answer, random_benchmark, sample, strip
from workbench.data.predictions import Candidate, Prediction
from workbench.data.samples import Sample
from workbench.data.vocabulary import (
    DROP_REASONS,
    FUNNEL_STAGES,
    INSTANCE_CATEGORIES,
    MISSED_REASONS,
    SAMPLE_CATEGORIES,
)
from workbench.failures.funnel import funnel
from workbench.failures.taxonomy import Diagnosis, diagnose, missed_reasons, tally
from workbench.metrics.overlaps import overlaps


def diagnosed(one: Sample, prediction: Prediction) -> Diagnosis:
    (overlap,) = overlaps([one], [prediction])
    return diagnose(overlap)


@pytest.mark.parametrize(
    ("columns", "category"),
    [
        ((0, 20), "matched"),
        ((0, 10), "matched"),  # IoU 0.5
        ((0, 9), "poor_localisation"),  # IoU 0.45
        ((0, 2), "poor_localisation"),  # IoU 0.1
        ((0, 1), "background"),  # IoU 0.05
        ((40, 60), "wrong_instance"),
        ((40, 49), "background"),  # IoU 0.45 with a non-target
        ((80, 90), "background"),
        ((0, 0), "background"),  # an empty mask
    ],
)
def test_category_of_a_single_instance(columns: Strip, category: str) -> None:
    found = diagnosed(sample("a", [(0, 20)], others=[(40, 60)]), answer("a", [(columns, 0.9)]))
    assert found.instances == (category,)
    assert found.targets == (("matched",) if category == "matched" else ("never_seen",))


def test_the_lower_score_is_the_duplicate_whatever_its_place() -> None:
    found = diagnosed(sample("a", [(0, 20)]), answer("a", [((0, 19), 0.4), ((0, 15), 0.8)]))
    assert found.instances == ("duplicate", "matched")


def test_a_mask_on_a_non_target_that_touches_the_target_is_the_wrong_instance() -> None:
    found = diagnosed(sample("a", [(0, 20)], others=[(16, 36)]), answer("a", [((12, 36), 0.9)]))
    assert found.instances == ("wrong_instance",)


def test_an_instance_on_a_taken_target_is_a_duplicate_even_where_it_covers_a_non_target() -> None:
    one = sample("a", [(0, 20)], others=[(0, 18)])
    assert diagnosed(one, answer("a", [((0, 20), 0.9), ((0, 19), 0.8)])).instances == ("matched", "duplicate")


def test_a_weak_overlap_with_a_taken_target_is_poor_localisation() -> None:
    assert diagnosed(sample("a", [(0, 20)]), answer("a", [((0, 20), 0.9), ((0, 8), 0.8)])).instances == (
        "matched",
        "poor_localisation",
    )


def test_one_mask_over_two_targets_is_merged() -> None:
    found = diagnosed(sample("a", [(0, 20), (30, 50)]), answer("a", [((0, 50), 0.9)]))
    assert found.instances == ("merged",)
    half = diagnosed(sample("a", [(0, 20), (30, 50)]), answer("a", [((10, 39), 0.9)]))  # 10 and 9 columns of 20
    assert half.instances == ("poor_localisation",)


def test_two_parts_of_one_target_are_split() -> None:
    found = diagnosed(sample("a", [(0, 20)]), answer("a", [((0, 9), 0.9), ((11, 20), 0.8), ((50, 60), 0.7)]))
    assert found.instances == ("split", "split", "background")
    assert found.targets == ("never_seen",)


def test_parts_that_make_up_less_than_half_of_a_target_are_not_split() -> None:
    found = diagnosed(sample("a", [(0, 20)]), answer("a", [((0, 5), 0.9), ((15, 19), 0.8)]))
    assert found.instances == ("poor_localisation", "poor_localisation")


def test_parts_of_a_matched_target_are_not_split() -> None:
    found = diagnosed(sample("a", [(0, 20)]), answer("a", [((0, 20), 0.9), ((0, 9), 0.8), ((11, 20), 0.7)]))
    assert found.instances == ("matched", "poor_localisation", "poor_localisation")


A, B, AWAY = (0, 20), (30, 50), (80, 90)


@pytest.mark.parametrize(
    ("targets", "strips", "category"),
    [
        ([], [], "exact_set"),
        ([], [A], "no_target_answered"),
        ([A], [], "target_declined"),
        ([A], [A], "exact_set"),
        ([A, B], [B, A], "exact_set"),
        ([A], [AWAY], "inexact_set"),
        ([A, B], [A, A], "inexact_set"),
        ([A], [A, A], "over_count"),
        ([A, B], [A], "under_count"),
    ],
)
def test_category_of_a_sample(targets: list[Strip], strips: list[Strip], category: str) -> None:
    assert diagnosed(sample("a", targets), answer("a", [(s, 0.9) for s in strips])).sample == category


@pytest.mark.parametrize("targets", [[], [A]])
def test_a_failed_run_is_neither_exact_nor_declined(targets: list[Strip]) -> None:
    found = diagnosed(sample("a", targets), answer("a", [(A, 0.9)], outcome="budget_spent"))
    assert (found.sample, found.instances) == ("failed", ())
    assert found.targets == ("never_seen",) * len(targets)


def test_a_missed_target_tells_why_the_candidate_that_got_furthest_was_dropped() -> None:
    candidates = (
        Candidate(strip((0, 19)), 0.9, "empty"),
        Candidate(strip((0, 15)), 0.3, "suppressed"),
        Candidate(strip((30, 39)), 0.9, "rejected"),  # IoU 0.45 with the second target
    )
    found = diagnosed(sample("a", [A, B, (60, 70)]), answer("a", [((60, 70), 0.9)], candidates=candidates))
    assert found.targets == ("empty", "never_seen", "matched"), "equally far: the one that overlaps it most"
    further = (*candidates, Candidate(strip((0, 13)), 0.2, "unselected"))
    found = diagnosed(sample("a", [A, B, (60, 70)]), answer("a", [((60, 70), 0.9)], candidates=further))
    assert found.targets == ("unselected", "never_seen", "matched")


def test_a_target_under_an_instance_that_took_another_target_was_seen() -> None:
    candidates = (Candidate(strip((2, 22)), 0.9, "suppressed"),)
    found = diagnosed(sample("a", [(0, 20), (2, 22)]), answer("a", [((0, 20), 0.9)], candidates=candidates))
    assert found.targets == ("matched", "taken")


def test_reasons_and_funnel_agree_on_any_answer() -> None:
    generator = np.random.default_rng(5)
    samples, answers = random_benchmark(generator, n_images=40)
    samples.append(sample("two in one", [(0, 20), (2, 22)]))
    answers.append(answer("two in one", [((0, 20), 0.9)]))
    reasons = [*DROP_REASONS, "nms"]
    with_candidates = []
    for one, given in zip(samples, answers, strict=True):
        near = [t for t in one.targets if generator.random() < 0.7 for _ in range(int(generator.integers(1, 3)))]
        dropped = tuple(Candidate(mask, 0.5, reasons[int(generator.integers(len(reasons)))]) for mask in near)
        with_candidates.append(replace(given, candidates=dropped))
    found = overlaps(samples, with_candidates)
    lost = missed_reasons([diagnose(overlap) for overlap in found])
    passed = funnel(found)
    stages = ["targets", *FUNNEL_STAGES]
    for before, stage in pairwise(stages[:-1]):
        here = {"surfaced": ["never_seen"], "survived_suppression": ["other: nms"], "matched": ["taken"]}.get(stage, [])
        here += [name for name, reason in DROP_REASONS.items() if reason.lost_at == stage]
        assert passed[before] - passed[stage] == sum(lost.get(name, 0) for name in here), stage
    assert sum(lost.values()) == passed["targets"] - passed["matched"] > 50
    assert min(lost[name] for name in ("taken", "never_seen", "unselected")) > 0


def test_a_reason_of_the_system_s_own_is_counted_by_its_name() -> None:
    candidates = (Candidate(strip(A), 0.9, "nms"), Candidate(strip(B), 0.9, "low_score"))
    found = diagnosed(sample("a", [A, B]), answer("a", candidates=candidates))
    assert found.targets == ("other: nms", "low_score")
    assert missed_reasons([found]) == dict.fromkeys(MISSED_REASONS, 0) | {"low_score": 1, "other: nms": 1}


def test_totals_name_every_category_and_add_up() -> None:
    found = [
        diagnosed(sample("a", [A, B], others=[AWAY]), answer("a", [(A, 0.9), (A, 0.8), (AWAY, 0.7)])),
        diagnosed(sample("b"), answer("b", [(A, 0.9)])),
        diagnosed(sample("c", [A]), answer("c", outcome="crashed")),
    ]
    total = tally(found)
    assert set(total) == {*INSTANCE_CATEGORIES, "missed", *SAMPLE_CATEGORIES}
    assert {name: count for name, count in total.items() if count} == {
        "matched": 1,
        "duplicate": 1,
        "wrong_instance": 1,
        "background": 1,
        "missed": 2,
        "over_count": 1,
        "no_target_answered": 1,
        "failed": 1,
    }
    assert missed_reasons(found) == dict.fromkeys(MISSED_REASONS, 0) | {"never_seen": 2}
