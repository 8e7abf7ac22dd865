"""The [SEG] token models: masks belong to their image, checkpoints are sound or refused."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from e2e.options import ManyMasksOptions, OneMaskOptions
from e2e.segtoken.config import Tokens
from e2e.segtoken.model import ENCODER, SegToken
from e2e.segtoken.predictor import Predictor
from e2e.segtoken.training import train as training
from e2e.systems import multi_seg_tiny, seg_token_tiny
from tests.e2e.conftest import SIDE
from tests.e2e.segtoken.scripted import make, says
from workbench.data.errors import ConfigurationError
from workbench.data.masks import decode

IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
BOTH: Sequence[Tokens] = ("one", "many")


def test_masks_belong_to_the_image_of_their_token(many: Predictor) -> None:
    model = many.model
    vision = model.detector.encode(many.processor.sam_images([IMAGE, IMAGE[::-1].copy()]))
    states = torch.randn(5, model.config.text_config.hidden_size, generator=torch.Generator().manual_seed(0))
    index = torch.tensor([1, 0, 1, 1, 0])
    with torch.no_grad():
        together = model.masks(vision, index, states)
        for n in range(5):
            alone = model.masks(vision, index[n : n + 1], states[n : n + 1])
            torch.testing.assert_close(together[n], alone[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("tokens", BOTH)
def test_a_checkpoint_answers_as_what_was_saved_and_holds_no_vision_encoder_of_sam3(
    tokens: Tokens, qwen_folder: Path, sam3_folder: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    made = make(qwen_folder, sam3_folder, tokens)
    training.save(made.model.half().float(), made.processor, tmp_path)
    assert not [name for name in load_file(tmp_path / "model.safetensors") if name.startswith(ENCODER)]
    loaded = Predictor.from_pretrained(tmp_path, sam3_folder, max_new_tokens=12, max_masks=4, smallest=1)
    says(made, ("mug", 2))
    says(loaded, ("mug", 2))
    # the vision encoder was halved in memory, but is read as its checkpoint has it
    answers = [p.segment_instructions([IMAGE], [["mugs"]])[0][0] for p in (made, loaded)]
    assert answers[0].phrases == answers[1].phrases
    for before, after in zip(answers[0].instances, answers[1].instances, strict=True):
        assert (decode(before.mask) != decode(after.mask)).mean() < 0.02


def test_another_sam3_and_broken_checkpoints_are_refused(many: Predictor, sam3_folder: Path, tmp_path: Path) -> None:
    training.save(many.model, many.processor, tmp_path / "tiny")
    other = tmp_path / "sam3"
    shutil.copytree(sam3_folder, other)
    record = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**record, "other": 1}))
    with pytest.raises(ConfigurationError, match="belongs to the SAM3 checkpoint of digest"):
        SegToken.from_pretrained(tmp_path / "tiny", other)
    with pytest.raises(ConfigurationError, match="trained with tokens: many, expected tokens: one"):
        seg_token_tiny(OneMaskOptions(str(tmp_path / "tiny"), str(sam3_folder)))
    with pytest.raises(ConfigurationError, match="max_masks: expected a whole number of at least 1, got 0"):
        multi_seg_tiny(ManyMasksOptions(str(tmp_path / "tiny"), str(sam3_folder), max_masks=0))
    (tmp_path / "tiny" / "model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match="no weights"):
        SegToken.from_pretrained(tmp_path / "tiny", sam3_folder)
