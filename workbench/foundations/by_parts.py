"""Loads weights a few at a time, so that a model takes no more memory while it loads than when it is there.

transformers keeps a whole file of a checkpoint in view while it converts its tensors: a checkpoint of 5 GB in bfloat16
then takes 15 GB to be loaded in float32, of which the model is 10.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.foundations.checkpoints import weight_files

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PART = 2**28
"""Bytes of a checkpoint that are in view at once, about."""
M = TypeVar("M")


def load_by_parts(make: Callable[[], M], folder: Path, dtype: "torch.dtype") -> M:
    """A transformers model from the safetensors weights of a folder, which have been checked to be all of its own
    (`check_tensors`), in evaluation mode and with floating-point numbers of this type. `make` makes it, with any
    weights."""
    from accelerate import init_empty_weights
    from torch import nn

    with init_empty_weights():  # parameters without numbers; tables that no checkpoint holds are made
        model: Any = make()
    tied = set(getattr(model, "_tied_weights_keys", None) or ()) if model.config.tie_word_embeddings else set()
    for name, stored in _tensors(folder):
        if name in tied:
            continue
        path, _, last = name.rpartition(".")
        owner = model.get_submodule(path)
        # in the precision of the file it stays the file's own memory, which the system can take back and share
        tensor = stored.to(dtype) if stored.is_floating_point() else stored.clone()
        if last in owner._parameters:
            owner._parameters[last] = nn.Parameter(tensor)
        else:
            owner._buffers[last] = tensor
    model.tie_weights()
    model.config.dtype = dtype
    loaded: M = model.eval()
    return loaded


def _tensors(folder: Path) -> Iterator[tuple[str, "Tensor"]]:
    """All tensors by name. A file is let go and opened again as it is read, since what was read of it stays in memory
    while it is open, or while one of those tensors is in use."""
    from safetensors import safe_open

    for file in weight_files(folder):
        with safe_open(file, "pt") as whole:
            names = list(whole.keys())
        while names:
            size = 0
            with safe_open(file, "pt") as part:
                while names and size < PART:
                    tensor = part.get_tensor(names[0])
                    size += tensor.numel() * tensor.element_size()
                    yield names.pop(0), tensor
                    del tensor
