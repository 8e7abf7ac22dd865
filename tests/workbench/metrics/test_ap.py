from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.metrics.scenes import answer, random_benchmark, sample
from workbench.metrics.ap import Ranking, average_precision, rank
from workbench.metrics.overlaps import overlaps
from workbench.metrics.ties import tie_groups


def test_perfect_answers_give_one_at_every_threshold() -> None:
    samples = [sample("a", [(0, 10), (20, 30)]), sample("b", [(5, 9)]), sample("c")]
    answers = [answer("a", [((20, 30), 0.2), ((0, 10), 0.9)]), answer("b", [((5, 9), 0.4)]), answer("c")]
    assert average_precision(rank(overlaps(samples, answers))).ravel().tolist() == [1.0] * 10


def test_no_predictions_give_zero_and_no_targets_are_undefined() -> None:
    nothing = [answer("a")]
    assert average_precision(rank(overlaps([sample("a", [(0, 10)])], nothing))).ravel().tolist() == [0.0] * 10
    assert np.isnan(average_precision(rank(overlaps([sample("a")], nothing)))).all()


def test_instances_of_no_target_samples_push_down_what_they_outrank() -> None:
    samples = [sample("a", [(0, 10)]), sample("b")]
    ranked = {
        score: average_precision(
            rank(overlaps(samples, [answer("a", [((0, 10), 0.5)]), answer("b", [((50, 60), score)])]))
        )[0, 0]
        for score in (0.4, 0.6)
    }
    assert ranked == {0.4: 1.0, 0.6: 0.5}


def test_the_order_of_samples_and_instances_does_not_matter() -> None:
    generator = np.random.default_rng(1)
    samples, answers = random_benchmark(generator, n_images=20)
    shuffled = [replace(a, instances=a.instances[::-1]) for a in answers]
    order = generator.permutation(len(samples))
    before = average_precision(rank(overlaps(samples, answers)))
    after = average_precision(rank(overlaps([samples[i] for i in order], shuffled)))
    assert 0 < before[0, 0] < 1
    assert after == pytest.approx(before, abs=1e-12)


def test_weights_stand_for_repeated_samples() -> None:
    generator = np.random.default_rng(2)
    samples, answers = random_benchmark(generator, n_images=15)
    found = overlaps(samples, answers)
    weights = generator.integers(0, 4, size=(len(found), 5))
    weighted = average_precision(rank(found), weights)
    for draw in range(5):
        repeated = [o for o, times in zip(found, weights[:, draw], strict=True) for _ in range(times)]
        assert weighted[:, draw] == pytest.approx(average_precision(rank(repeated))[:, 0], abs=1e-12)


@pytest.mark.parametrize("levels", [1, 2, 5, 12])
def test_draws_mix_equal_scores_as_very_many_copies_in_random_order_would(levels: int) -> None:
    generator = np.random.default_rng(levels)
    scores = np.sort(generator.integers(0, levels, 30))[::-1].astype(float)
    sample, hits = generator.integers(0, 12, 30), generator.random((30, 2)) < [0.5, 0.3]
    ranking = Ranking(sample, hits, generator.integers(1, 5, 12), tie_groups(scores, hits))
    weights = generator.integers(0, 3, (12, 3))
    found = average_precision(ranking, weights)
    for draw, column in enumerate(weights.T):
        rows = np.repeat(np.arange(30), 500 * column[sample])
        rows = rows[np.lexsort((generator.random(len(rows)), -scores[rows]))]
        copies = Ranking(np.zeros(len(rows), int), hits[rows], 500 * (ranking.targets @ column)[None])
        assert found[:, draw] == pytest.approx(average_precision(copies)[:, 0], abs=0.01)
