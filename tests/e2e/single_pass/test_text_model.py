"""The language model's short way gives the states of transformers' own."""

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from e2e.instructsam.predictor import Predictor
from e2e.single_pass.text_model import ROOM, KeyValues


def run(predictor: Predictor, steps: list[Tensor], positions: list[Tensor], short: bool) -> list[Tensor]:
    """The states of steps that are fed one after the other."""
    model = predictor.model.model.language_model
    cache = KeyValues(model.config, torch.empty(0)) if short else DynamicCache(config=model.config)
    found, seen = [], 0
    for step, places in zip(steps, positions, strict=True):
        width = step.shape[1]
        mask = torch.ones(seen + width, seen + width, dtype=torch.bool).tril()[None, None, -width:]
        options = {} if short else {"attention_mask": mask, "use_cache": True}
        with torch.no_grad():
            out = model(inputs_embeds=step.clone(), position_ids=places, past_key_values=cache, **options)
        found.append(out.last_hidden_state)
        seen += width
    return found


@pytest.mark.parametrize("axes", [1, 3], ids=["counted", "m-rope"])
def test_steps_give_the_same_states_also_when_the_room_is_used_up(predictor: Predictor, axes: int) -> None:
    torch.manual_seed(0)
    widths = [7] + [1] * (ROOM + 3)
    steps = [torch.randn(2, width, 48) for width in widths]
    counted = torch.arange(sum(widths)).expand(2, -1)
    places = [counted if axes == 1 else torch.stack([counted, counted // 2, counted % 5])][0].split(widths, dim=-1)
    ours, theirs = (run(predictor, steps, list(places), short) for short in (True, False))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("last", [1, 2, 5])
def test_the_last_states_alone_are_the_last_of_all(predictor: Predictor, last: int) -> None:
    model = predictor.model.model.language_model
    step, places = torch.randn(2, 9, 48), torch.arange(9).expand(2, -1)

    def states(**options: int) -> Tensor:
        cache = KeyValues(model.config, torch.empty(0))
        with torch.no_grad():
            found: Tensor = model(
                inputs_embeds=step.clone(), position_ids=places, past_key_values=cache, **options
            ).last_hidden_state
        return found

    torch.testing.assert_close(states(last=last), states()[:, -last:], atol=2e-5, rtol=1e-5)


def test_selected_rows_keep_their_keys(predictor: Predictor) -> None:
    config = predictor.model.config.text_config
    cache = KeyValues(config, torch.empty(0))
    cache.make_room(2, 3)
    keys = torch.randn(2, config.num_key_value_heads, 3, config.head_dim)
    cache.put(0, keys, -keys)
    cache.length = 3
    cache.batch_select_indices(torch.tensor([1, 1, 0]))
    assert torch.equal(cache.keys[0, :, :, :3], keys[[1, 1, 0]])
    assert torch.equal(cache.values[0, :, :, :3], -keys[[1, 1, 0]])
