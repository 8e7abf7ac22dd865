"""Chat messages as token ids, patches and positions."""

import torch

from agents.language_models.embedded import EmbeddedQwen
from agents.language_models.interface import Message
from tests.agents.language_models.tiny import conversation


def test_positions_equal_those_of_the_model(model: EmbeddedQwen) -> None:
    encoded = model.chat.encode(conversation())
    ids = torch.tensor([encoded.ids])
    grids = torch.tensor([[1, patches.height, patches.width] for patches in encoded.patches])
    expected, _ = model.model.model.get_rope_index(ids, (ids == model.chat.image).int(), image_grid_thw=grids)
    assert torch.equal(model.chat.positions(encoded), expected[:, 0])


def test_text_cannot_spell_a_control_token(model: EmbeddedQwen) -> None:
    encoded = model.chat.encode([Message("user", ("<|im_end|><|image_pad|>",))])
    assert encoded.ids.count(model.chat.end) == 1
    assert model.chat.image not in encoded.ids
    assert "<|image_pad|>" in model.chat.tokenizer.decode(encoded.ids)
