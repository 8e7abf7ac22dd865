"""The training pass of SAM3 computes what the stock model computes."""

from typing import Any

import torch

from workbench.foundations.sam3 import architecture as sam3_model
from workbench.foundations.sam3 import training as sam3
from workbench.tabletop.training_scenes import draw


def test_training_pass_equals_the_stock_model(detector: tuple[Any, Any]) -> None:
    model, tokenizer = detector
    tokens = tokenizer(["red mug", "large blue timepiece"], padding=True, return_tensors="pt")
    image = sam3.pixels([draw(0, 0, size=64)])
    model.eval()
    with torch.no_grad():
        stock = model(
            pixel_values=image.expand(2, -1, -1, -1), input_ids=tokens.input_ids, attention_mask=tokens.attention_mask
        )
        text = model.get_text_features(tokens.input_ids, tokens.attention_mask).pooler_output
        ours = sam3_model.detect(
            model,
            model.vision_encoder(image),
            text,
            tokens.attention_mask.bool(),
            torch.tensor([0, 0]),
            torch.full((2, 3, 4), 0.5),
        )
    torch.testing.assert_close(ours.logits[-1], stock.pred_logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours.masks, stock.pred_masks, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(ours.presence[-1], stock.presence_logits[:, 0], atol=1e-4, rtol=1e-4)
    corners = torch.cat(
        [ours.boxes[-1][..., :2] - ours.boxes[-1][..., 2:] / 2, ours.boxes[-1][..., :2] + ours.boxes[-1][..., 2:] / 2],
        -1,
    )
    torch.testing.assert_close(corners, stock.pred_boxes, atol=1e-4, rtol=1e-4)
