"""InstructSAM's detector against the official one: inside, and its masks."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from e2e.instructsam.model import InstructSAM, pad_phrases
from e2e.single_pass.predictor import mask_rles
from tests.e2e.goldens import LOGITS, assert_close
from tests.e2e.instructsam.reference import Run, detect
from workbench.data.masks import area, union

pytestmark = pytest.mark.golden


def test_the_detector_goes_the_same_way_inside(answered: list[Run]) -> None:
    for run in answered:
        with recorded(run.case.model) as inside:
            detect(run)
        assert_close(inside["vision"][0], run.output("vision_last_hidden_state"))
        assert_close(inside["encoder"][0], run.output("detr_encoder_last_hidden_state"))
        assert_close(torch.stack(inside["queries"]), run.output("detr_decoder_intermediate_hidden_states"))
        assert_close(torch.stack(inside["boxes"]), run.output("detr_decoder_reference_boxes"))


def test_masks_after_post_processing_are_the_same(answered: list[Run]) -> None:
    for run in answered:
        found = detect(run)
        scores = found.logits.sigmoid().flatten()
        masks = found.mask_logits.flatten(0, 1)
        for expected in run.case.facts["infer"][run.name]["eval_post"]:
            kept = scores > expected["threshold"]
            rles = mask_rles(masks[kept], *expected["size"])
            assert rles == expected["pred_rles"]
            assert scores[kept].tolist() == pytest.approx(expected["pred_scores"], abs=2e-4)
            assert (area(union(rles)) if rles else 0) == expected["union_area"]


@torch.no_grad()
def test_phrases_of_several_images_in_one_batch_get_their_own_masks(answered: list[Run]) -> None:
    model = answered[0].case.model
    vision = model.detector.encode(torch.stack([run.input("sam_image") for run in answered]))
    ids, mask = pad_phrases([phrase for run in answered for phrase in run.written.phrases])
    owner = torch.tensor([number for number, run in enumerate(answered) for _ in run.written.phrases])
    states = torch.cat([run.written.slot_states for run in answered])
    together = model.detect(vision, owner, ids, mask, states)
    for number, run in enumerate(answered):
        assert_close(together.mask_logits[owner == number], run.output("pred_masks"), LOGITS)
        assert_close(together.logits[owner == number], run.output("pred_logits_raw"))


@contextmanager
def recorded(model: InstructSAM) -> Iterator[dict[str, list[Tensor]]]:
    """What the parts of the detector put out while the block runs."""
    inside: dict[str, list[Tensor]] = {"vision": [], "encoder": [], "queries": [], "boxes": []}
    detector = model.detector
    watched: list[tuple[str, nn.Module]] = [
        ("vision", detector.vision_encoder),
        ("encoder", detector.detr_encoder),
        ("queries", detector.detr_decoder.output_layer_norm),
    ]
    hooks = [
        module.register_forward_hook(
            lambda _module, _args, out, name=name: inside[name].append(getattr(out, "last_hidden_state", out))
        )
        for name, module in watched
    ]
    bias = detector.detr_decoder._get_rpb_matrix
    detector.detr_decoder._get_rpb_matrix = lambda boxes, grid: (inside["boxes"].append(boxes), bias(boxes, grid))[1]
    try:
        yield inside
    finally:
        del detector.detr_decoder._get_rpb_matrix
        for hook in hooks:
            hook.remove()
