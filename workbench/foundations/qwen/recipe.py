"""The keys of recipe `qwen`, in a module that imports nothing heavy."""

from typing import NotRequired, TypedDict


class QwenRecipe(TypedDict):
    """Keys of recipe `qwen`."""

    seed: int
    image_size: int
    instructions: int
    """Instructions about each scene."""
    images: int
    """Scenes of one step with a conversation about each."""
    more: int
    """Further scenes of the step, for the vision tower alone."""
    corpus_scenes: NotRequired[int]
    """Scenes whose conversations a new tokenizer learns from (2000)."""
    start: NotRequired[str]
    """Checkpoint folder to continue from."""
    minutes: float
    """Wall clock; a stopped run continues with the minutes that are left."""
    rate: float
    """Peak learning rate."""
    precision: NotRequired[str]
    """`bfloat16` autocast (default), or `float32`, which is faster on a processor without instructions for bfloat16."""
    tracking_uri: NotRequired[str]
    """MLflow store (mlflow.db in the output folder), or `none`."""
    device: NotRequired[str]
    """`cpu`, `cuda`, or `auto` (default): a GPU where torch sees one."""
    workers: NotRequired[int]
    """Processes that draw scenes ahead of the training (0: it draws them itself)."""
