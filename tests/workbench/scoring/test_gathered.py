"""What is gathered in one pass is what the answers themselves say."""

import numpy as np

from tests.workbench.metrics.scenes import answer, random_benchmark, sample
from workbench.data.predictions import Call, Note, Prediction
from workbench.failures.calls import tally_calls
from workbench.metrics.mmr import mmr_instances
from workbench.metrics.overlaps import overlaps
from workbench.metrics.statistics import estimate
from workbench.scoring.gathered import gather, gather_known
from workbench.scoring.system import score, table

SAMPLES, ANSWERS = random_benchmark(np.random.default_rng(3), 12)
SAMPLES += [sample("broken", problem="no mask"), sample("untold", has_truth=False)]
MISTAKEN = (Call("llm", 0.0, note=Note(mistake="malformed_call")),)
ANSWERS += [answer("broken", outcome="bad_sample"), answer("untold", calls=MISTAKEN)]


def test_gathering_keeps_what_scores_need_and_gives_the_rows_of_the_table() -> None:
    rows: list[dict[str, object]] = []
    found = gather(zip(SAMPLES, ANSWERS, strict=True), row=rows.append)
    assert rows == table(SAMPLES, ANSWERS)
    assert (found.samples, len(found.overlaps), found.without_truth) == (26, 24, 1)
    assert found.failures == {"bad_sample": 1}
    assert found.calls == tally_calls(ANSWERS)


def test_scores_are_the_same_whether_overlaps_were_there_or_not() -> None:
    known = overlaps(SAMPLES, ANSWERS)
    assert score(SAMPLES, ANSWERS) == score(SAMPLES, ANSWERS, overlapping=known)
    pairs = list(zip(SAMPLES, ANSWERS, strict=True))
    assert gather_known(pairs, known).correct == gather(pairs).correct


def test_answers_that_are_not_kept_are_read_again_where_a_metric_asks_for_masks() -> None:
    read: list[int] = []

    def again(place: int) -> Prediction:
        read.append(place)
        return ANSWERS[place]

    found = gather(zip(SAMPLES, ANSWERS, strict=True), again).overlaps
    assert read == [] and not isinstance(found[0].answer, Prediction)
    kept = overlaps(SAMPLES, ANSWERS)
    assert estimate(mmr_instances(found), len(found)) == estimate(mmr_instances(kept), len(kept))
    assert found[5].prediction is ANSWERS[5] and 5 in read
