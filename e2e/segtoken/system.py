"""The [SEG] token models as systems of the bench."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.segtoken.predictor import Predictor
from e2e.single_pass.system import SinglePassSystem
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import OK
from workbench.foundations.checkpoints import digest

if TYPE_CHECKING:
    from e2e.single_pass.predictor import Answer


class SegTokenSystem(SinglePassSystem):
    """One checkpoint; `max_masks` and `max_new_tokens` bound an answer, and one that reaches a bound has failed."""

    predictor: Predictor

    def __init__(
        self,
        checkpoint: str | Path,
        segmenter: str | Path,
        *,
        tokens: str,
        max_new_tokens: int,
        max_masks: int,
        smallest: int,
        batch_size: int,
    ) -> None:
        """Load the checkpoint, which must have been trained for these `tokens`. Raises `ConfigurationError`."""
        for name, value in (("max_new_tokens", max_new_tokens), ("max_masks", max_masks), ("batch_size", batch_size)):
            if value < 1:
                raise ConfigurationError(f"{name}: expected at least 1, got {value}")
        if smallest < 1:
            raise ConfigurationError(f"smallest: expected a number of pixels, at least 1, got {smallest}")
        self.checkpoint, self.batch_size = checkpoint, batch_size
        self.digest = digest(checkpoint)
        self.predictor = Predictor.from_pretrained(
            checkpoint, segmenter, max_new_tokens=max_new_tokens, max_masks=max_masks, smallest=smallest
        )
        found = self.predictor.model.config.tokens
        if found != tokens:
            raise ConfigurationError(f"{checkpoint} was trained with tokens: {found}, expected tokens: {tokens}")

    def identity(self) -> dict[str, Any]:
        """Digests of the checkpoint and of its SAM3, and the bounds of an answer."""
        config = self.predictor.model.config
        own = {"max_masks": self.predictor.max_masks} if config.tokens == "many" else {}
        return {
            "system": "multi-seg" if config.tokens == "many" else "seg-token",
            "checkpoint": Path(self.checkpoint).name,
            "digest": self.digest,
            "segmenter_digest": config.segmenter_digest,
            "max_new_tokens": self.predictor.max_new_tokens,
            **(own or {"smallest": self.predictor.smallest}),
        }

    def outcome(self, answer: "Answer") -> tuple[str, str]:
        """An answer that did not end within its bounds has failed, whatever it held by then."""
        if answer.cut_off:
            return "cut_off", f"no end within {answer.answer_tokens} tokens: {answer.text[:200]}"
        return super().outcome(answer) if answer.too_long else (OK, "")
