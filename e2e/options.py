"""Options of the single-pass systems, and the presets that are in use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from workbench.foundations.compression import NONE, Quantization
from workbench.foundations.devices import AUTO, CPU, Device
from workbench.foundations.sam3.resizing import LOGITS, RESIZINGS
from workbench.plugins.options import APART, AtLeast, Holds, OneOf, Range

CHECKPOINTS = Path(__file__).parent / "checkpoints"
TINY = CHECKPOINTS / "instructsam-tiny"
SEG_TOKEN, MULTI_SEG = CHECKPOINTS / "seg-token-tiny", CHECKPOINTS / "multi-seg-tiny"
PUBLISHED = "CircleRadon/InstructSAM-2B"
TRAINED_PIXELS = 128 * 128
"""Pixels of the images that the tiny checkpoints were trained on; a larger one would not fit their context."""
OWN, AS_PUBLISHED = "own", "published"
LANGUAGE, DETECTOR, VISION = QUANTIZED = ("language", "detector", "vision")
"""Parts of a model whose weights are rounded, each with those before it."""
INSTRUCTION = "{instruction}"
"""Where a prompt has the instruction."""
SUFFIX = f"{INSTRUCTION} Please output the segmentation mask."
"""The published model's prompt for Inst2Seg, GSEval and RoboRefIt."""


@dataclass(frozen=True)
class InstructSamOptions:
    """Options of one InstructSAM checkpoint; the last three change it for ablations."""

    checkpoint: Annotated[str, APART] = PUBLISHED
    """Folder or hub name; empty: the one of this package."""
    threshold: Annotated[float, Range(0, 1)] = 0.3
    """Score that an instance has to exceed."""
    prompt: Annotated[str, Holds("{instruction}")] = SUFFIX
    """What the model is asked, with the instruction in it."""
    protocol: Annotated[str, OneOf(OWN, AS_PUBLISHED), APART] = OWN
    """published: prompts and threshold as its authors have them for the benchmark and its kinds; own: those above."""
    max_new_tokens: Annotated[int, AtLeast(1)] = 256
    """Tokens of the phrases that the model writes before its slots, at most."""
    batch_size: Annotated[int, AtLeast(1), APART] = 4
    """Samples at once in throughput mode."""
    device: Annotated[str, Device(), APART] = AUTO
    """Where the model runs; auto: on a GPU where torch sees one, else on the CPU."""
    dtype: Annotated[str, OneOf("float32", "bfloat16", "float16")] = "bfloat16"
    """Precision of the weights."""
    resize: Annotated[str, OneOf(*RESIZINGS), APART] = LOGITS
    """What is interpolated to the size of the image: logits or probabilities of masks."""
    max_pixels: Annotated[int | None, AtLeast(1), APART] = None
    """Pixels at which the language model sees an image, at most; none: as the checkpoint says."""
    revision: Annotated[str, APART] = ""
    """Commit, branch or tag of a hub name; empty: the newest."""
    image_size: Annotated[int | None, AtLeast(1), APART] = None
    """Side in pixels of the square in which the detector sees an image; none: as the checkpoint says."""
    quantize: Annotated[str, Quantization(), APART] = NONE
    """Weights as 8-bit integers (needs torchao): int8, or int8-dynamic, which rounds what they meet, too."""
    quantize_to: Annotated[str, OneOf(*QUANTIZED), APART] = LANGUAGE
    """How far that goes: the language model; the detector too; or vision too, which is all."""
    compile: Annotated[bool, APART] = False
    """Have torch compile both image encoders and the detector; the first answers then take minutes."""
    side_by_side: Annotated[bool, APART] = False
    """Encode the image for the detector while the language model writes, on a second stream of a GPU."""
    slots: Annotated[int | None, AtLeast(1), APART] = None
    """How many of its slots are used, from the first on; none: all."""
    slots_causal: Annotated[bool | None, APART] = None
    """Slots see only the slots before them; none: as it was trained."""
    phrase_conditioning: Annotated[bool | None, APART] = None
    """The detector reads the phrase; none: as it was trained."""


INSTRUCTSAM = InstructSamOptions()
"""The published model, on a GPU where there is one."""
INSTRUCTSAM_TINY = InstructSamOptions(
    checkpoint="",
    threshold=0.39,
    prompt="{instruction}",
    max_new_tokens=48,
    batch_size=16,
    device=CPU,
    dtype="float32",
    max_pixels=TRAINED_PIXELS,
)
"""For the tiny checkpoint; its threshold was chosen on val."""


@dataclass(frozen=True)
class SegTokenOptions:
    """Options of one [SEG] token checkpoint; an answer that reaches a limit has failed."""

    checkpoint: Annotated[str, APART] = ""
    """Folder; empty: the one of this package."""
    segmenter: Annotated[str, APART] = ""
    """Folder of the SAM3 that the checkpoint was trained on; empty: sam3-tiny."""
    max_new_tokens: Annotated[int, AtLeast(1)] = 48
    """Tokens of an answer, at most."""
    batch_size: Annotated[int, AtLeast(1), APART] = 16
    """Samples at once in throughput mode."""
    max_pixels: Annotated[int, AtLeast(1)] = TRAINED_PIXELS
    """Pixels at which the language model sees an image, at most."""


@dataclass(frozen=True)
class OneMaskOptions(SegTokenOptions):
    """Options of one [SEG] token for all instances."""

    smallest: Annotated[int, AtLeast(1)] = 10
    """Connected parts of the mask with fewer pixels are no instance."""


@dataclass(frozen=True)
class ManyMasksOptions(SegTokenOptions):
    """Options of a [SEG] token for each instance."""

    max_masks: Annotated[int, AtLeast(1)] = 20
    """The most instances of an answer."""
