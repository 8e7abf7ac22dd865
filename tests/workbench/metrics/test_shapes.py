"""Where a benchmark annotates boxes, answers are compared by their boxes: metrics, failures and the recall funnel."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.data.boxes import Box, rectangle
from workbench.data.masks import encode
from workbench.data.predictions import Candidate, Instance, Prediction
from workbench.data.samples import Sample, SceneObject, sample_from_json, sample_to_json
from workbench.failures.funnel import funnel
from workbench.failures.taxonomy import diagnose
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.scoring.oracles import derived, unavailable

HEIGHT, WIDTH = 40, 60


def drawn(box: Box) -> SceneObject:
    return SceneObject(rectangle(box, HEIGHT, WIDTH), "other")


def asked(*boxes: Box, others: tuple[Box, ...] = (), crowds: tuple[Box, ...] = ()) -> Sample:
    targets = tuple(rectangle(box, HEIGHT, WIDTH) for box in boxes)
    one = Sample("a", "a.png", Path("a.png"), WIDTH, HEIGHT, "cups", targets, boxes=boxes, only_boxes=True)
    facts = {"crowds": [list(box) for box in crowds]} if crowds else {}
    return replace(one, others=tuple(map(drawn, others)), facts=facts)


def found(*boxes: Box) -> tuple[Instance, ...]:
    return tuple(Instance(rectangle(box, HEIGHT, WIDTH), 0.9, box) for box in boxes)


def compared(sample: Sample, answer: Prediction) -> SampleOverlap:
    (overlap,) = overlaps([sample], [answer])
    return overlap


def test_a_mask_is_as_good_as_its_box() -> None:
    """The diagonal of a target covers a tenth of it, and its box is the target."""
    mask = rectangle((0, 0, 0, 0), HEIGHT, WIDTH)
    assert compared(asked((5, 5, 10, 10)), Prediction("a", (Instance(mask, 0.9),))).iou.tolist() == [[0.0]]
    pixels = np.zeros((HEIGHT, WIDTH), dtype=bool)
    pixels[range(5, 15), range(5, 15)] = True
    overlap = compared(asked((5, 5, 10, 10)), Prediction("a", (Instance(encode(pixels), 0.9),)))
    assert overlap.iou.tolist() == [[1.0]]
    assert (overlap.intersection, overlap.union, overlap.sizes.tolist()) == (100, 100, [100.0])


def test_a_system_s_own_box_counts_before_that_of_its_mask() -> None:
    whole = rectangle((0, 0, 60, 40), HEIGHT, WIDTH)
    overlap = compared(asked((5, 5, 10.5, 10)), Prediction("a", (Instance(whole, 0.9, (5, 5, 5.25, 10)),)))
    assert overlap.iou.tolist() == [[pytest.approx(0.5)]]
    assert overlap.areas.tolist() == [52.5]


def test_crowds_absorb_boxes() -> None:
    overlap = compared(asked(crowds=((0, 0, 30, 30),)), Prediction("a", found((25, 0, 10, 10))))
    assert overlap.cover_crowds.tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("boxes", "category"),
    [
        (((5, 5, 10, 10),), "matched"),
        (((30, 5, 10, 10),), "wrong_instance"),
        (((8, 8, 10, 10),), "poor_localisation"),
        (((45, 30, 5, 5),), "background"),
    ],
)
def test_failures_are_those_of_boxes(boxes: tuple[Box, ...], category: str) -> None:
    overlap = compared(asked((5, 5, 10, 10), others=((30, 5, 10, 10),)), Prediction("a", found(*boxes)))
    assert diagnose(overlap).instances == (category,)


def test_the_funnel_follows_the_boxes_of_dropped_masks() -> None:
    seen = Candidate(rectangle((5, 5, 10, 10), HEIGHT, WIDTH), 0.4, "rejected")
    reached = funnel([compared(asked((5, 5, 10, 10)), Prediction("a", candidates=(seen,)))])
    assert (reached["targets"], reached["survived_suppression"], reached["survived_checking"]) == (1, 1, 0)


def test_perfect_parts_choose_by_boxes_and_no_checker_judges_masks_by_them() -> None:
    sample = asked((5, 5, 10, 10))
    unselected = Candidate(rectangle((5, 5, 10, 10), HEIGHT, WIDTH), 0.4, "unselected")
    answer = Prediction("a", found((45, 30, 5, 5)), candidates=(unselected,))
    (chosen,) = derived("selector", [sample], [answer])
    assert [instance.mask for instance in chosen.instances] == [unselected.mask]
    assert "boxes" in str(unavailable("checker", [sample]))
    assert unavailable("checker", [replace(sample, only_boxes=False)]) is None


def test_the_mark_is_stored_where_it_is_set() -> None:
    sample = asked((5, 5, 10.5, 10), crowds=((0, 0, 3, 3),))
    stored = json.loads(json.dumps(sample_to_json(sample, Path("/"))))
    assert sample_from_json(stored, Path()).only_boxes
    assert sample_from_json(stored, Path()).boxes == sample.boxes
    assert "only_boxes" not in sample_to_json(replace(sample, only_boxes=False), Path("/"))
