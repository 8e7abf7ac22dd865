"""What can be done with an answer."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from tests.workbench.asking.asked import answered
from workbench.asking.answer import Answers
from workbench.data.predictions import Prediction


def test_an_answer_has_its_instances_in_numbers() -> None:
    answer = answered()
    first, second = answer.found
    assert (first.number, first.score, first.box, first.area) == (1, 0.9, (20.0, 15.0, 20.0, 15.0), 300)
    assert first.share == 300 / 4800 and second.score == 0.65
    assert answer.seconds == 0.05 and answer.phrases == ("red box",) and answer.calls == ()
    assert repr(answer) == "Answer(toy: 2 instances in 50 ms, 0 calls)"


def test_masks_are_an_array_even_where_there_is_none() -> None:
    assert answered().masks().shape == (2, 60, 80) and answered().masks().sum() == 600
    assert answered(instances=0).masks().shape == (0, 60, 80)


def test_coco_results_are_read_by_pycocotools() -> None:
    one, _ = answered().to_coco(image_id=17)
    assert one["image_id"] == 17 and one["category_id"] == 1 and one["bbox"] == [20.0, 15.0, 20.0, 15.0]
    assert coco.area(one["segmentation"]) == 300
    json.dumps(one)


def test_a_saved_answer_is_complete_and_replaces_an_earlier_one(tmp_path: Path) -> None:
    answered(instances=3).save(tmp_path / "a")
    answered().save(tmp_path / "a")
    assert sorted(path.name for path in (tmp_path / "a" / "masks").iterdir()) == ["1.png", "2.png"]
    assert Image.open(tmp_path / "a" / "overlay.png").size == (80, 60)
    mask = np.asarray(Image.open(tmp_path / "a" / "masks" / "1.png"))
    assert set(np.unique(mask)) == {0, 255} and (mask == 255).sum() == 300
    assert len(json.loads((tmp_path / "a" / "coco.json").read_text())) == 2


def test_a_failed_answer_says_why_and_has_no_instances() -> None:
    failed = replace(answered(), prediction=Prediction("s", outcome="timed_out", message="no <answer> within 3 s"))
    assert not failed.ok and failed.instances == () and failed.to_coco() == []
    assert repr(failed) == "Answer(toy: failed (timed out), 0 calls)"
    assert "no &lt;answer&gt; within 3 s" in failed._repr_html_()
    assert failed.overlay().size == (80, 60)


def test_several_answers_stand_side_by_side() -> None:
    both = Answers({"a": answered("a"), "b": answered("b", 0, colour="#d4692a", knows="boxes only")})
    assert list(both) == ["a", "b"] and both["b"].found == [] and len(both.warnings) == 1
    width, height = both.overlay().size
    assert width > 2 * 480 and height > 360, "a small picture is enlarged"
    assert repr(both) == "Answers('the red box'; a: 2 instances in 50 ms, 0 calls; b: 0 instances in 50 ms, 0 calls)"
    shown = both._repr_html_()
    assert shown.count("<img") == 1 and "data:image/jpeg;base64," in shown and "20, 15, 20, 15" in shown
    assert "What b knows: boxes only. Answers" in shown


def test_several_answers_are_saved_together(tmp_path: Path) -> None:
    Answers({"a": answered("a"), "b": answered("b")}).save(tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png")}
    assert {"answers.png", "a/overlay.png", "b/masks/2.png"} <= found
