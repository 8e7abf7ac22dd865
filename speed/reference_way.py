"""How the reference implementation of InstructSAM answers one instruction (DCDmllm/InstructSAM), on our weights.

Its own way, not its code: transformers' layers as they are, `generate()` of transformers with a key-value cache, a mask
and positions made anew from a two-dimensional mask at each token, slots fed in place of the token that closes a
phrase, and both vision encoders for each instruction. It answers what ours does (`tests/speed/test_reference_way.py`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast

from e2e.instructsam.model import InstructSAM, pad_phrases
from e2e.instructsam.predictor import Predictor
from e2e.single_pass.attention import INJECTED, step_mask
from e2e.single_pass.language import ImageTokens
from e2e.single_pass.predictor import mask_rles
from speed.scripted import ScriptedHead, ScriptedPredictor
from workbench.data.masks import Rle

if TYPE_CHECKING:
    from workbench.plugins.interfaces import Image


class Generating(InstructSAM, GenerationMixin):  # type: ignore[misc]
    """InstructSAM for `generate()`; `slot_states` are kept while it runs, `[1, K, D]` of each phrase."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.slot_states: list[Tensor] = []

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: Any = None,
        attention_mask: Tensor | None = None,
        image_tokens: ImageTokens | None = None,
        is_first_iteration: bool = False,
        **options: Any,
    ) -> dict[str, Any]:
        """What the next step reads; `attention_mask` counts the tokens that were written, not the slots."""
        del attention_mask, options
        seen = 0 if is_first_iteration else past_key_values.get_seq_length()
        ids = input_ids if is_first_iteration else input_ids[:, -1:]
        feeds = not is_first_iteration and int(ids[0, 0]) == self.config.ref_end_token_index
        embeddings = self.embed(ids)
        if feeds:
            start, end = self.config.seg_start_token_index, self.config.seg_end_token_index
            around = self.embed(torch.tensor([[start, end]], device=ids.device))
            embeddings = torch.cat([embeddings, around[:, :1], self.model.mask_queries[None], around[:, 1:]], dim=1)
        width = embeddings.shape[1]
        real = torch.ones(1, seen + width + feeds, dtype=torch.long, device=ids.device)
        return {
            "embeddings": embeddings,
            "attention_mask": step_mask(real[:, :seen].bool(), real[:, :width].bool(), [0 if feeds else None]),
            "position_ids": (real.cumsum(-1) - 1)[:, -width:].clone(),
            "past_key_values": past_key_values,
            "pictured": ids == self.config.image_token_id if is_first_iteration else None,
            "image_tokens": image_tokens if is_first_iteration else None,
        }

    def forward(
        self,
        embeddings: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        past_key_values: Any,
        pictured: Tensor | None = None,
        image_tokens: ImageTokens | None = None,
        **options: Any,
    ) -> CausalLMOutputWithPast:
        """One step."""
        seen: dict[str, Any] = {}
        if image_tokens is not None and pictured is not None:
            pixels, layers = image_tokens.select([0])
            embeddings = embeddings.masked_scatter(pictured[..., None], pixels.to(embeddings.dtype))
            seen = {"visual_pos_masks": pictured, "deepstack_visual_embeds": layers}
        hidden = self.model.language_model(
            inputs_embeds=embeddings,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=True,
            **seen,
        ).last_hidden_state
        if pictured is None and hidden.shape[1] == self.slots + INJECTED:
            self.slot_states.append(hidden[:, 2:-1])
        return CausalLMOutputWithPast(logits=self.lm_head(hidden[:, -1])[:, None], past_key_values=past_key_values)


class ReferenceWay:
    """A predictor's weights, run in the reference's way. The two share them."""

    def __init__(self, predictor: Predictor) -> None:
        """For the model as it is; one that is scripted writes its line."""
        self.predictor = predictor
        head: torch.nn.Module = predictor.model.lm_head
        if isinstance(predictor, ScriptedPredictor):
            head = ScriptedHead(head, predictor.line)
        with torch.device("meta"):
            self.model = Generating(predictor.model.config).eval()
        self.model.model, self.model.lm_head = predictor.model.model, head
        self.model.generation_config.eos_token_id = predictor.processor.end_token
        self.model.generation_config.pad_token_id = predictor.processor.end_token

    def answer(self, image: "Image", instruction: str) -> tuple[list[int], list[tuple[Rle, float]]]:
        """The token ids of an answer, and a mask and score for each slot of each phrase."""
        model, processor = self.model, self.predictor.processor
        model.slot_states = []
        device = self.predictor.model.device
        patches, grids = processor.qwen_images([image])
        text = self.predictor.prompt.replace("{instruction}", instruction)
        frames, rows, columns = grids[0].tolist()
        prompt = torch.tensor([processor.prompt(text, (frames, rows, columns))], device=device)
        with stock_layers(self.predictor.model):
            tokens = model.encode_images(patches.to(device, self.predictor.model.dtype), grids.to(device))
            written = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                image_tokens=tokens,
                do_sample=False,
                max_new_tokens=self.predictor.max_new_tokens,
            )[0, prompt.shape[1] :].tolist()
            if not model.slot_states:
                return written, []
            pixels = processor.sam_images([image]).to(device, self.predictor.model.dtype)
            vision = self.predictor.model.detector.encode(pixels)
            ids, mask = pad_phrases(phrases_of(written, model.config), device)
            index = torch.zeros(len(ids), dtype=torch.long, device=device)
            found = self.predictor.model.detect(vision, index, ids, mask, torch.cat(model.slot_states))
        height, width = image.shape[:2]
        scores = found.logits.float().sigmoid().flatten().tolist()
        return written, list(zip(mask_rles(found.mask_logits.flatten(0, 1), height, width), scores, strict=True))


class stock_layers:  # noqa: N801
    """Run transformers' own layers inside the block: ours take the short way only where no gradients are wanted. The
    weights want none either, so that none are kept."""

    def __init__(self, model: torch.nn.Module) -> None:
        model.requires_grad_(False)
        self.enabled = torch.enable_grad()

    def __enter__(self) -> None:
        self.enabled.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.enabled.__exit__(*error)


def phrases_of(tokens: Sequence[int], config: Any) -> list[list[int]]:
    """Each phrase of an answer with both of its markers."""
    found: list[list[int]] = []
    opened: int | None = None
    for place, token in enumerate(tokens):
        if token == config.ref_start_token_index and opened is None:
            opened = place
        if token == config.ref_end_token_index and opened is not None:
            found.append(list(tokens[opened : place + 1]))
            opened = None
    return found
