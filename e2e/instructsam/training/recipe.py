"""Recipe `instructsam`: train in two stages, as the published model was, on any pictures with questions.

Stage 1 aligns: noun phrases are asked for, and answered by the same phrase and its slots. Stage 2 adds instructions
that have to be understood first. The defaults are those of the tiny models, in which all tensors train that are not
frozen; `e2e/configs/instructsam-2b-stage1.yaml` and `-stage2.yaml` have the published model's settings.
"""

from typing import NotRequired

from workbench.foundations.training.data.options import DataKeys, ValidationKeys


class Config(DataKeys, ValidationKeys):
    """Keys of the recipe. Stage 1 starts from `language_model` and `segmenter`, stage 2 from an InstructSAM `start`."""

    seed: int
    image_size: int
    """Side of drawn scenes, in pixels; pictures of files are as large as they are."""
    images: int
    """Pictures per forward pass; with 0 the language model trains alone, on `more`."""
    conversations: int
    """Conversations about a picture, which share its features; those of a file at most so many at once."""
    more: NotRequired[int]
    """Further pictures of a step, as many conversations about each, that the detector does not look at: the language
    model alone learns the text, and at each slot what stands where it starts and whether it has a target (0)."""
    phrase_share: float
    """Share of the conversations about drawn scenes that ask for a noun phrase; 1 for stage 1."""
    minutes: float
    """Wall clock, evaluations included; a stopped run continues with the minutes that are left."""
    steps: NotRequired[int]
    """Optimiser steps, in place of `minutes`; a run that was killed and resumed then equals one that was not."""
    rate: float
    """Peak learning rate of the language model."""
    detector_rate: float
    """Peak learning rate of detector and projections."""
    query_rate: NotRequired[float]
    """That of the mask queries (the detector's)."""
    place_slots: NotRequired[bool]
    """Slots start from the mean image token at the place that they look at first (no)."""
    place_scenes: NotRequired[int]
    """Scenes whose image tokens that mean is of (320)."""
    max_pixels: NotRequired[int]
    """The language model sees pictures at no more pixels than this (what its checkpoint says)."""
    frozen: list[str]
    """Prefixes of the names of tensors that do not train."""
    language_model: NotRequired[str]
    segmenter: NotRequired[str]
    start: NotRequired[str]
    slots: NotRequired[int]
    """K, for stage 1: the most instances a phrase can have (10)."""
    query_bank: NotRequired[bool]
    """For stage 1, whether there are slots (yes). Without them the language model writes the phrase alone, and the
    detector searches with K of the segmenter's own queries."""
    queries: NotRequired[str]
    """For stage 1, which of the segmenter's queries are kept: evenly `spaced` ones (default), or the `first`; `grid`
    makes as many as there are slots, on a grid over the image, `spread` too, but each number begins with the places of
    all smaller ones."""
    zero_slots: NotRequired[bool]
    """For stage 1, mask queries start from zero, as published, or at random (default)."""
    align: NotRequired[bool]
    """For stage 1, fit the projections to the segmenter's own text features and queries before training (yes)."""
    slots_causal: NotRequired[bool]
    """Slots see only the slots before them (the start's, or no)."""
    phrase_conditioning: NotRequired[bool]
    """The detector reads the phrase (the start's, or yes)."""
    match_starts: NotRequired[bool]
    """A target is matched with the slot that starts nearest to it, instead of by masks and scores (the start's, or
    no)."""
    lora_rank: NotRequired[int]
    """Train the language model's attention by adapters of this rank and nothing else of its layers; 0 trains all of
    them that is not frozen (0)."""
    lora_alpha: NotRequired[int]
    """Their output is scaled by alpha / rank (16)."""
    lora_dropout: NotRequired[float]
    """Dropout before them (0.05)."""
    precision: NotRequired[str]
    """`bfloat16` autocast (default), or `float32`, which is faster on a processor without instructions for bfloat16."""
    save_every: NotRequired[float]
    """Seconds between the states from which a killed run resumes (120, or as many as it takes to spend a fiftieth of
    the time on them)."""
    checkpointing: NotRequired[bool]
    """Compute layers once more on the way back, in place of keeping what they computed: more time, less memory (no)."""
    fsdp: NotRequired[bool]
    """Of several processes each keeps a part of the layers' weights, gradients and moments (no: all of them)."""
    tracking_uri: NotRequired[str]
    """MLflow store (mlflow.db in the output folder), or `none`."""
    align_minutes: NotRequired[float]
    """Minutes from the start in which the detector stays as it is, while phrases and slots learn to speak to it (0)."""
    bce_weight: NotRequired[float]
    dice_weight: NotRequired[float]
    score_weight: NotRequired[float]
    """Weights of the mask and score terms, in the losses and in the matching (the start's, or the published ones)."""
    duplicate_weight: NotRequired[float]
    """How much more the score of a slot without a target counts in the loss, times the share in which its mask overlaps
    one (the start's, or 0)."""
    box_weight: NotRequired[float]
    """Weight of a loss of the boxes that steer the detector, which the published training does not have (0)."""
    union_weight: NotRequired[float]
    """Weight of a loss of the map of all that a phrase names, which the published training does not have (0)."""
    accumulate: NotRequired[int]
    """Forward passes per optimiser step (1)."""
    convention: NotRequired[str]
    """`inference` (default) or `reference`; see `e2e.instructsam.training.examples.Convention`."""
    sample_points: NotRequired[bool]
    """Mask losses at sampled points instead of all pixels (the start's, or no)."""
    evaluate_every: NotRequired[float]
    """Minutes between evaluations on `validation_scenes` (10)."""
    validation_scenes: NotRequired[int]
    """Scenes of the validation split (40)."""
    device: NotRequired[str]
    """`cpu`, `cuda`, or `auto` (default): a GPU where torch sees one."""
    workers: NotRequired[int]
    """Processes that make batches ahead of the training (0: it makes them itself)."""
