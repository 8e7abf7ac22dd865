"""The configuration of a checkpoint."""

import json
from pathlib import Path

import pytest
import torch

from e2e.instructsam.config import load_config, published_config
from e2e.instructsam.model import InstructSAM
from tests.golden_cases import golden_cases
from workbench.data.errors import ConfigurationError


@pytest.mark.golden
@pytest.mark.parametrize("path", golden_cases("instructsam", "published_2b_tensors.json"), ids=lambda path: path.stem)
def test_the_published_model_has_these_tensors(path: Path) -> None:
    with torch.device("meta"):
        model = InstructSAM(published_config())
    assert {name: list(tensor.shape) for name, tensor in model.state_dict().items()} == json.loads(path.read_text())


def test_without_a_detector_configuration_it_is_sam3s(folder: Path) -> None:
    (folder / "mask_decoder_model" / "config.json").unlink()
    record = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**record, "out_dim": 256, "mask_decoder_model": "somewhere/sam3"}))
    config = load_config(folder)
    assert config.sam3_config.vision_config.image_size == 1008
    assert config.sam3_config.detr_decoder_config.num_queries == 4


def test_a_folder_without_configuration_is_named(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(ConfigurationError, match=r"no config\.json"):
        InstructSAM.from_pretrained(folder)
