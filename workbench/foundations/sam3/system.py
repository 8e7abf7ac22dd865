"""The floor of every comparison: SAM3 given the whole instruction as a phrase."""

from typing import Annotated

from workbench.foundations.devices import Device
from workbench.foundations.sam3.resizing import RESIZINGS
from workbench.plugins.options import OneOf, PluginName, Range
from workbench.systems.phrase import PhraseSystem


def sam3_phrase_tiny(
    segmenter: Annotated[str, PluginName("segmenters"), "Name of a segmenter."] = "sam3-tiny",
    threshold: Annotated[
        float | None, Range(0, 1), "Score that an instance has to exceed; none: the segmenter's own."
    ] = None,
    checkpoint: Annotated[str | None, "Folder or hub name of the segmenter's weights; none: its own."] = None,
    revision: Annotated[str | None, "Commit, branch or tag of a hub name; none: the newest."] = None,
    device: Annotated[str | None, Device(), "Where it runs; none: where the segmenter runs by itself."] = None,
    resize: Annotated[
        str | None, OneOf(*RESIZINGS), "What is interpolated to the size of the image; none: the segmenter's own."
    ] = None,
    dtype: Annotated[str | None, "Precision of its weights; none: the segmenter's own."] = None,
    quantize: Annotated[str | None, "Weights as 8-bit integers; none: as the segmenter does."] = None,
) -> PhraseSystem:
    """The floor: SAM3 given the instruction as if it were a noun phrase, without any language model.

    Any segmenter will do; one that has no option of a name that is given refuses it.
    """
    from workbench.plugins import registry

    given = {
        "threshold": threshold,
        "checkpoint": checkpoint or None,
        "revision": revision or None,
        "device": device,
        "resize": resize,
        "dtype": dtype,
        "quantize": quantize,
    }
    options = {name: value for name, value in given.items() if value is not None}
    return PhraseSystem(registry.prepare("segmenters", segmenter, options)())
