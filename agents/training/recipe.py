"""The recipe `agent-lm`: its keys, without the imports that its work needs."""

from typing import NotRequired, TypedDict


class Config(TypedDict):
    """Keys of the recipe."""

    base: str
    """Checkpoint folder of the language model to start from."""
    seed: int
    image_size: int
    scenes: int
    """Scenes of one step."""
    instructions: int
    """Instructions about each scene; each is an episode."""
    minutes: float
    """Wall clock; a run that was stopped goes on with what is left."""
    rate: float
    """Peak learning rate."""
    noise: float
    """Share of masks that the truth, in the place of a segmenter, gets wrong."""
    real: float
    """Share of episodes with the segmenter of the next key instead of the truth."""
    segmenter: str
    segmenter_checkpoint: NotRequired[str]
    """Checkpoint folder of that segmenter (its own)."""
    slip: float
    """Share of turns in which the oracle sends a bad reply, for the model to learn what comes after; see `Oracle`."""
    check: float
    """Share of episodes in which masks are checked without need, to teach checks."""
    workers: int
    """Processes that run episodes ahead of the training; 0 for none."""
    validation: int
    """Instructions that the finished model is tried on."""
    tracking_uri: NotRequired[str]
    """MLflow store (mlflow.db in the output folder), or `none`."""
