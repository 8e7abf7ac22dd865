"""InstructSAM as a system of the bench."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.checkpoints import digest
from workbench.errors import ConfigurationError
from workbench.predictions import OK, Call, Candidate, Instance, Prediction, Trace

if TYPE_CHECKING:
    from e2e.instructsam.inference import Answer
    from e2e.instructsam.model import InstructSAM
    from workbench.samples import Sample
    from workbench.systems import Image


class InstructSamSystem:
    """One checkpoint answering instructions in a single pass; samples of one image share its features in a batch."""

    oracles = ("scores", "deduplication", "presence")

    def __init__(
        self,
        checkpoint: str | Path,
        *,
        prompt: str,
        threshold: float,
        max_new_tokens: int,
        batch_size: int,
        device: str,
        dtype: str,
        slots: int | None = None,
        slots_causal: bool | None = None,
        phrase_conditioning: bool | None = None,
    ) -> None:
        """Load the checkpoint. `slots`, the first so many of its slots, `slots_causal` and `phrase_conditioning` change
        it for ablations; None leaves it as it was trained. Raises `ConfigurationError` for a wrong option."""
        if not 0 <= threshold <= 1:
            raise ConfigurationError(f"threshold: expected a score in [0, 1], got {threshold}")
        if "{instruction}" not in prompt:
            raise ConfigurationError(f"prompt: expected a text with {{instruction}} in it, got {prompt!r}")
        if max_new_tokens < 1 or batch_size < 1:
            raise ConfigurationError("max_new_tokens and batch_size must be at least 1")
        for name, value in (("slots_causal", slots_causal), ("phrase_conditioning", phrase_conditioning)):
            if not isinstance(value, bool | None):
                raise ConfigurationError(f"{name}: expected true or false, got {value!r}")
        self.checkpoint, self.batch_size, self.dtype = checkpoint, batch_size, dtype
        self.predictor = _load(checkpoint, device, dtype, threshold, max_new_tokens, prompt)
        self.digest = digest(checkpoint)
        _change(self.predictor.model, slots, slots_causal, phrase_conditioning)

    def identity(self) -> dict[str, Any]:
        """Checkpoint digest, score threshold, length limit, prompt, precision, what ablations change, and which slots
        are kept as candidates: earlier versions kept fewer, and a run must not mix them."""
        folder = Path(self.checkpoint)
        model = self.predictor.model
        return {
            "system": "instructsam",
            "checkpoint": folder.name if folder.exists() else str(self.checkpoint),
            "digest": self.digest,
            "threshold": self.predictor.threshold,
            "max_new_tokens": self.predictor.max_new_tokens,
            "prompt": self.predictor.prompt,
            "dtype": self.dtype,
            "slots": model.slots,
            "slots_causal": model.config.slots_causal,
            "phrase_conditioning": model.config.phrase_conditioning,
            "candidates": "all slots",
        }

    def predict(self, samples: Sequence["Sample"], images: Sequence["Image"]) -> list[Prediction]:
        """One prediction per sample, in order."""
        groups: dict[str, list[int]] = {}
        for index, sample in enumerate(samples):
            groups.setdefault(sample.image_id, []).append(index)
        trace = Trace()
        answers = self.predictor.segment_instructions(
            [images[group[0]] for group in groups.values()],
            [[samples[index].instruction for index in group] for group in groups.values()],
            trace,
        )
        predictions: dict[int, Prediction] = {}
        for group, found in zip(groups.values(), answers, strict=True):
            for index, answer in zip(group, found, strict=True):
                predictions[index] = _prediction(
                    samples[index].sample_id, answer, trace.calls, len(samples), self.outcome(answer)
                )
        return [predictions[index] for index in range(len(samples))]

    def outcome(self, answer: "Answer") -> tuple[str, str]:
        """How an answer ended: a key of `OUTCOMES` and a message."""
        if answer.too_long:
            return "too_long", f"the prompt has {answer.prompt_tokens} tokens, which leaves no room for an answer"
        if answer.cut_off and not answer.phrases:
            return "cut_off", f"no phrase within {answer.answer_tokens} tokens: {answer.text[:200]}"
        return OK, ""


def _load(checkpoint: str | Path, device: str, dtype: str, threshold: float, max_new_tokens: int, prompt: str) -> Any:
    import torch

    from e2e.instructsam.inference import Predictor

    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in kinds:
        raise ConfigurationError(f"dtype: expected one of {', '.join(kinds)}, got {dtype!r}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        # torch's CPU build asserts that it has no CUDA
        raise ConfigurationError(f"device {device!r} cannot be used: {error}") from error
    return Predictor.from_pretrained(
        checkpoint,
        device=device,
        dtype=kinds[dtype],
        threshold=threshold,
        max_new_tokens=max_new_tokens,
        prompt=prompt,
    )


def _change(model: "InstructSAM", slots: int | None, causal: bool | None, conditioning: bool | None) -> None:
    from e2e.instructsam.model import keep_slots

    if slots is not None:
        keep_slots(model, slots)
    if causal is not None:
        model.config.slots_causal = causal
    if conditioning is not None:
        model.config.phrase_conditioning = conditioning


def _prediction(
    sample_id: str, answer: "Answer", calls: Sequence[Call], batch: int, ending: tuple[str, str]
) -> Prediction:
    own = [replace(call, note={**call.note, "batch": batch} if batch > 1 else call.note) for call in calls]
    for call in own:
        if call.kind == "llm":
            call.tokens_in, call.tokens_out = answer.prompt_tokens, answer.answer_tokens
            call.note = {**call.note, "text": answer.text, **({"mistake": "cut_off"} if answer.cut_off else {})}
    outcome, message = ending
    return Prediction(
        sample_id,
        instances=tuple(Instance(slot.mask, slot.score) for slot in answer.instances),
        outcome=outcome,
        message=message,
        calls=tuple(own),
        candidates=tuple(
            Candidate(slot.mask, slot.score, "low_score", answer.phrases[slot.phrase]) for slot in answer.below
        ),
        phrases=answer.phrases,
    )
