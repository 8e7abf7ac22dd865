"""The keys of recipe `sam3`, in a module that imports nothing heavy."""

from typing import NotRequired, TypedDict


class Sam3Recipe(TypedDict):
    """Keys of recipe `sam3`. Three phases follow each other, each resumed where it was stopped."""

    seed: int
    image_size: int
    dense_minutes: float
    """Wall clock of the first phase: category and colour of every pixel."""
    dense_rate: float
    """Its peak learning rate."""
    dense_images: NotRequired[int]
    """Scenes of one of its steps (32)."""
    match_minutes: float
    """Wall clock of the second phase: phrases and places brought together by a dot product."""
    match_rate: float
    match_images: NotRequired[int]
    """Scenes of one of its steps (24)."""
    minutes: float
    """Wall clock of the third phase: the whole detector on concept phrases."""
    rate: float
    """Its peak learning rate, for what the first phases did not train."""
    known_rate: float
    """And for image and text encoder; ten times this unlearns in minutes what words and places have in common."""
    images: int
    """Scenes of one step that the detector is asked about."""
    phrases: int
    """Phrases about each, which share its features."""
    more: int
    """Further scenes of the step, for image and text encoder alone; they cost a fifth as much."""
    start: NotRequired[str]
    """Checkpoint folder to go on from, with the third phase alone."""
    tracking_uri: NotRequired[str]
    """MLflow store (mlflow.db in the output folder), or `none`."""
