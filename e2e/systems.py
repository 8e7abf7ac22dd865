"""The single-pass systems of the bench; importing this module loads no model code."""

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.errors import ConfigurationError
from workbench.plugins.interfaces import needs

if TYPE_CHECKING:
    from e2e.instructsam.system import InstructSamSystem
    from e2e.segtoken.system import SegTokenSystem

CHECKPOINTS = Path(__file__).parent / "checkpoints"
TINY = CHECKPOINTS / "instructsam-tiny"
SEG_TOKEN, MULTI_SEG = CHECKPOINTS / "seg-token-tiny", CHECKPOINTS / "multi-seg-tiny"
PUBLISHED = "CircleRadon/InstructSAM-2B"
SUFFIX = "{instruction} Please output the segmentation mask."
"""The published model's prompt for Inst2Seg, GSEval and RoboRefIt."""


def instructsam_tiny(
    checkpoint: str | None = None,
    threshold: float = 0.39,
    max_new_tokens: int = 48,
    batch_size: int = 16,
    slots: int | None = None,
    slots_causal: bool | None = None,
    phrase_conditioning: bool | None = None,
) -> "InstructSamSystem":
    """InstructSAM trained on tabletop scenes (128 px, runs on a CPU): single pass, phrase and masks together."""
    from e2e.instructsam.system import InstructSamSystem

    return InstructSamSystem(
        checkpoint or TINY,
        prompt="{instruction}",
        threshold=threshold,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        device="cpu",
        dtype="float32",
        slots=slots,
        slots_causal=slots_causal,
        phrase_conditioning=phrase_conditioning,
    )


def instructsam(
    checkpoint: str = PUBLISHED,
    threshold: float = 0.3,
    prompt: str = SUFFIX,
    max_new_tokens: int = 256,
    batch_size: int = 4,
    device: str = "cuda",
    dtype: str = "bfloat16",
    slots: int | None = None,
    slots_causal: bool | None = None,
    phrase_conditioning: bool | None = None,
) -> "InstructSamSystem":
    """Any InstructSAM checkpoint, by folder or hub name; the published 2B model on a GPU by default."""
    from e2e.instructsam.system import InstructSamSystem

    return InstructSamSystem(
        checkpoint,
        prompt=prompt,
        threshold=threshold,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        device=device,
        dtype=dtype,
        slots=slots,
        slots_causal=slots_causal,
        phrase_conditioning=phrase_conditioning,
    )


@needs(SEG_TOKEN)
def seg_token_tiny(
    checkpoint: str | None = None,
    segmenter: str | None = None,
    max_new_tokens: int = 48,
    smallest: int = 10,
    batch_size: int = 16,
) -> "SegTokenSystem":
    """One [SEG] token decoded into one mask, its connected parts are the instances (as LISA; tabletop, 128 px)."""
    bounds = {"max_masks": 1, "smallest": smallest, "batch_size": batch_size}
    return _seg_token("one", checkpoint or SEG_TOKEN, segmenter, max_new_tokens, **bounds)


@needs(MULTI_SEG)
def multi_seg_tiny(
    checkpoint: str | None = None,
    segmenter: str | None = None,
    max_new_tokens: int = 48,
    max_masks: int = 20,
    batch_size: int = 16,
) -> "SegTokenSystem":
    """A [SEG] token for each instance, emitted one after another (as GSVA and PixelLM; tabletop, 128 px)."""
    return _seg_token(
        "many",
        checkpoint or MULTI_SEG,
        segmenter,
        max_new_tokens,
        max_masks=max_masks,
        smallest=1,
        batch_size=batch_size,
    )


def _seg_token(
    tokens: str, checkpoint: str | Path, segmenter: str | None, max_new_tokens: int, **options: int
) -> "SegTokenSystem":
    from workbench.foundations.sam3.segmenter import TINY as SAM3

    name = "seg-token-tiny" if tokens == "one" else "multi-seg-tiny"
    if not Path(checkpoint).exists():
        raise ConfigurationError(
            f"{name}: there is no checkpoint {checkpoint}; train one with `workbench train e2e/configs/{name}.yaml "
            f"--out runs/{name}`, then use it with `--set {name}.checkpoint=runs/{name}/final`"
        )
    from e2e.segtoken.system import SegTokenSystem

    return SegTokenSystem(checkpoint, segmenter or SAM3, tokens=tokens, max_new_tokens=max_new_tokens, **options)
