"""InstructSAM as a system of the bench."""

from typing import TYPE_CHECKING, Any

from e2e.options import PUBLISHED, InstructSamOptions
from e2e.single_pass.system import SinglePassSystem
from workbench.data.conditions import Conditions
from workbench.foundations.cards import Card, card, chosen
from workbench.foundations.checkpoints import Found, find
from workbench.foundations.devices import CPU, Place, place, say
from workbench.foundations.sam3.resizing import LOGITS
from workbench.plugins.options import check_options, identity_of

if TYPE_CHECKING:
    from e2e.instructsam.model import InstructSAM
    from e2e.instructsam.predictor import Predictor


PUBLISHED_CARD: Card = {
    "detector": "that of SAM3, tuned by its authors on instructions; its image encoder is frozen",
    "threshold": 0.3,
    "threshold_chosen": "chosen by its authors, who use 0.5 for RoboRefIt",
}


class InstructSamSystem(SinglePassSystem):
    """One checkpoint of InstructSAM."""

    predictor: "Predictor"

    def __init__(self, options: InstructSamOptions) -> None:
        """Load the checkpoint. Raises `ConfigurationError` for a wrong option."""
        check_options("instructsam", options)
        self.options, self.batch_size = options, options.batch_size
        self.place = place(options.device, options.dtype)
        self.found = find(options.checkpoint, options.revision)
        say(f"InstructSAM {self.found.name}", options.device, self.place)
        self.predictor = _load(options, self.found, self.place)
        if options.max_pixels is not None:
            self.predictor.processor.limit(options.max_pixels)
        _change(self.predictor.model, options.slots, options.slots_causal, options.phrase_conditioning)

    def identity(self) -> dict[str, Any]:
        """Checkpoint digest, with the commit of one from the hub; score threshold, length limit, prompt, precision,
        what ablations change, and which slots are kept as candidates: earlier versions kept fewer, and a run must not
        mix them. The device is named where it is not a CPU, what is interpolated where it is not the reference's, and
        the size of images where it is not the checkpoint's."""
        model = self.predictor.model
        return {
            "system": "instructsam",
            "checkpoint": self.found.name,
            "digest": self.found.digest,
            **identity_of(self.options),
            **({} if self.place.kind == CPU else {"device": self.place.kind}),
            **({} if self.options.resize == LOGITS else {"resize": self.options.resize}),
            **({} if self.options.max_pixels is None else {"max_pixels": self.options.max_pixels}),
            "slots": model.slots,
            "slots_causal": model.config.slots_causal,
            "phrase_conditioning": model.config.phrase_conditioning,
            "candidates": "all slots",
        }

    def conditions(self) -> Conditions:
        """How its masks are made, and what its checkpoint's card says."""
        about = PUBLISHED_CARD if self.options.checkpoint == PUBLISHED else card(self.options.checkpoint)
        threshold = self.options.threshold
        by = {"threshold": threshold, "threshold_option": "threshold", "threshold_chosen": chosen(about, threshold)}
        return self.stated(about, self.options.resize, device=str(self.place), **by)


def _load(options: InstructSamOptions, found: Found, where: Place) -> "Predictor":
    from e2e.instructsam.predictor import Predictor

    return Predictor.from_pretrained(
        found.folder,
        device=where.device,
        dtype=where.dtype,
        threshold=options.threshold,
        max_new_tokens=options.max_new_tokens,
        prompt=options.prompt,
        resize=options.resize,
    )


def _change(model: "InstructSAM", slots: int | None, causal: bool | None, conditioning: bool | None) -> None:
    from e2e.instructsam.model import keep_slots

    if slots is not None:
        keep_slots(model, slots)
    if causal is not None:
        model.config.slots_causal = causal
    if conditioning is not None:
        model.config.phrase_conditioning = conditioning
