"""Files in the layout of COCO: entries without an id, and ids that stand twice."""

import json
from pathlib import Path

import pytest

from workbench.benchmarks.coco import coco
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError


@pytest.mark.parametrize("odd", [1.5, float("nan"), True, 1e300, "one"])
def test_annotations_without_a_whole_id_are_left_out_by_name_wherever_they_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], odd: object
) -> None:
    mask = {"size": [4, 5], "counts": [2, 6, 12]}
    entries = [
        {"id": i, "image_id": image, "category_id": 1, "iscrowd": 0, "area": 6, "segmentation": mask}
        for i, image in enumerate([1, odd])
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": 4, "width": 5}],
        "annotations": entries,
        "categories": [{"id": 1, "name": "cup"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    (tmp_path / "p.jsonl").write_text(json.dumps({"sample_id": 0, "instances": [{"mask": mask, "score": 1}]}))
    arguments = ["--annotations", str(tmp_path / "a.json"), "--predictions", str(tmp_path / "p.jsonl")]
    assert main(["score", "--protocol", "coco/ap", *arguments, "--json"]) == 0
    said = capsys.readouterr()
    (remark,) = json.loads(said.out)["remarks"]
    assert remark.startswith("a.json: annotation 1 is left out: expected an `image_id`, got ")
    assert f"coco: {remark}" in said.err


@pytest.mark.parametrize("place", ["coco"], indirect=True)
def test_a_key_that_stands_twice_is_refused_by_name(place: Path) -> None:
    """Else one of the two values would be taken, without a word."""
    file = place / "instances.json"
    file.write_text(file.read_text().replace('"image_id":', '"image_id": 7, "image_id":', 1))
    with pytest.raises(ConfigurationError, match=r"instances.json: .*the key 'image_id' is there twice"):
        coco(file, None).samples()
