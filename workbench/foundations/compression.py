"""Makes a loaded model smaller or quicker: weights as 8-bit integers by torchao, compiled parts, and what it weighs."""

import importlib.util
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError
from workbench.plugins.values import MisfitError

if TYPE_CHECKING:
    from torch import Tensor, nn

NONE, INT8, DYNAMIC = "none", "int8", "int8-dynamic"
WAYS = {
    NONE: "as they were loaded",
    INT8: "8-bit integers, and what they are multiplied by as it is",
    DYNAMIC: "8-bit integers, and what they are multiplied by rounded to 8 bits at each step",
}
"""What becomes of the weights of linear layers; every output has a scale of its own."""
EXTRA = "segmentation-workbench[compression]"


class Quantization:
    """Limits an option to `WAYS`, and beyond `none` to machines that have torchao."""

    def fits(self, value: Any) -> bool:
        if value in WAYS and value != NONE and importlib.util.find_spec("torchao") is None:
            raise MisfitError(f"it needs torchao: pip install '{EXTRA}'")
        return value in WAYS

    def __str__(self) -> str:
        return f"that is one of {', '.join(WAYS)}"


def quantize(parts: Sequence["nn.Module"], way: str) -> None:
    """Round the weights of all linear layers of these modules, in place; nothing is done for `none`.

    Raises `ConfigurationError` where torchao refuses, as it may a device or precision.
    """
    if way == NONE:
        return
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, Int8WeightOnlyConfig, quantize_

    config = Int8WeightOnlyConfig() if way == INT8 else Int8DynamicActivationInt8WeightConfig()
    try:
        for part in parts:
            quantize_(part, config, filter_fn=_is_linear)
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        raise ConfigurationError(f"quantize={way} cannot be done here: {error}") from error


def compile_parts(parts: Sequence["nn.Module"]) -> None:
    """Have torch compile each module when it first runs, in place. The first answers then take minutes."""
    for part in parts:
        part.compile()


def weight_bytes(model: "nn.Module") -> int:
    """Bytes of the weights as safetensors would store them: of shared ones once, of rounded ones with their scales."""
    sizes: dict[int, int] = {}
    for tensor in model.state_dict(keep_vars=True).values():
        for one in _stored(tensor):
            sizes[one.data_ptr()] = one.numel() * one.element_size()
    return sum(sizes.values())


def _stored(tensor: "Tensor") -> Iterator["Tensor"]:
    """What is stored of a tensor: itself, or the parts of one that torchao made."""
    if not hasattr(tensor, "__tensor_flatten__"):
        yield tensor
        return
    for name in tensor.__tensor_flatten__()[0]:
        part = getattr(tensor, name)
        if part is not None:
            yield from _stored(part)


def _is_linear(module: "nn.Module", name: str) -> bool:
    from torch.nn import Linear

    return type(module) is Linear
