"""InstructSAM as a system of the bench."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.single_pass.system import SinglePassSystem
from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import digest

if TYPE_CHECKING:
    from e2e.instructsam.model import InstructSAM
    from e2e.instructsam.predictor import Predictor


class InstructSamSystem(SinglePassSystem):
    """One checkpoint of InstructSAM."""

    predictor: "Predictor"

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


def _load(checkpoint: str | Path, device: str, dtype: str, threshold: float, max_new_tokens: int, prompt: str) -> Any:
    import torch

    from e2e.instructsam.predictor import Predictor

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
