"""The keys of recipe `agent-lm`, in a module that imports nothing heavy."""

from typing import NotRequired

from workbench.foundations.training.data.options import DataKeys, ValidationKeys


class Config(DataKeys, ValidationKeys):
    """Keys of the recipe."""

    base: str
    """Checkpoint folder of the language model to start from."""
    seed: int
    image_size: int
    """Side of drawn scenes; the model sees all pictures at this many pixels, squared."""
    scenes: int
    """Pictures of one step."""
    instructions: int
    """Instructions about each picture, at most; each is an episode."""
    minutes: float
    """Minutes of wall clock; a run that was stopped and started again uses the minutes that are left."""
    steps: NotRequired[int]
    """Optimiser steps, in place of `minutes`; a run that was killed and resumed then equals one that was not."""
    rate: float
    """Peak learning rate."""
    prompts: NotRequired[str]
    """Version of the texts that the agent sends: `tiny-v1` (default), or `full-v1`, that of published models."""
    lora_rank: NotRequired[int]
    """Train the language model's attention by adapters of this rank, and nothing else; 0 trains everything (0)."""
    lora_alpha: NotRequired[int]
    """Their output is scaled by alpha / rank (16)."""
    lora_dropout: NotRequired[float]
    """Dropout before them (0.05)."""
    noise: float
    """Share of masks in which the segmenter that knows the truth errs on purpose."""
    real: float
    """Share of episodes that use the segmenter named by the next key instead of the truth."""
    segmenter: str
    segmenter_checkpoint: NotRequired[str]
    """Checkpoint folder of that segmenter (its own)."""
    slip: float
    """Share of turns in which the teacher sends a bad reply, so that the model learns to recover; see `Teacher`."""
    check: float
    """Share of episodes in which the teacher has masks checked without need, so that the model learns checks."""
    workers: int
    """Processes that run episodes ahead of the training; 0 for none."""
    device: NotRequired[str]
    """`cpu`, `cuda`, or `auto` (default): a GPU where torch sees one."""
    validation: int
    """How many instructions about drawn scenes the finished model is tested with, where there is no `validate_on`."""
    precision: NotRequired[str]
    """`bfloat16` autocast (default), or `float32`, which is faster on a processor without instructions for bfloat16."""
    tracking_uri: NotRequired[str]
    """MLflow store (mlflow.db in the output folder), or `none`."""
