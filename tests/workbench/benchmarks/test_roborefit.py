"""RoboRefIt, on small files in the layouts that are published."""

from pathlib import Path

from tests.workbench.benchmarks.layouts import KNIFE, LEFT, OFFICIAL, RIGHT, asked
from workbench.benchmarks import roborefit


def test_roborefit_has_masks_from_files_and_boxes_in_whole_pixels() -> None:
    folder = OFFICIAL / "roborefit"
    samples = list(roborefit.read(folder / "final_dataset/testA/roborefit_testA.json", folder))
    assert asked(samples) == [
        ("0", "the black mug on the left", (LEFT,)),
        ("1", "give me the box", (RIGHT,)),
        ("2", "the knife", (KNIFE,)),
    ]
    assert [sample.boxes for sample in samples] == [((1, 1, 3, 4),), ((8, 2, 4, 4),), ((5, 5, 12, 2),)]
    assert samples[2].facts == {"num": 2, "scene": "drawer"}
    assert samples[0].image_path == folder / "final_dataset/testA/image/0000000.png"
    assert samples[0].image_id == samples[1].image_id == "final_dataset/testA/image/0000000.png"


def test_roborefit_finds_its_masks_where_no_image_folder_is_given() -> None:
    assert len(asked(list(roborefit.read(OFFICIAL / "roborefit/final_dataset/testA/roborefit_testA.json", None)))) == 3


def test_roborefit_without_a_mask_file(official: Path) -> None:
    (official / "roborefit/final_dataset/testA/mask/0000000/02.png").unlink()
    found = list(
        roborefit.read(official / "roborefit/final_dataset/testA/roborefit_testA.json", official / "roborefit")
    )
    assert [sample.problem is None for sample in found] == [True, False, True]
    assert found[1].problem is not None
    assert found[1].problem.startswith("roborefit_testA.json: sample 1: entry 1: there is no mask ")


def test_roborefit_of_instructsam() -> None:
    folder = OFFICIAL / "roborefit"
    samples = list(roborefit.read(folder / "roborefit_testA_qa.json", folder))
    assert asked(samples) == [("0", "The black mug on the left.", (LEFT,)), ("1", "the knife", (KNIFE,))]
    assert samples[0].boxes == ()
