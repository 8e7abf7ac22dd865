"""InstructSAM as a system of the bench."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.options import InstructSamOptions
from e2e.single_pass.system import SinglePassSystem
from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import digest
from workbench.plugins.options import check_options, identity_of

if TYPE_CHECKING:
    from e2e.instructsam.model import InstructSAM
    from e2e.instructsam.predictor import Predictor


class InstructSamSystem(SinglePassSystem):
    """One checkpoint of InstructSAM."""

    predictor: "Predictor"

    def __init__(self, options: InstructSamOptions) -> None:
        """Load the checkpoint. Raises `ConfigurationError` for a wrong option."""
        check_options("instructsam", options)
        self.options, self.batch_size = options, options.batch_size
        self.predictor = _load(options)
        self.digest = digest(options.checkpoint)
        _change(self.predictor.model, options.slots, options.slots_causal, options.phrase_conditioning)

    def identity(self) -> dict[str, Any]:
        """Checkpoint digest, score threshold, length limit, prompt, precision, what ablations change, and which slots
        are kept as candidates: earlier versions kept fewer, and a run must not mix them."""
        folder = Path(self.options.checkpoint)
        model = self.predictor.model
        return {
            "system": "instructsam",
            "checkpoint": folder.name if folder.exists() else self.options.checkpoint,
            "digest": self.digest,
            **identity_of(self.options),
            "slots": model.slots,
            "slots_causal": model.config.slots_causal,
            "phrase_conditioning": model.config.phrase_conditioning,
            "candidates": "all slots",
        }


def _load(options: InstructSamOptions) -> "Predictor":
    import torch

    from e2e.instructsam.predictor import Predictor

    try:
        torch.empty(0, device=options.device)
    except (RuntimeError, AssertionError) as error:
        # torch's CPU build asserts that it has no CUDA
        raise ConfigurationError(f"device {options.device!r} cannot be used: {error}") from error
    return Predictor.from_pretrained(
        options.checkpoint,
        device=options.device,
        dtype=getattr(torch, options.dtype),
        threshold=options.threshold,
        max_new_tokens=options.max_new_tokens,
        prompt=options.prompt,
    )


def _change(model: "InstructSAM", slots: int | None, causal: bool | None, conditioning: bool | None) -> None:
    from e2e.instructsam.model import keep_slots

    if slots is not None:
        keep_slots(model, slots)
    if causal is not None:
        model.config.slots_causal = causal
    if conditioning is not None:
        model.config.phrase_conditioning = conditioning
