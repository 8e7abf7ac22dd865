"""The keys of recipe `sam3`, in a module that imports nothing heavy."""

from typing import NotRequired

from workbench.foundations.training.data.options import DataKeys, ValidationKeys


class Sam3Recipe(DataKeys, ValidationKeys):
    """Keys of recipe `sam3`. From nothing, three phases follow each other, each resumed where it was stopped. With
    `data`, any SAM3 is fine-tuned on its categories and phrases instead."""

    seed: int
    image_size: int
    """Side of drawn scenes, in pixels."""
    dense_minutes: NotRequired[float]
    """Wall clock of the first phase: category and colour of every pixel."""
    dense_rate: NotRequired[float]
    """Peak learning rate of the first phase."""
    dense_images: NotRequired[int]
    """Scenes in one step of the first phase (32)."""
    match_minutes: NotRequired[float]
    """Wall clock of the second phase: phrases and places brought together by a dot product."""
    match_rate: NotRequired[float]
    match_images: NotRequired[int]
    """Scenes in one step of the second phase (24)."""
    minutes: float
    """Wall clock of the third phase: the whole detector on concept phrases."""
    rate: float
    """Peak learning rate of the third phase, for the parts that the first phases did not train."""
    known_rate: float
    """Peak learning rate of image and text encoder in the third phase. Ten times as much destroys in minutes
    what the second phase has taught them."""
    images: int
    """Scenes of one step that the detector is asked about."""
    phrases: int
    """Phrases about each, which share its features."""
    more: NotRequired[int]
    """Further scenes of the step, for image and text encoder alone; they cost a fifth as much."""
    start: NotRequired[str]
    """Checkpoint to continue from, with the third phase only; what is fine-tuned on `data`."""
    steps: NotRequired[int]
    """For `data`: optimiser steps, in place of `minutes`; a run that was killed and resumed then equals one that was
    not."""
    save_every: NotRequired[float]
    """For `data`: seconds between the states from which a killed run resumes (120, or as many as it takes to spend a
    fiftieth of the time on them)."""
    frozen: NotRequired[list[str]]
    """For `data`: prefixes of the names of tensors that do not train."""
    match_starts: NotRequired[bool]
    """For `data`: a target is matched with the query that starts nearest to it, as the tiny SAM3 was trained (yes);
    else by scores and boxes, as others were."""
    workers: NotRequired[int]
    """For `data`: processes that make batches ahead of the training (0)."""
    device: NotRequired[str]
    """For `data`: `cpu`, `cuda`, or `auto` (default): a GPU where torch sees one."""
    precision: NotRequired[str]
    """`bfloat16` autocast (default), or `float32`, which is faster on a processor without instructions for bfloat16."""
    tracking_uri: NotRequired[str]
    """MLflow store (mlflow.db in the output folder), or `none`."""
