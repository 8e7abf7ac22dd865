"""gRefCOCO: a ref whose `split` is no text is the problem of its samples."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from workbench.benchmarks.grefcoco import grefcoco
from workbench.data.errors import ConfigurationError

OFFICIAL = Path(__file__).parent / "official" / "grefcoco"


@pytest.mark.parametrize("odd", [["val"], {"val": 1}, [], 7, None])
def test_a_split_that_is_no_text_spoils_its_ref_alone(tmp_path: Path, odd: Any) -> None:
    place = Path(shutil.copytree(OFFICIAL, tmp_path / "files"))
    file = place / "grefs(unc).json"
    refs = json.loads(file.read_text())
    refs[0]["split"] = odd
    file.write_text(json.dumps(refs))
    samples = grefcoco(str(file), None).samples()
    lost = [sample for sample in samples if sample.problem]
    assert {sample.facts["ref_id"] for sample in lost} == {refs[0]["ref_id"]}
    assert all("expected a `split`, got" in str(sample.problem) for sample in lost)
    assert all(sample.facts["split"] == "val" for sample in grefcoco(str(file), None, split="val").samples())
    with pytest.raises(ConfigurationError, match=r"has no split 'test'; it has .*val"):
        grefcoco(str(file), None, split="test")
