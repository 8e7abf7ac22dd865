"""The keys of recipe `sam3`, in a module that imports nothing heavy."""

from typing import NotRequired, TypedDict


class Sam3Recipe(TypedDict):
    """Keys of recipe `sam3`. Three phases follow each other, each resumed where it was stopped."""

    seed: int
    image_size: int
    dense_minutes: float
    """Wall clock of the first phase: category and colour of every pixel."""
    dense_rate: float
    """Peak learning rate of the first phase."""
    dense_images: NotRequired[int]
    """Scenes in one step of the first phase (32)."""
    match_minutes: float
    """Wall clock of the second phase: phrases and places brought together by a dot product."""
    match_rate: float
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
    more: int
    """Further scenes of the step, for image and text encoder alone; they cost a fifth as much."""
    start: NotRequired[str]
    """Checkpoint folder to continue from, with the third phase only."""
    precision: NotRequired[str]
    """`bfloat16` autocast (default), or `float32`, which is faster on a processor without instructions for bfloat16."""
    tracking_uri: NotRequired[str]
    """MLflow store (mlflow.db in the output folder), or `none`."""
