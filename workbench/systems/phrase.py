"""The floor: a system that gives the whole instruction to a phrase segmenter."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.data.predictions import Instance, Note, Prediction, Trace
from workbench.plugins.interfaces import HasConditions

if TYPE_CHECKING:
    from workbench.data.conditions import Conditions
    from workbench.data.samples import Sample
    from workbench.plugins.interfaces import Image, Segmenter


class PhraseSystem:
    """The floor: the whole instruction goes to a phrase segmenter, as if it were a noun phrase."""

    batch_size = 1

    def __init__(self, segmenter: "Segmenter") -> None:
        self.segmenter = segmenter

    def identity(self) -> dict[str, Any]:
        """The segmenter's identity."""
        return {"system": "sam3-phrase", **self.segmenter.identity()}

    def conditions(self) -> "Conditions":
        """Those of the segmenter, whose threshold is that of the answers."""
        from workbench.data.conditions import Conditions

        stated = self.segmenter.conditions() if isinstance(self.segmenter, HasConditions) else Conditions()
        clock = {"timed": "image features, detector, masks at image size", "not_timed": "loading, a first answer"}
        option = None if stated.threshold is None else "threshold"
        return stated.model_copy(update={"threshold_option": option, **clock})

    def predict(self, samples: Sequence["Sample"], images: Sequence["Image"]) -> list[Prediction]:
        """One prediction per sample, in order; a segmenter cuts a text that is too long for it."""
        return [self._answer(sample, image) for sample, image in zip(samples, images, strict=True)]

    def _answer(self, sample: "Sample", image: "Image") -> Prediction:
        trace = Trace()
        with trace.call("encode"):
            features = self.segmenter.encode(image)
        with trace.call("segment", Note(phrase=sample.instruction)) as call:
            segmented = self.segmenter.segment(features, [sample.instruction])[0]
            call.note.masks = len(segmented.masks)
        return Prediction(
            sample.sample_id,
            instances=tuple(
                Instance(mask, score) for mask, score in zip(segmented.masks, segmented.scores, strict=True)
            ),
            calls=tuple(trace.calls),
            phrases=(sample.instruction,),
        )
