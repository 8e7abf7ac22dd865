"""The single-pass systems of the bench; importing this module loads no model code."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.options import (
    INSTRUCTSAM,
    INSTRUCTSAM_TINY,
    MULTI_SEG,
    SEG_TOKEN,
    TINY,
    InstructSamOptions,
    ManyMasksOptions,
    OneMaskOptions,
    SegTokenOptions,
)
from workbench.data.errors import ConfigurationError
from workbench.plugins.interfaces import needs

if TYPE_CHECKING:
    from e2e.instructsam.system import InstructSamSystem
    from e2e.segtoken.system import SegTokenSystem


@needs(TINY)
def instructsam_tiny(options: InstructSamOptions = INSTRUCTSAM_TINY) -> "InstructSamSystem":
    """InstructSAM trained on tabletop scenes (128 px, runs on a CPU): single pass, phrase and masks together."""
    return instructsam(replace(options, checkpoint=options.checkpoint or str(TINY)))


def instructsam(options: InstructSamOptions = INSTRUCTSAM) -> "InstructSamSystem":
    """Any InstructSAM checkpoint, by folder or hub name; the published 2B model by default, on a GPU if it can."""
    from e2e.instructsam.system import InstructSamSystem

    return InstructSamSystem(options)


@needs(SEG_TOKEN)
def seg_token_tiny(options: OneMaskOptions = OneMaskOptions()) -> "SegTokenSystem":  # noqa: B008
    """One [SEG] token decoded into one mask, its connected parts are the instances (as LISA; tabletop, 128 px)."""
    return _seg_token("seg-token-tiny", SEG_TOKEN, options)


@needs(MULTI_SEG)
def multi_seg_tiny(options: ManyMasksOptions = ManyMasksOptions()) -> "SegTokenSystem":  # noqa: B008
    """A [SEG] token for each instance, emitted one after another (as GSVA and PixelLM; tabletop, 128 px)."""
    return _seg_token("multi-seg-tiny", MULTI_SEG, options)


def _seg_token(name: str, shipped: Path, options: SegTokenOptions) -> "SegTokenSystem":
    from workbench.foundations.sam3.segmenter import TINY as SAM3

    checkpoint = options.checkpoint or str(shipped)
    if not Path(checkpoint).exists():
        raise ConfigurationError(
            f"{name}: there is no checkpoint {checkpoint}; train one with `workbench train e2e/configs/{name}.yaml "
            f"--out runs/{name}`, then use it with `--set {name}.checkpoint=runs/{name}/final`"
        )
    from e2e.segtoken.system import SegTokenSystem

    return SegTokenSystem(replace(options, checkpoint=checkpoint, segmenter=options.segmenter or str(SAM3)))
