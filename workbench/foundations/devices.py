"""Where a model runs: `auto`, what torch can use on this machine, and the words for it."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError
from workbench.plugins.values import MisfitError

if TYPE_CHECKING:
    import torch

AUTO, CPU = "auto", "cpu"


class Device:
    """Limits an option to devices that torch can use on this machine. It is checked with the other options, before
    anything loads."""

    def fits(self, value: Any) -> bool:
        if problem := unusable(value):
            raise MisfitError(problem)
        return True

    def __str__(self) -> str:
        return "that names a device which torch can use here: auto, cpu, cuda or cuda:1"


@dataclass(frozen=True)
class Place:
    """A device of this machine and the precision of a model there, as torch calls them: `cuda:1`, `bfloat16`."""

    device: str
    precision: str

    @property
    def kind(self) -> str:
        """The device without its number: equal cards give equal answers."""
        return self.device.partition(":")[0]

    @property
    def dtype(self) -> "torch.dtype":
        """The precision for torch."""
        import torch

        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    def __str__(self) -> str:
        return f"{self.kind}, {self.precision}"

    def identity(self) -> dict[str, str]:
        """For the identity of a segmenter or language model; nothing for float32 on a CPU, which is what an identity
        without these entries means."""
        if (self.kind, self.precision) == (CPU, "float32"):
            return {}
        return {"device": self.kind, "precision": self.precision}


def unusable(device: str) -> str:
    """Why torch cannot use a device here; empty where it can."""
    if device in (AUTO, CPU):
        return ""
    import torch

    instead = "; without a GPU take cpu (slow at full size), or auto, which takes a GPU where there is one"
    try:
        kind = torch.device(device)
        if kind.type == "cuda" and not torch.cuda.is_available():
            return f"torch {torch.__version__} finds no GPU here{instead}"
        if kind.type == "cuda" and (kind.index or 0) >= (count := torch.cuda.device_count()):
            return f"there {'is 1 GPU' if count == 1 else f'are {count} GPUs'} here, numbered from cuda:0"
        if kind.type == "meta":
            return f"it holds no numbers{instead}"
        if kind.type != "cuda":
            torch.empty(0, device=kind)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch asserts what it was not built for
        return f"{str(error).splitlines()[0].partition('. ')[0]}{instead}"
    return ""


def usable(device: str) -> str:
    """The device that is meant: for `auto` a GPU where torch sees one, else the CPU.

    Raises `ConfigurationError` for a device that torch cannot use here.
    """
    if problem := unusable(device):
        raise ConfigurationError(f"device {device!r} cannot be used: {problem}")
    if device != AUTO:
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else CPU


def place(device: str, precision: str = "") -> Place:
    """Where a model runs; without a precision it is float32 on a CPU and bfloat16 elsewhere. Raises as `usable`."""
    found = usable(device)
    return Place(found, precision or ("float32" if found == CPU else "bfloat16"))


def say(name: str, device: str, chosen: Place) -> None:
    """Say on stderr where a model runs, unless it was put on a CPU by name, and that float16 is slow there. `device` is
    what was asked for."""
    if (chosen.kind, chosen.precision) == (CPU, "float16"):
        slow = "torch has no fast kernels for float16 on a CPU; bfloat16 is as small and many times as fast"
        print(f"{name}: {slow}", file=sys.stderr)
    if device == CPU:
        return
    where = chosen.device
    if where == CPU:
        where += " (torch finds no GPU here; slow at full size)"
    else:
        import torch

        if chosen.kind == "cuda":
            where += f" ({torch.cuda.get_device_name(where)})"
    print(f"{name}: on {where}, in {chosen.precision}", file=sys.stderr)
