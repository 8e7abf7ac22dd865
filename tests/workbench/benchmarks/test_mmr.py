"""MMR, on small files in the layout that is published."""

from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import KNIFE, LEFT, OFFICIAL, RIGHT, asked, edited
from workbench.benchmarks import mmr
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample
from workbench.metrics.mmr import mmr_instances, mmr_official
from workbench.metrics.overlaps import overlaps
from workbench.metrics.statistics import estimate

FOLDER = OFFICIAL / "mmr"
ANSWERS = [(LEFT, RIGHT), (LEFT,), (), (KNIFE,)]


def read() -> list[Sample]:
    return list(mmr.read(FOLDER / "MMR_val.json", FOLDER / "images"))


def scored(answers: list[tuple[object, ...]]) -> dict[str, dict[str, float]]:
    samples = list(read())
    found = [
        Prediction(sample.sample_id, tuple(Instance(mask, 0.9) for mask in masks))  # type: ignore[arg-type]
        for sample, masks in zip(samples, answers, strict=True)
    ]
    seen = overlaps(samples, found)
    return {name: estimate(build(seen), 4) for name, build in (("official", mmr_official), ("ours", mmr_instances))}


def test_a_sample_is_a_question() -> None:
    samples = list(read())
    assert asked(samples) == [
        ("0", "What could hold tea, and where is it held?", (LEFT, RIGHT)),
        ("1", "What holds the tea?", (LEFT,)),
        ("2", "What flies away?", ()),
        ("3", "Which part of it cuts?", (KNIFE,)),
    ]
    assert [sample.kind for sample in samples] == ["mixed", "object", None, "part"]
    assert [sample.facts for sample in samples] == [{"entry": 0}] * 3 + [{"entry": 1}]
    assert [[other.label for other in sample.others] for sample in samples] == [
        [],
        ["mug:handle"],
        ["mug", "mug:handle"],
        [],
    ]


@pytest.mark.parametrize(
    ("name", "split"),
    [("MMR_val", "val"), ("MMR_train", "train"), ("MMR_test_part_only", "test_part_only"), ("other", None)],
)
def test_the_split_is_known_from_the_name(name: str, split: str | None, official: Path) -> None:
    path = (official / "mmr" / "MMR_val.json").rename(official / "mmr" / f"{name}.json")
    assert mmr.mmr(str(path), None).identity()["split"] == split


def test_answers_that_do_not_fit_the_questions_are_a_problem(official: Path) -> None:
    path = edited(official / "mmr" / "MMR_val.json", lambda file: file[0]["answers"].pop())
    problems = [sample.problem for sample in mmr.read(path, None)]
    assert [problem is None for problem in problems] == [False, False, False, True]
    assert "entry 0: expected a list of answers for each question" in str(problems[0])


def test_the_order_of_a_free_answer_counts_officially_and_not_in_ours() -> None:
    right = scored(ANSWERS)
    assert right["official"] == pytest.approx({"gIoU": 1.0, "cIoU": 1.0}, abs=1e-4)
    assert set(right["ours"].values()) == {1.0}
    turned = scored([(RIGHT, LEFT), *ANSWERS[1:]])
    assert turned["official"]["gIoU"] == pytest.approx(2 / 4, abs=1e-4)
    assert turned["ours"] == right["ours"]


def test_one_mask_too_many_moves_all_that_follow_officially_and_counts_as_one_mistake_in_ours() -> None:
    surplus = scored([(LEFT, RIGHT, KNIFE), *ANSWERS[1:]])
    assert surplus["official"]["gIoU"] == pytest.approx(3 / 4, abs=1e-4), "the second question gets the knife"
    assert surplus["ours"]["gIoU_matched"] == pytest.approx(4 / 5)
    assert surplus["ours"]["cIoU_matched"] == pytest.approx(52 / 64)


def test_an_image_without_an_answer_costs_nothing_officially_and_everything_in_ours() -> None:
    silent = scored([(), (), (), (KNIFE,)])
    assert silent["official"] == pytest.approx({"gIoU": 1.0, "cIoU": 1.0}, abs=1e-4)
    assert silent["ours"]["gIoU_matched"] == pytest.approx(1 / 4)


def test_what_is_answered_to_a_question_without_an_answer_is_not_scored_officially() -> None:
    wrong = scored([*ANSWERS[:2], (KNIFE,), ANSWERS[3]])
    assert wrong["official"] == pytest.approx({"gIoU": 1.0, "cIoU": 1.0}, abs=1e-4)
    assert wrong["ours"]["gIoU_matched"] == pytest.approx(4 / 5)
    assert wrong["ours"]["N_acc"] == 0.0
