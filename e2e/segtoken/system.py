"""The [SEG] token models as systems of the bench."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.options import ManyMasksOptions, OneMaskOptions, SegTokenOptions
from e2e.segtoken.predictor import Predictor
from e2e.single_pass.system import SinglePassSystem
from workbench.data.conditions import Conditions
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import OK
from workbench.foundations.cards import card
from workbench.foundations.checkpoints import digest
from workbench.foundations.sam3.resizing import LOGITS
from workbench.plugins.options import check_options, identity_of

if TYPE_CHECKING:
    from e2e.single_pass.predictor import Answer


class SegTokenSystem(SinglePassSystem):
    """One checkpoint; `max_masks` and `max_new_tokens` bound an answer, and one that reaches a bound has failed."""

    predictor: Predictor

    def __init__(self, options: SegTokenOptions) -> None:
        """Load the checkpoint, which must have been trained for one token or many, as the class of the options says.
        Raises `ConfigurationError`."""
        name, tokens = ("multi-seg", "many") if isinstance(options, ManyMasksOptions) else ("seg-token", "one")
        check_options(name, options)
        self.name, self.options, self.batch_size = name, options, options.batch_size
        self.digest = digest(options.checkpoint)
        self.predictor = Predictor.from_pretrained(
            options.checkpoint,
            options.segmenter,
            max_new_tokens=options.max_new_tokens,
            max_masks=options.max_masks if isinstance(options, ManyMasksOptions) else 1,
            smallest=options.smallest if isinstance(options, OneMaskOptions) else 1,
        )
        self.predictor.processor.limit(options.max_pixels)
        trained_with = self.predictor.model.config.tokens
        if trained_with != tokens:
            raise ConfigurationError(
                f"{options.checkpoint} was trained with tokens: {trained_with}, expected tokens: {tokens}"
            )

    def identity(self) -> dict[str, Any]:
        """Digests of the checkpoint and of its SAM3, and the bounds of an answer."""
        return {
            "system": self.name,
            "checkpoint": Path(self.options.checkpoint).name,
            "digest": self.digest,
            "segmenter_digest": self.predictor.model.config.segmenter_digest,
            **identity_of(self.options),
        }

    def conditions(self) -> Conditions:
        """How its masks are made, and what its checkpoint's card says. It has no score threshold."""
        none = "it has none: what the language model emits is the answer"
        return self.stated(card(self.options.checkpoint), LOGITS, device="cpu, float32", threshold_chosen=none)

    def outcome(self, answer: "Answer") -> tuple[str, str]:
        """An answer that did not end within its bounds has failed, whatever it held by then."""
        if answer.cut_off:
            return "cut_off", f"no end within {answer.answer_tokens} tokens: {answer.text[:200]}"
        return super().outcome(answer) if answer.too_long else (OK, "")
