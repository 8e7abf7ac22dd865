"""Prompts of the official code with everything that it computed for them, and what ours computes."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from e2e.instructsam.detector import Detections
from e2e.instructsam.generation import Generated, generate
from e2e.instructsam.model import pad_phrases
from e2e.single_pass.decoding import Prompt
from tests.e2e.goldens import Case

MAX_NEW_TOKENS = 24


@dataclass(frozen=True)
class Run:
    """What one prompt of a case made of our model; `steps` are the language model's calls and their hidden states."""

    case: Case
    name: str
    written: Generated
    steps: list[tuple[dict[str, Any], Tensor]]
    logits: list[Tensor]

    def input(self, name: str) -> Tensor:
        return self.case.inputs[f"{self.name}.{name}"]

    def output(self, name: str) -> Tensor:
        return self.case.outputs[f"{self.name}.{name}"]


def case_has_no_masks(run: Run) -> bool:
    return bool(run.case.facts["infer"][run.name]["pred_masks_is_none"])


def answer(case: Case, name: str) -> Run:
    steps: list[tuple[dict[str, Any], Tensor]] = []
    logits: list[Tensor] = []
    model = case.model
    hooks = [
        model.model.language_model.register_forward_hook(
            lambda _module, _args, options, out: steps.append((options, out.last_hidden_state)), with_kwargs=True
        ),
        model.lm_head.register_forward_hook(lambda _module, _args, out: logits.append(out)),
    ]
    with torch.no_grad():
        images = model.encode_images(case.inputs[f"{name}.pixel_values"], case.inputs[f"{name}.image_grid_thw"])
    prompt = Prompt(case.inputs[f"{name}.input_ids"][0].tolist(), 0)
    written = generate(
        model,
        [prompt],
        images,
        end_token=model.config.text_config.eos_token_id,
        max_new_tokens=MAX_NEW_TOKENS,
    )[0]
    for hook in hooks:
        hook.remove()
    return Run(case, name, written, steps, logits)


def mask_of(options: dict[str, Any]) -> Tensor:
    """The mask that a step of the language model was given; none says that each token attends to all before it."""
    if options["attention_mask"] is not None:
        mask: Tensor = options["attention_mask"]
        return mask
    last, width = int(options["position_ids"][0, -1]), options["position_ids"].shape[1]
    return torch.ones(last + 1, last + 1, dtype=torch.bool).tril()[None, None, -width:]


def detect(run: Run, gradients: bool = False) -> Detections:
    model = run.case.model
    ids, mask = pad_phrases(run.written.phrases)
    with torch.set_grad_enabled(gradients):
        vision = model.detector.encode(run.input("sam_image")[None])
        return model.detect(vision, torch.zeros(len(ids), dtype=torch.long), ids, mask, run.written.slot_states)
