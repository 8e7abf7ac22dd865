"""Recipe `segtoken`: train a [SEG] token model on the pictures with questions that InstructSAM trains on."""

from typing import NotRequired

from workbench.foundations.training.data.options import DataKeys, ValidationKeys


class Config(DataKeys, ValidationKeys):
    """Keys of the recipe."""

    tokens: str
    """`one` [SEG] for all instances, or `many`, one for each."""
    language_model: str
    """Checkpoint folder of the Qwen3-VL to start from; its vision tower stays as it is."""
    segmenter: str
    """Checkpoint folder of the SAM3: its mask decoder trains, its vision encoder stays as it is."""
    seed: int
    image_size: int
    """Side of drawn scenes, in pixels; pictures of files are as large as they are."""
    images: int
    """Pictures of one step."""
    conversations: int
    """Conversations about a picture, which share its features; those of a file at most so many at once."""
    phrase_share: float
    """Share of the conversations about drawn scenes that ask for a noun phrase, the others give an instruction."""
    max_pixels: NotRequired[int]
    """The language model sees pictures at no more pixels than this (what its checkpoint says)."""
    minutes: float
    """Wall clock, evaluations included; a stopped run continues with the minutes that are left."""
    steps: NotRequired[int]
    """Optimiser steps, in place of `minutes`; a run that was killed and resumed then equals one that was not."""
    rate: float
    """Peak learning rate of the language model."""
    mask_rate: float
    """Peak learning rate of the projection and the mask decoder."""
    bce_weight: float
    dice_weight: float
    """Weights of the mask losses beside the text loss; LISA has 2 and 0.5."""
    cells: NotRequired[bool]
    """The answer says the cell of a mask, in words, before its [SEG] (no)."""
    max_masks: NotRequired[int]
    """Questions with more targets are left out (20)."""
    evaluate_every: NotRequired[float]
    """Minutes between evaluations on `validation_scenes` (10)."""
    validation_scenes: NotRequired[int]
    """Scenes of the validation split (40)."""
    save_every: NotRequired[float]
    """Seconds between the states from which a killed run resumes (120, or as many as it takes to spend a fiftieth of
    the time on them)."""
    precision: NotRequired[str]
    """`bfloat16` autocast (default), or `float32`, which is faster on a processor without instructions for bfloat16."""
    tracking_uri: NotRequired[str]
    """MLflow store (mlflow.db in the output folder), or `none`."""
    device: NotRequired[str]
    """`cpu`, `cuda`, or `auto` (default): a GPU where torch sees one."""
    workers: NotRequired[int]
    """Processes that make batches ahead of the training (0: it makes them itself)."""
