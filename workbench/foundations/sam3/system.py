"""The floor of every comparison: SAM3 given the whole instruction as a phrase."""

from workbench.systems.phrase import PhraseSystem


def sam3_phrase_tiny(
    segmenter: str = "sam3-tiny", threshold: float = 0.3, checkpoint: str | None = None
) -> PhraseSystem:
    """The floor: SAM3 given the instruction as if it were a noun phrase, without any language model.

    `checkpoint`: folder or hub name of the segmenter's weights (its own).
    """
    from workbench.plugins import registry

    options = {"threshold": threshold, **({"checkpoint": checkpoint} if checkpoint else {})}
    return PhraseSystem(registry.prepare("segmenters", segmenter, options)())
