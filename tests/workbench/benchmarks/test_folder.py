"""Pictures with a table of instructions, read without a schema; whatever does not fit is named by its row."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import photos
from workbench.benchmarks.check import check
from workbench.benchmarks.folder import folder
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample


@pytest.fixture
def own(tmp_path: Path) -> Path:
    photos.save(photos.CANTEEN, tmp_path / "canteen.jpg")
    photos.write_masks(photos.CANTEEN, tmp_path / "masks")
    return tmp_path


def table(own: Path, text: str, name: str = "instructions.csv") -> list[Sample]:
    (own / name).write_text(text, encoding="utf-8")
    return list(folder(str(own)).samples())


def test_all_instructions_of_the_photographs_have_their_masks(tmp_path: Path) -> None:
    samples = list(folder(str(photos.write(tmp_path))).samples())
    assert len(samples) == len(photos.INSTRUCTIONS) >= 40
    assert {count: sum(s.target_count == count for s in samples) for count in ("0", "1", ">=2")} == {
        "0": 9, "1": 22, ">=2": 13,
    }  # fmt: skip
    for sample, (photo, instruction, chosen) in zip(samples, photos.INSTRUCTIONS, strict=True):
        assert (sample.problem, sample.instruction) == (None, instruction)
        assert sample.targets == tuple(masks.encode(photos.instances(photo)[n]) for n in chosen)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_commas_semicolons_and_tabs_separate_columns(own: Path, separator: str) -> None:
    rows = [["Image ", "Instruction", "Masks"], ["canteen.jpg", "a hat; the black one", '"masks/canteen-16.png"']]
    quoted = [f'"{value}"' if separator in value and '"' not in value else value for value in rows[1]]
    (sample,) = table(own, "\ufeff" + "\r\n".join(separator.join(row) for row in (rows[0], quoted)) + "\r\n\r\n")
    assert (sample.instruction, len(sample.targets)) == ("a hat; the black one", 1)


def test_a_star_stands_for_several_masks_and_an_empty_cell_for_none(own: Path) -> None:
    one, none = table(own, "image,instruction,masks\ncanteen.jpg,ten,masks/canteen-1*.png\ncanteen.jpg,a dog,\n")
    assert len(one.targets) == 10  # 1 and 10 to 18
    assert (none.targets, none.has_truth) == ((), True)


def test_a_table_without_truth_is_asked_and_not_scored(own: Path) -> None:
    (sample,) = table(own, "image,instruction,kind\ncanteen.jpg,the bottle,thing\n")
    assert (sample.has_truth, sample.kind) == (False, "thing")


def test_json_takes_run_lengths_and_polygons_beside_files(own: Path) -> None:
    rle = masks.encode(photos.instances(photos.CANTEEN)[0])
    rows = [
        {"image": "canteen.jpg", "instruction": "all", "masks": [rle, [10, 10, 60, 10, 60, 60], "masks/canteen-9.png"]},
        {"image": "canteen.jpg", "instruction": "none", "masks": []},
        {"image": "canteen.jpg", "instruction": "unknown"},
    ]
    several, none, unknown = table(own, json.dumps(rows), "instructions.json")
    assert several.targets[0] == rle and len(several.targets) == 3
    assert (none.targets, none.problem) == ((), None)
    assert unknown.problem == (
        "instructions.json: sample 2: row 3: expected masks, as other rows have, or an empty list"
    )


def test_the_identity_is_that_of_all_files_that_say_what_is_right(own: Path) -> None:
    (own / "instructions.csv").write_text("image,instruction,masks\ncanteen.jpg,a bottle,masks/canteen-0.png\n")
    before = folder(str(own)).identity()
    assert before == folder(str(own)).identity()
    (own / "masks/canteen-1.png").write_bytes((own / "masks/canteen-2.png").read_bytes())
    assert before == folder(str(own)).identity()  # not asked for
    (own / "masks/canteen-0.png").write_bytes((own / "masks/canteen-2.png").read_bytes())
    assert before != folder(str(own)).identity()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,instruction,mask\n", "unknown column 'mask'"),
        ("image,text\na,b\n", "unknown column 'text'"),
        ("image,masks\ncanteen.jpg,\n", "got no instruction"),
        ("image,instruction,image\n", "different names"),
        ("", "empty"),
        ("\n;;\n", "empty"),
        ('image,instruction\na,b\na,"b\n', "line 3: expected CSV"),
    ],
)
def test_a_table_that_is_none_is_refused(own: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        table(own, text)


def test_a_folder_without_a_table_or_with_two_is_refused(own: Path) -> None:
    with pytest.raises(ConfigurationError, match="got none of them"):
        folder(str(own))
    (own / "instructions.json").write_text("[]")
    with pytest.raises(ConfigurationError, match=r"got instructions\.csv and instructions\.json"):
        table(own, "image,instruction\n")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("there.jpg,a bottle,", "image not found"),
        ("../canteen.jpg,a bottle,", "does not lie in the image folder"),
        ("canteen.jpg,,", "instruction: expected a text"),
        ("canteen.jpg,a bottle,masks/none.png", "there is no file"),
        ("canteen.jpg,a bottle,masks/none*.png", "no file is called"),
        ("canteen.jpg,a bottle,masks/small.png", "small.png has 30x20 pixels, but the picture, upright, 500x375"),
        ("canteen.jpg,a bottle,masks/map.png", "expected the mask of one object"),
        ("canteen.jpg,a bottle,canteen.jpg", "expected the mask of one object"),
        ("canteen.jpg,a bottle,instructions.csv", "expected JPEG"),
        ("canteen.jpg,a bottle", "expected a value for each column"),
    ],
)
def test_a_row_that_does_not_fit_is_the_problem_of_its_sample(own: Path, row: str, message: str) -> None:
    Image.new("L", (30, 20), 255).save(own / "masks/small.png")
    Image.fromarray(photos.instances(photos.CANTEEN)[:3].argmax(axis=0).astype(np.uint8)).save(own / "masks/map.png")
    broken, whole = table(own, f"image,instruction,masks\n{row}\ncanteen.jpg,the bottle,masks/canteen-0.png\n")
    assert message in str(broken.problem) and "row 2" in str(broken.problem)
    assert whole.problem is None


@pytest.mark.parametrize("how", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_masks_are_read_in_any_mode(own: Path, how: str) -> None:
    inside = photos.instances(photos.CANTEEN)[0]
    if how == "I;16":
        Image.fromarray(inside.astype(np.uint16)).save(own / "masks/one.png")
    elif how == "RGBA":  # white, and seen through where the object is not
        pixels = np.full((*inside.shape, 4), 255, dtype=np.uint8)
        pixels[..., 3] = inside * 255
        Image.fromarray(pixels).save(own / "masks/one.png")
    else:
        Image.fromarray(inside.astype(np.uint8) * 7).convert("L" if how == "1" else how).point(
            lambda value: 255 if value else 0
        ).convert(how).save(own / "masks/one.png")
    (sample,) = table(own, "image,instruction,masks\ncanteen.jpg,the bottle,masks/one.png\n")
    assert sample.targets == (masks.encode(inside),), sample.problem


def test_a_mask_that_may_be_inverted_is_pointed_out(own: Path) -> None:
    inside = photos.instances(photos.CANTEEN)[0]
    Image.fromarray(np.where(inside, 0, 255).astype(np.uint8)).save(own / "masks/inverted.png")
    rows = "canteen.jpg,the bottle,masks/inverted.png\ncanteen.jpg,it again,masks/inverted.png\n"
    (own / "instructions.csv").write_text(f"image,instruction,masks\n{rows}canteen.jpg,all,masks/canteen-9.png\n")
    found = check(folder(str(own)))
    assert found.problems == () and found.usable == 3
    assert [note.problem for note in found.notes] == [
        "it covers all four corners: 0 is outside of the object, so see whether it is inverted"
    ]
