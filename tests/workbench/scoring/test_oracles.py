from dataclasses import replace
from pathlib import Path

import pytest

from tests.workbench.metrics.scenes import Strip, answer, sample, strip
from tests.workbench.toys import Guess, Rectangles
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.data.masks import decode
from workbench.data.predictions import Candidate, Prediction
from workbench.data.results import Results
from workbench.data.samples import Sample
from workbench.metrics.overlaps import overlaps
from workbench.scoring.finish import finish
from workbench.scoring.oracles import DERIVED, ORACLES, derived, unavailable
from workbench.tracking.load import load_run


def below(columns: Strip, score: float, reason: str = "low_score") -> Candidate:
    return Candidate(strip(columns), score, reason)


def columns(prediction: Prediction) -> list[Strip]:
    """First column and end of each instance."""
    found = [decode(instance.mask)[0].nonzero()[0] for instance in prediction.instances]
    return [(int(place[0]), int(place[-1]) + 1) for place in found]


def under(oracle: str, one: Sample, prediction: Prediction) -> Prediction:
    (changed,) = derived(oracle, [one], [prediction])
    return changed


def test_perfect_scores_serve_most_targets_and_drop_the_rest() -> None:
    one = sample("a", [(0, 20), (10, 30)])
    # the first mask fits both targets, the second the first target only: one to one, both are served
    given = answer("a", [((4, 24), 0.9), ((70, 90), 0.8)], candidates=(below((0, 19), 0.1), below((50, 60), 0.2)))
    changed = under("scores", one, given)
    assert columns(changed) == [(4, 24), (0, 19)]
    assert [round(instance.score, 3) for instance in changed.instances] == [0.538, 0.95]
    assert sorted(candidate.score for candidate in changed.candidates) == [0.2, 0.8]
    assert {candidate.dropped for candidate in changed.candidates} == {"low_score"}


def test_perfect_scores_leave_nothing_where_there_is_no_target() -> None:
    assert under("scores", sample("a"), answer("a", [((0, 20), 0.9)])).instances == ()


def test_perfect_deduplication_removes_duplicates_alone() -> None:
    given = answer("a", [((0, 20), 0.9), ((0, 18), 0.8), ((50, 70), 0.7)])
    changed = under("deduplication", sample("a", [(0, 20)]), given)
    assert columns(changed) == [(0, 20), (50, 70)]
    assert [candidate.dropped for candidate in changed.candidates] == ["suppressed"]


@pytest.mark.parametrize(
    ("targets", "instances", "expected"),
    [
        ([], [((0, 20), 0.9)], []),
        ([(0, 20)], [], [(40, 60)]),  # the best-scoring candidate, right or wrong
        ([(0, 20)], [((70, 90), 0.9)], [(70, 90)]),
    ],
)
def test_perfect_presence(targets: list[Strip], instances: list[tuple[Strip, float]], expected: list[Strip]) -> None:
    given = answer("a", instances, candidates=(below((0, 20), 0.1), below((40, 60), 0.2)))
    assert columns(under("presence", sample("a", targets), given)) == expected


def test_a_perfect_selector_chooses_among_the_masks_that_were_left() -> None:
    one = sample("a", [(0, 20), (40, 60)])
    candidates = (below((0, 20), 0.7, "unselected"), below((40, 60), 0.6, "rejected"))
    changed = under("selector", one, answer("a", [((80, 90), 0.9)], candidates=candidates))
    assert columns(changed) == [(0, 20)]
    assert changed.instances[0].score == 0.7
    assert sorted(candidate.dropped for candidate in changed.candidates) == ["rejected", "unselected"]


@pytest.mark.parametrize("oracle", DERIVED)
def test_no_oracle_repairs_a_failed_answer_or_one_without_truth(oracle: str) -> None:
    failed = answer("a", outcome="budget_spent", candidates=(below((0, 20), 0.7), below((0, 20), 0.7, "unselected")))
    assert under(oracle, sample("a", [(0, 20)]), failed) == failed
    given = answer("a", [((0, 20), 0.9)])
    assert under(oracle, sample("a", problem="no mask"), given) == given


@pytest.mark.parametrize("oracle", DERIVED)
def test_a_perfect_answer_stays_as_it_is(oracle: str) -> None:
    one = sample("a", [(0, 20), (40, 60)])
    changed = under(oracle, one, answer("a", [((0, 20), 1.0), ((40, 60), 1.0)], candidates=(below((70, 90), 0.1),)))
    assert columns(changed) == [(0, 20), (40, 60)]
    assert overlaps([one], [changed])[0].outcome == "ok"


def test_a_run_with_oracles_says_what_each_would_gain(tmp_path: Path) -> None:
    def compared(oracles: bool) -> Results:
        run({"guess": Guess}, lambda: Rectangles(tmp_path / "data", 24), tmp_path / "run", oracles=oracles)
        return finish(tmp_path / "run").results

    assert compared(False).oracles == []
    results = compared(True)
    assert list(results.systems) == ["guess"] and results.differences == []
    rows = {row.oracle: row for row in results.oracles}
    assert rows["rewriter"].gains is None and "no phrases" in rows["rewriter"].note
    for oracle in ("deduplication", "checker"):
        gain = rows[oracle].gains["mAP"]
        assert gain.difference > 0 and gain.interval[0] > 0 and gain.p <= gain.p_holm < 0.05
        assert rows[oracle].rates["duplicate"].difference < 0
    assert rows["presence"].changed == 0 and rows["presence"].gains["gIoU"].difference == 0.0
    assert rows["checker"].metrics["gIoU"] == 1.0
    folder = tmp_path / "run" / "toy"
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["guess", "guess+checker"]
    assert len(load_run(tmp_path / "run").predictions("guess+checker")) == 24


def test_an_oracle_of_other_answers_is_not_taken_for_this_one(tmp_path: Path) -> None:
    def again(system: type[Guess]) -> None:
        run({"guess": system}, lambda: Rectangles(tmp_path / "data", 2), tmp_path / "run", oracles=True)

    class Other(Guess):
        def with_oracle(self, name: str) -> Guess:
            return Guess(name + " anew")

    again(Guess)
    with pytest.raises(ConfigurationError, match=r"guess\+checker"):
        again(Other)


def test_every_derived_oracle_is_defined_and_phrases_are_needed_by_the_rewriter_alone() -> None:
    assert DERIVED.keys() < ORACLES.keys()
    without, phrased = sample("a", [(0, 20)]), sample("b", [(0, 20)], phrase="cup")
    assert [oracle for oracle in ORACLES if unavailable(oracle, [without])] == ["rewriter"]
    assert unavailable("rewriter", [without, phrased]) is None


@pytest.mark.parametrize("oracle", DERIVED)
def test_an_answer_without_a_truth_stays_as_it_is(oracle: str) -> None:
    given = answer("a", [((0, 20), 0.9)], candidates=(below((30, 40), 0.2),))
    assert under(oracle, replace(sample("a"), has_truth=False), given) == given
